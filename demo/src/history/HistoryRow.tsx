import { useState } from 'react';
import { useAccess, useCampaignSnapshot, useCampaignUpdates } from '@campaign-state/client/react';
import type { Entry } from '@campaign-state/client';
import { sayRefusal } from '../status/say-refusal.ts';
import { Ago } from './Ago.tsx';
import { Comparison } from './Comparison.tsx';
import { CopyVersion } from './CopyVersion.tsx';
import { useLedger } from '../measure/ledger-context.ts';
import { setPreview, usePreview } from './preview.ts';
import { describeChange } from './describe-change.ts';
import { Difference } from './Difference.tsx';
import type { EntryGroup } from './group-entries.ts';
import { RedactEntry } from './RedactEntry.tsx';

/** One row of the history: who, what, when; the difference when it is opened; the way back to it. */
export function HistoryRow({
  group,
  isCurrent,
  readOnly,
}: {
  group: EntryGroup<Entry>;
  isCurrent: boolean;
  readOnly: boolean;
}) {
  const { newest, oldest, entries } = group;
  const campaignId = useCampaignSnapshot((snapshot) => snapshot.campaignId) ?? '';
  const { mayAdminister } = useAccess();
  const previewed = usePreview();
  const { rollback } = useCampaignUpdates();
  const ledger = useLedger();
  const [isOpen, setOpen] = useState(false);
  const [restoring, setRestoring] = useState<'idle' | 'busy' | { error: Error }>('idle');

  async function restore(): Promise<void> {
    setRestoring('busy');
    try {
      const { version } = await rollback(newest.version, { comment: `Back to v${newest.version}` });
      ledger.made(campaignId, version);
      setRestoring('idle');
    } catch (error) {
      setRestoring({ error: error instanceof Error ? error : new Error(String(error)) });
    }
  }

  return (
    <li className="history-row" data-current={isCurrent}>
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>
          <span className="history-version">v{newest.version}</span>
          <span className="history-what">
            <Summary group={group} />
          </span>
          <span className="history-who">
            {newest.actor.id} · <Ago at={newest.at} />
            {entries.length > 1 && ` · ${entries.length} strokes`}
            {newest.comment !== undefined && ` · ${newest.comment}`}
          </span>
        </summary>
        {isOpen && (
          <>
            <Difference from={oldest.version - 1} to={newest.version} created={newest.change} />
            <Redacted entries={entries} />
            <p className="history-buttons">
              <button
                type="button"
                className="small"
                aria-pressed={previewed === newest.version}
                onClick={() => setPreview(previewed === newest.version ? undefined : newest.version)}
              >
                Preview
              </button>
              <Comparison version={newest.version} />
              {mayAdminister && <CopyVersion version={newest.version} />}
              {mayAdminister && <RedactEntry entries={entries} />}
            </p>
          </>
        )}
      </details>
      {isCurrent ? (
        <span className="history-now">now</span>
      ) : (
        <button
          type="button"
          className="small"
          disabled={readOnly || restoring === 'busy'}
          aria-label={`Restore version ${newest.version}`}
          onClick={() => void restore()}
        >
          Restore
        </button>
      )}
      {typeof restoring === 'object' && (
        <p className="field-error" role="alert">
          {sayRefusal(restoring.error)}
        </p>
      )}
    </li>
  );
}

/** What was taken out of these entries, and by whom. */
function Redacted({ entries }: { entries: readonly Entry[] }) {
  return entries
    .flatMap(({ version, redacted = [] }) => redacted.map((each) => ({ ...each, version })))
    .map(({ version, path, comment, by, at }) => (
      <p key={`${version} ${JSON.stringify(path)} ${at}`} className="redacted">
        <b>{[path?.join('.'), comment && 'the comment'].filter(Boolean).join(' and ')}</b> of v{version}: redacted by{' '}
        {by}, <Ago at={at} />
      </p>
    ));
}

const NAMED: Readonly<Record<string, string>> = {
  create: 'created the campaign',
  rollback: 'went back',
  archive: 'archived it',
  restore: 'opened it again',
};

function Summary({ group: { newest } }: { group: EntryGroup<Entry> }) {
  const named = NAMED[newest.type];
  if (named !== undefined) return named;
  const [first, ...rest] = describeChange(undefined, newest.change);
  if (!first) return 'nothing';
  if (rest.length > 0) return `${first.path} and ${rest.length} more`;
  const after = first.kind === 'value' ? first.after : undefined;
  return (
    <>
      {first.path} {after !== undefined && <q>{after}</q>}
    </>
  );
}
