import { useEffect, useState } from 'react';
import {
  useCampaign,
  useCampaignClient,
  useCampaignSnapshot,
  useCampaignUpdates,
  useSyncStatus,
} from '@campaign-state/client/react';
import { CampaignError, type JsonObject, type Position } from '@campaign-state/client';
import { useLedger } from '../measure/ledger-context.ts';
import { ConfirmButton } from '../status/ConfirmButton.tsx';
import { sayRefusal, type Refused } from '../status/say-refusal.ts';
import { WhyField } from '../status/WhyField.tsx';
import { describeChange } from './describe-change.ts';
import { DifferenceLines } from './Difference.tsx';

/** Characters that are left for why, beside the version in the comment. */
const LONGEST_WHY = 470;
/** How often what will change is looked at anew, and after what time once that was refused, in milliseconds. */
const ASK_MS = 400;
const ASK_AGAIN_MS = 3_000;

/** Goes back to a version, as a new one; shows what will change, and asks why, before it does. */
export function RestoreVersion({
  version,
  disabled,
  tabIndex = 0,
  restored,
}: {
  version: number;
  disabled: boolean;
  tabIndex?: number;
  /** Called once it is done. */
  restored?: () => void;
}) {
  const campaignId = useCampaignSnapshot((snapshot) => snapshot.campaignId) ?? '';
  const { rollback } = useCampaignUpdates();
  const ledger = useLedger();
  const [why, setWhy] = useState('');
  /** The position at which the change was shown; missing while there is none to be made. */
  const [shownAt, setShownAt] = useState<Position>();
  /** Somebody was faster: it may be changed faster than one can look at it. */
  const [wasLate, setWasLate] = useState(false);

  async function restore(): Promise<void> {
    if (shownAt === undefined) return;
    const comment = `Back to v${version}${why.trim() === '' ? '' : `: ${why.trim()}`}`;
    try {
      const receipt = await rollback(version, { comment, ...(!wasLate && { expectedVersion: shownAt }) });
      ledger.made(campaignId, receipt.version);
      restored?.();
    } catch (error) {
      if (!(error instanceof CampaignError && error.reason === 'CONFLICT')) throw error;
      setWasLate(true);
      throw new Error('Somebody has changed it meanwhile. Look at what will change now, or restore it whatever comes', {
        cause: error,
      });
    }
  }

  return (
    <ConfirmButton
      open="Restore"
      label={`Restore version ${version}`}
      tabIndex={tabIndex}
      title={`Restore version ${version}?`}
      effect="It becomes a new version; what came since stays in the history. This will change:"
      go={wasLate ? 'Restore it whatever comes' : 'Restore it'}
      busyLabel="Restoring…"
      disabled={disabled}
      canGo={shownAt !== undefined}
      opened={() => {
        setWhy('');
        setShownAt(undefined);
        setWasLate(false);
      }}
      run={restore}
    >
      <WhatWillChange campaignId={campaignId} version={version} shown={setShownAt} />
      <WhyField why={why} change={setWhy} longest={LONGEST_WHY} />
    </ConfirmButton>
  );
}

/** What a dry run has said, at which position. */
interface Answer {
  readonly position: Position;
  readonly change: JsonObject;
  readonly changed: boolean;
}

/** What going back would change, by a dry run, and by others while the campaign is changed. */
function WhatWillChange({
  campaignId,
  version,
  shown,
}: {
  campaignId: string;
  version: number;
  /** Called with the position of what is shown; with nothing while there is none, or nothing would change. */
  shown: (at: Position | undefined) => void;
}) {
  const client = useCampaignClient();
  const document = useCampaign((all) => all);
  const { pendingCount } = useSyncStatus();
  const isWaiting = pendingCount > 0;
  const [answer, setAnswer] = useState<Answer | { readonly refused: Refused }>();

  // One at a time, then one of where the campaign is by then: also while others change it there is an answer.
  useEffect(() => {
    if (isWaiting) return undefined;
    const campaign = client.campaign(campaignId);
    const input = { campaignId, toVersion: version, dryRun: true } as const;
    let isOver = false;
    let isBusy = false;
    let asked: Position | undefined;
    let notBefore = 0;
    const ask = async (): Promise<void> => {
      const { position } = campaign.getSnapshot();
      if (isBusy || position === asked || performance.now() < notBefore) return;
      isBusy = true;
      try {
        const said = await client.trpc.campaign.rollback.mutate(input);
        asked = position;
        if (!isOver && 'dryRun' in said) setAnswer(said);
      } catch (error) {
        notBefore = performance.now() + ASK_AGAIN_MS;
        if (!isOver) setAnswer({ refused: error instanceof Error ? error : new Error(String(error)) });
      } finally {
        isBusy = false;
      }
    };
    const timer = setInterval(() => void ask(), ASK_MS);
    void ask();
    return () => {
      isOver = true;
      clearInterval(timer);
    };
  }, [client, campaignId, version, isWaiting]);

  const isChange = answer !== undefined && 'position' in answer && answer.changed && !isWaiting;
  const at = isChange ? answer.position : undefined;
  useEffect(() => shown(at), [shown, at]);

  if (isWaiting) return <p className="field-error">Your own edits are still on their way; they come first.</p>;
  if (!answer)
    return (
      <p className="empty" role="status">
        Looking at what will change…
      </p>
    );
  if ('refused' in answer)
    return (
      <p className="field-error" role="alert">
        {sayRefusal(answer.refused)}
      </p>
    );
  if (!answer.changed)
    return (
      <p className="empty" role="status">
        Nothing: the campaign says what it said then.
      </p>
    );
  return (
    <div className="will-change" tabIndex={0} role="region" aria-label="What will change">
      <DifferenceLines lines={describeChange(document, answer.change)} />
    </div>
  );
}
