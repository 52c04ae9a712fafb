/** How far a campaign is committed in the archive, and who waits for it to be. It never falls (G8). */
export interface Watermark {
  readonly version: number;
  /** Moves it forward; a lower version is ignored. True where it moved. */
  advance(version: number): boolean;
  /** Calls back once that version is durable, or with an error by `fail`; returns how to stop waiting. */
  wait(version: number, settled: (error?: Error) => void): () => void;
  /** Tells everyone who waits for a version above `survived` that it will never be durable. */
  fail(survived: number, error: Error): void;
  readonly waiting: number;
}

/** @param onWait somebody begins to wait for what is not durable */
export function createWatermark(start: number, onWait: () => void = () => undefined): Watermark {
  let current = start;
  const waiters = new Set<{ version: number; settled: (error?: Error) => void }>();

  return {
    get version() {
      return current;
    },
    get waiting() {
      return waiters.size;
    },
    advance(version) {
      if (version <= current) return false;
      current = version;
      for (const waiter of waiters) {
        if (waiter.version > current) continue;
        waiters.delete(waiter);
        waiter.settled();
      }
      return true;
    },
    wait(version, settled) {
      if (version <= current) {
        settled();
        return () => undefined;
      }
      const waiter = { version, settled };
      waiters.add(waiter);
      onWait();
      return () => waiters.delete(waiter);
    },
    fail(survived, error) {
      for (const waiter of waiters) {
        if (waiter.version <= survived) continue;
        waiters.delete(waiter);
        waiter.settled(error);
      }
    },
  };
}
