import type { Change } from '@campaign-state/client';

/** What is known of this console's newest change, in milliseconds from the moment it was sent. */
export interface Measurement {
  readonly campaignId: string;
  /** From the first keystroke in it until it was sent: what bundling keystrokes, or being offline, has cost. */
  readonly held: number | undefined;
  readonly version: number | undefined;
  /** Until the audience pane, over its own connection, had painted it. */
  readonly shown: number | undefined;
  /** Until the server had ordered it. */
  readonly accepted: number | undefined;
  /** Until it was committed in Postgres. */
  readonly saved: number | undefined;
  readonly refused: boolean;
  /** It was made here, and is not one that is measured: a restore, for example. */
  readonly unmeasured?: true;
}

export interface Ledger {
  readonly subscribe: (listener: () => void) => () => void;
  readonly getSnapshot: () => Measurement | undefined;
  /** Measures a change that has just been made. */
  readonly follow: (campaignId: string, change: Change) => void;
  /** A version was made here by what is not measured. */
  readonly made: (campaignId: string, version: number) => void;
  /** The audience pane has painted this version. */
  readonly painted: (campaignId: string, version: number) => void;
}

interface MeasuredChange {
  /** On the clock of `now`; `undefined` while the change is held back. */
  sentAt: number | undefined;
  measurement: Measurement;
}

/**
 * Measurement of the newest change, joined from two connections: the console's, which receives the receipts, and the
 * audience pane's, which paints. Either may come first, and they share only the version.
 *
 * @param now a clock in milliseconds
 */
export function createLedger(now: () => number): Ledger {
  const listeners = new Set<() => void>();
  /** When the audience pane first painted each of the newest versions. */
  const paints = new Map<string, number>();
  let current: MeasuredChange | undefined;

  function amend(measured: MeasuredChange, part: Partial<Measurement>): void {
    measured.measurement = { ...measured.measurement, ...part };
    listeners.forEach((listener) => listener());
  }

  function match(measured: MeasuredChange): void {
    const { campaignId, version, shown } = measured.measurement;
    const paintedAt = version === undefined ? undefined : paints.get(`${campaignId}:${version}`);
    if (paintedAt !== undefined && shown === undefined) amend(measured, { shown: since(measured, paintedAt) });
  }

  return {
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    getSnapshot: () => current?.measurement,
    follow(campaignId, change) {
      const madeAt = now();
      const measurement = { campaignId, refused: false, ...NOTHING_YET };
      const measured: MeasuredChange = { sentAt: undefined, measurement };
      current = measured;
      amend(measured, {});
      // A paced update, or one made offline, is sent later than it was made.
      change.sentAt.then(
        () => {
          measured.sentAt = now();
          amend(measured, { held: measured.sentAt - madeAt });
        },
        () => undefined,
      );
      change.then(
        ({ version }) => {
          amend(measured, { version, accepted: since(measured, now()) });
          match(measured);
        },
        () => amend(measured, { refused: true }),
      );
      change.durable.then(
        () => amend(measured, { saved: since(measured, now()) }),
        // Refused, or never to be saved: the first is said above, the second by the save status.
        () => undefined,
      );
    },
    made(campaignId, version) {
      const measurement: Measurement = { campaignId, refused: false, ...NOTHING_YET, version, unmeasured: true };
      current = { sentAt: undefined, measurement };
      amend(current, {});
    },
    painted(campaignId, version) {
      const key = `${campaignId}:${version}`;
      if (!paints.has(key)) paints.set(key, now());
      for (const oldest of paints.keys()) {
        if (paints.size <= REMEMBERED_PAINTS) break;
        paints.delete(oldest);
      }
      if (current) match(current);
    },
  };
}

const REMEMBERED_PAINTS = 64;

const NOTHING_YET = {
  held: undefined,
  version: undefined,
  shown: undefined,
  accepted: undefined,
  saved: undefined,
};

function since({ sentAt }: MeasuredChange, at: number): number | undefined {
  return sentAt === undefined ? undefined : at - sentAt;
}
