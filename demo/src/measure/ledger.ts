import type { Change } from '@campaign-state/client';

/** What is known of this console's newest change, in milliseconds from the moment it was handed to the SDK. */
export interface Measurement {
  readonly campaignId: string;
  /** From the first keystroke in it to the hand-over: what bundling keystrokes cost. */
  readonly bundled: number;
  readonly version: number | undefined;
  /** Until the audience pane, over its own connection, had painted it. */
  readonly shown: number | undefined;
  /** Until the server had ordered it. */
  readonly accepted: number | undefined;
  /** Until it was committed in Postgres. */
  readonly saved: number | undefined;
  readonly refused: boolean;
}

export interface Ledger {
  readonly subscribe: (listener: () => void) => () => void;
  readonly getSnapshot: () => Measurement | undefined;
  /** Measures a change that has just been made. `typedAt` is when the person acted, on the clock of `now`. */
  readonly follow: (campaignId: string, change: Change, typedAt: number) => void;
  /** The audience pane has painted this version. */
  readonly painted: (campaignId: string, version: number) => void;
}

interface MeasuredChange {
  sentAt: number;
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
    if (paintedAt !== undefined && shown === undefined) amend(measured, { shown: paintedAt - measured.sentAt });
  }

  return {
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    getSnapshot: () => current?.measurement,
    follow(campaignId, change, typedAt) {
      const sentAt = now();
      const open = { version: undefined, shown: undefined, accepted: undefined, saved: undefined, refused: false };
      const measured: MeasuredChange = { sentAt, measurement: { campaignId, bundled: sentAt - typedAt, ...open } };
      current = measured;
      amend(measured, {});
      change.then(
        ({ version }) => {
          amend(measured, { version, accepted: now() - sentAt });
          match(measured);
        },
        () => amend(measured, { refused: true }),
      );
      change.durable.then(
        () => amend(measured, { saved: now() - sentAt }),
        // Refused, or never to be saved: the first is said above, the second by the save status.
        () => undefined,
      );
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
