/** Position in the order of arrival. */
export interface TurnTicket {
  /** Resolves once every earlier ticket has been released; `undefined` when none is left. */
  turn(): Promise<void> | undefined;
  /** Lets the next ticket pass. Idempotent; may be called before the ticket's own turn. */
  release(): void;
}

/**
 * Order of arrival of one connection's mutations. tRPC handles the messages of a connection concurrently: of two
 * mutations the second one reaches the engine first where the first one's middleware or input takes longer. A call
 * takes a ticket when it arrives and waits for its turn before it calls the engine; with no call before it, the wait
 * costs nothing.
 */
export interface OrderLane {
  take(): TurnTicket;
}

interface Place {
  released: boolean;
  resume: (() => void) | undefined;
  next: Place | undefined;
}

export function createOrderLane(): OrderLane {
  let first: Place | undefined;
  let last: Place | undefined;

  function advance(): void {
    while (first?.released === true) first = first.next;
    if (!first) last = undefined;
    first?.resume?.();
  }

  return {
    take() {
      const place: Place = { released: false, resume: undefined, next: undefined };
      if (last) last.next = place;
      else first = place;
      last = place;
      return {
        turn() {
          if (first === place || place.released) return undefined;
          return new Promise((resolve) => {
            place.resume = resolve;
          });
        },
        release() {
          if (place.released) return;
          place.released = true;
          // A call that still waits for the turn of this ticket would wait forever.
          place.resume?.();
          advance();
        },
      };
    },
  };
}
