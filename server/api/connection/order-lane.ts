/** A place in the order of arrival. */
export interface TurnTicket {
  /** Resolves once every earlier ticket has been released; `undefined` when that is so already. */
  turn(): Promise<void> | undefined;
  /** Lets the next one pass. May be called early, late or twice; only the first time counts. */
  release(): void;
}

/**
 * Keeps the order of arrival. tRPC handles the messages of one connection concurrently, so that of two mutations the
 * second reaches the engine first if the first one's middleware waits longer. Who takes a ticket at arrival and waits
 * for its turn before it calls the engine is safe from that, and pays nothing where nobody is before it.
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
          // Whoever still waits with it would wait for ever.
          place.resume?.();
          advance();
        },
      };
    },
  };
}
