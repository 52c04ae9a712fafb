/** Watermark of a campaign: the version up to which the archive has committed it, which never falls (G8). */
export interface Watermark {
  readonly version: number;
  /** Moves it forward; a lower version is ignored. Returns whether it moved. */
  advance(version: number): boolean;
  /** Calls back once that version is durable, or with the error of `fail`. Returns how to stop waiting. */
  wait(version: number, settled: (error?: Error) => void): () => void;
  /** Ends waiting for versions above `sharedVersion`: they were lost and will never be durable. */
  fail(sharedVersion: number, error: Error): void;
  readonly waiting: number;
}

/** @param onWait called when a caller begins to wait for a version that is not durable */
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
    fail(sharedVersion, error) {
      for (const waiter of waiters) {
        if (waiter.version <= sharedVersion) continue;
        waiters.delete(waiter);
        waiter.settled(error);
      }
    },
  };
}
