import { RefusalError } from '../../core/errors.ts';

/** Transport of a connection that stays open; the label of the connection metric. */
export type Transport = 'ws' | 'sse';

/** Slots for connections that stay open (ws, SSE): the bound on their number. */
export interface ConnectionSlots {
  /** Connections that are open now. */
  readonly open: Readonly<Record<Transport, number>>;
  /** Takes a slot until the returned function is called; `undefined` where all are taken. */
  take(transport: Transport): (() => void) | undefined;
  /** The refusal of a connection for which no slot is left. */
  refusal(): RefusalError;
}

/**
 * @param limit how many connections may be open
 * @param onChange called with +1 when a slot is taken and -1 when it is released
 */
export function createConnectionSlots(
  limit: number,
  onChange: (transport: Transport, change: 1 | -1) => void,
): ConnectionSlots {
  let taken = 0;
  const open: Record<Transport, number> = { ws: 0, sse: 0 };
  return {
    open,
    take(transport) {
      if (taken >= limit) return undefined;
      taken += 1;
      open[transport] += 1;
      onChange(transport, 1);
      return () => {
        taken -= 1;
        open[transport] -= 1;
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
