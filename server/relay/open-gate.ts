/** A bound on how many streams are being opened at once. */
export interface OpenGate {
  /**
   * Begins when there is a place: now, or later.
   *
   * @returns gives the place back, or up where it was waited for; idempotent
   */
  enter(begin: () => void): () => void;
}

/** @param places how many may be open at once */
export function createOpenGate(places: number): OpenGate {
  const waiting = new Set<() => void>();
  let taken = 0;

  const next = (): void => {
    for (const begin of waiting) {
      if (taken >= places) return;
      waiting.delete(begin);
      taken += 1;
      begin();
    }
  };

  return {
    enter(begin) {
      let isReleased = false;
      let hasBegun = false;
      const start = (): void => {
        hasBegun = true;
        begin();
      };
      waiting.add(start);
      // Not within the call: whoever begins may end at once, and has to know how.
      queueMicrotask(next);
      return () => {
        if (isReleased) return;
        isReleased = true;
        waiting.delete(start);
        if (!hasBegun) return;
        taken -= 1;
        next();
      };
    },
  };
}
