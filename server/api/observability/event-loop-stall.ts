/** How often the time is looked at, and how late that may be before it is worth telling; milliseconds. */
const LOOK_MS = 500;
const WORTH_TELLING_MS = 2_000;

/**
 * Tells when this process stood still: stopped, starved of the processor, or asleep with its machine. Nothing has to be
 * done then, as all that it missed is guarded elsewhere; but whoever looks into slow answers wants to know.
 *
 * @param tell is given the seconds that were lost
 * @returns how to stop that
 */
export function watchEventLoopStalls(tell: (seconds: number) => void): () => void {
  let expected = performance.now() + LOOK_MS;
  const timer = setInterval(() => {
    const late = performance.now() - expected;
    expected = performance.now() + LOOK_MS;
    if (late >= WORTH_TELLING_MS) tell(late / 1_000);
  }, LOOK_MS);
  timer.unref();
  return () => clearInterval(timer);
}
