import { useEffect, useEffectEvent, useReducer } from 'react';
import { useCampaignClient, useCampaignSnapshot, useConnection, useSyncStatus } from '@campaign-state/client/react';
import { useNow } from '../use-now.ts';
import { reduceRecovery } from './recovery.ts';

/** Milliseconds in which the entries that were missed arrive. */
const CATCHING_UP = 500;
/** Milliseconds for which the good news stays. */
const TOLD = 12_000;

/** Says that the connection is lost, that work goes on meanwhile, and afterwards what was caught up. */
export function RecoveryStrip() {
  const { status, attempt, retryAt } = useConnection();
  const version = useCampaignSnapshot((snapshot) => snapshot.version);
  const { unsavedCount } = useSyncStatus();
  const elsewhere = useUnsavedElsewhere();
  const [recovery, dispatch] = useReducer(reduceRecovery, { phase: 'none' });
  const now = useNow();

  const observe = useEffectEvent(() => dispatch({ type: 'connection', status, version, at: Date.now() }));
  useEffect(() => observe(), [status]);

  const catchUp = useEffectEvent(() => dispatch({ type: 'caught-up', version }));
  const { phase } = recovery;
  useEffect(() => {
    if (phase !== 'back') return undefined;
    const timers = [setTimeout(() => catchUp(), CATCHING_UP), setTimeout(() => dispatch({ type: 'told' }), TOLD)];
    return () => timers.forEach(clearTimeout);
  }, [phase]);

  return (
    <div className="strips" role="status">
      {recovery.phase === 'none' && version === 0 && (status === 'reconnecting' || status === 'offline') && (
        <p className="strip" data-phase="lost">
          <strong>{status === 'offline' ? 'This device is offline.' : 'The server does not answer.'}</strong> Everything
          opens by itself when it is back.
          <span className="strip-attempt" aria-hidden="true">
            {say(attempt, retryAt, now)}
          </span>
        </p>
      )}
      {recovery.phase === 'lost' && (
        <p className="strip" data-phase="lost">
          <strong>{status === 'offline' ? 'This device is offline.' : 'The server is gone. Reconnecting…'}</strong> You
          can go on editing: {unsaved(unsavedCount, elsewhere)}
          <span className="strip-attempt" aria-hidden="true">
            {say(attempt, retryAt, now)}
          </span>
        </p>
      )}
      {recovery.phase === 'back' && (
        <p className="strip" data-phase="back">
          <strong>Back after {(recovery.took / 1_000).toFixed(1)} s.</strong>{' '}
          {caughtUp(recovery.from, recovery.version)}{' '}
          {unsavedCount + elsewhere === 0 ? 'Every edit of yours is saved.' : unsaved(unsavedCount, elsewhere)}
        </p>
      )}
    </div>
  );
}

function say(attempt: number, retryAt: number | undefined, now: number): string {
  const seconds = retryAt === undefined ? 0 : Math.ceil((retryAt - now) / 1_000);
  return `Attempt ${attempt + 1}${seconds > 0 ? ` in ${seconds} s` : ''}.`;
}

function unsaved(count: number, elsewhere: number): string {
  if (count === 0 && elsewhere === 0) return 'nothing is waiting.';
  const edits = (of: number) => (of === 1 ? '1 edit waits' : `${of} edits wait`);
  if (elsewhere === 0) return `${edits(count)} to be sent.`;
  if (count === 0) return `${edits(elsewhere)} to be sent, in other campaigns.`;
  return `${edits(count)} to be sent, and ${elsewhere} in other campaigns.`;
}

/** Unsaved edits of the other campaigns that have been opened here; counted anew each second. */
function useUnsavedElsewhere(): number {
  const client = useCampaignClient();
  const campaignId = useCampaignSnapshot((snapshot) => snapshot.campaignId);
  return client
    .inspect()
    .filter(({ campaign }) => campaign.getSnapshot().campaignId !== campaignId)
    .reduce((sum, { campaign }) => sum + campaign.getSnapshot().sync.unsavedCount, 0);
}

function caughtUp(from: number, version: number): string {
  const missed = version - from;
  if (missed === 0) return `Resumed at v${version}, where it was.`;
  return `Resumed from v${from} to v${version}: ${missed === 1 ? '1 entry' : `${missed} entries`} caught up.`;
}
