import { RefusalError } from '../../core/errors.ts';

export type Transport = 'ws' | 'sse';

/** Counts the connections that stay open, so that their number has a bound. */
export interface ConnectionSlots {
  /** Takes one, until the returned function is called; `undefined` where none is free. */
  take(transport: Transport): (() => void) | undefined;
  /** What to answer then. */
  refusal(): RefusalError;
}

/** @param onChange told of every change, as +1 or -1 */
export function createConnectionSlots(
  limit: number,
  onChange: (transport: Transport, change: 1 | -1) => void,
): ConnectionSlots {
  let taken = 0;
  return {
    take(transport) {
      if (taken >= limit) return undefined;
      taken += 1;
      onChange(transport, 1);
      return () => {
        taken -= 1;
        onChange(transport, -1);
      };
    },
    refusal: () =>
      new RefusalError('OVERLOADED', `At most ${limit} connections may be open on this server`, {
        limit,
        retryAfterMs: 5_000,
      }),
  };
}
