import { useSyncExternalStore } from 'react';
import { useLedger } from './ledger-context.ts';
import type { Measurement } from './ledger.ts';

/**
 * The newest change of this console in figures: its version, how soon the audience pane had painted it, how soon it was
 * saved.
 */
export function Badge({ campaignId, version }: { campaignId: string | undefined; version: number }) {
  const ledger = useLedger();
  const newest = useSyncExternalStore(ledger.subscribe, ledger.getSnapshot);
  const own = newest?.campaignId === campaignId ? newest : undefined;
  const foreign = own?.version !== undefined && own.version < version;
  return (
    <p className="badge" data-testid="badge" title={own && own.unmeasured !== true ? explain(own) : undefined}>
      <span className="badge-version">v{version}</span>
      {own && !foreign && !own.refused && own.unmeasured !== true ? (
        <>
          <Figure name="shown" value={own.shown} />
          <Figure name="saved" value={own.saved} />
        </>
      ) : (
        <span>
          {!own
            ? 'edit something to measure it'
            : foreign
              ? 'from another editor'
              : own.unmeasured === true
                ? 'made here'
                : 'not accepted'}
        </span>
      )}
    </p>
  );
}

function Figure({ name, value }: { name: 'shown' | 'saved'; value: number | undefined }) {
  return (
    <span data-figure={name}>
      {name} <b>{milliseconds(value)}</b>
    </span>
  );
}

function milliseconds(value: number | undefined): string {
  if (value === undefined) return '…';
  return value < 10_000 ? `${Math.max(1, Math.round(value))} ms` : `${Math.round(value / 1_000)} s`;
}

function explain({ held, shown, accepted, saved }: Measurement): string {
  return [
    `Measured from the moment the change was sent (keystrokes were bundled for ${milliseconds(held)} before).`,
    `Ordered by the server: ${milliseconds(accepted)}. Painted in the audience pane, over its own connection: ${milliseconds(shown)}.`,
    `Committed in Postgres: ${milliseconds(saved)}.`,
  ].join('\n');
}
