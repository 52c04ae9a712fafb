/** What a terminal and a supervisor send. */
export const END_SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** Two of the same kind within so many milliseconds are one key press: the terminal and `npx` both pass it on. */
const SAME_PRESS_MS = 500;

/** Calls back at the first SIGINT or SIGTERM; a second one ends the process at once. */
export function onEndSignal(end: () => void): void {
  let first: { signal: NodeJS.Signals; at: number } | undefined;
  const hear = (signal: NodeJS.Signals): void => {
    const at = Date.now();
    if (!first) {
      first = { signal, at };
      end();
    } else if (signal !== first.signal || at - first.at >= SAME_PRESS_MS) {
      process.exit(1);
    }
  };
  for (const signal of END_SIGNALS) process.on(signal, hear);
}
