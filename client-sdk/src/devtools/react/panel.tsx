import { useSyncExternalStore, type CSSProperties } from 'react';
import type { Devtools, SeenCampaignState, SeenFrame } from '../devtools.ts';

export interface CampaignDevtoolsProps {
  readonly devtools: Devtools;
  /** How long frames are held back by the button *delay*, each way, in milliseconds. Default 1,000. */
  readonly delayMs?: number;
}

const PANEL: CSSProperties = {
  font: '12px/1.4 ui-monospace, monospace',
  padding: 8,
  maxHeight: '40vh',
  overflow: 'auto',
};
const LINE: CSSProperties = { whiteSpace: 'nowrap', overflow: 'hidden', textOverflow: 'ellipsis' };

/**
 * A panel that shows a client from inside: its connection, its campaigns with what is pending, rejected and in
 * conflict, each with the reason why, and the newest frames; with buttons that cut, delay and block the network.
 *
 * @example {import.meta.env.DEV && <CampaignDevtools devtools={devtools} />}
 */
export function CampaignDevtools({ devtools, delayMs: delay = 1_000 }: CampaignDevtoolsProps) {
  const shown = useSyncExternalStore(devtools.subscribe, devtools.getSnapshot, devtools.getInitialSnapshot);
  const { connection, campaigns, frames, delayMs, isOffline } = shown;
  return (
    <section aria-label="campaign-state devtools" style={PANEL}>
      <div>
        <strong>{connection.status}</strong> {connection.why}{' '}
        <button type="button" onClick={devtools.drop}>
          drop
        </button>{' '}
        <button type="button" aria-pressed={delayMs > 0} onClick={() => devtools.setDelay(delayMs > 0 ? 0 : delay)}>
          delay {delay} ms
        </button>{' '}
        <button type="button" aria-pressed={isOffline} onClick={() => devtools.setOffline(!isOffline)}>
          offline
        </button>
      </div>
      {campaigns.map((campaign) => (
        <CampaignState key={campaign.campaignId} campaign={campaign} />
      ))}
      <details>
        <summary>{frames.length} frames</summary>
        <button type="button" onClick={devtools.clear}>
          clear
        </button>
        {frames.toReversed().map((frame) => (
          <Frame key={frame.number} frame={frame} />
        ))}
      </details>
    </section>
  );
}

function CampaignState({ campaign }: { readonly campaign: SeenCampaignState }) {
  const { campaignId, status, sync, why, version, durableVersion, edits, rejected, conflicts, overwritten } = campaign;
  return (
    <details open>
      <summary>
        <strong>{campaignId}</strong> {status}, {sync}, version {version} ({durableVersion} durable): {why}
      </summary>
      {edits.map(({ mutationId, command, age, state, why: reason }) => (
        <div key={mutationId} style={LINE}>
          {state} {Math.round(age / 100) / 10} s {JSON.stringify(command)}: {reason}
        </div>
      ))}
      {rejected.map(({ mutationId, command, error }) => (
        <div key={mutationId} style={LINE}>
          rejected {error.reason} {JSON.stringify(command)}: {error.message}
        </div>
      ))}
      {[...conflicts, ...overwritten].map(({ mutationId, path, theirs, mine }) => (
        <div key={`${mutationId} ${path.join('.')}`} style={LINE}>
          conflict {path.join('.')}: theirs {JSON.stringify(theirs)}, mine {JSON.stringify(mine)}
        </div>
      ))}
    </details>
  );
}

function Frame({ frame: { at, direction, length, text } }: { readonly frame: SeenFrame }) {
  return (
    <div style={LINE}>
      {new Date(at).toISOString().slice(11, 23)} {direction === 'in' ? '←' : '→'} {length} {text}
    </div>
  );
}
