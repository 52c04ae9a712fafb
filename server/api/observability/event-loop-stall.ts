/** The interval between two checks of the clock, in milliseconds. */
const CHECK_INTERVAL_MS = 500;

/** A check that is late by this much is an event-loop stall, in milliseconds. */
const STALL_MS = 2_000;

/**
 * Detects event-loop stalls: the process was stopped, starved of the processor, or asleep with its machine. Nothing has
 * to be done then, because leases and timeouts guard against it; but it explains slow answers.
 *
 * @param onStall called after each stall, with its length in seconds
 * @returns a function that stops the detection
 */
export function watchEventLoopStalls(onStall: (seconds: number) => void): () => void {
  let expected = performance.now() + CHECK_INTERVAL_MS;
  const timer = setInterval(() => {
    const lateMs = performance.now() - expected;
    expected = performance.now() + CHECK_INTERVAL_MS;
    if (lateMs >= STALL_MS) onStall(lateMs / 1_000);
  }, CHECK_INTERVAL_MS);
  timer.unref();
  return () => clearInterval(timer);
}
