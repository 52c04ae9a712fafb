/** The signals that ask a process to end: a terminal's Ctrl+C, and a supervisor's. */
export const END_SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** Two equal signals within this time are one key press, which the terminal and `npx` both pass on; milliseconds. */
const SAME_SIGNAL_MS = 500;

/**
 * Handles SIGINT and SIGTERM: the first one begins the shutdown, a second one exits at once with code 1.
 *
 * @param onFirst begins the shutdown
 */
export function onEndSignal(onFirst: () => void): void {
  let first: { signal: NodeJS.Signals; at: number } | undefined;
  const handle = (signal: NodeJS.Signals): void => {
    const at = Date.now();
    if (!first) {
      first = { signal, at };
      onFirst();
    } else if (signal !== first.signal || at - first.at >= SAME_SIGNAL_MS) {
      process.exit(1);
    }
  };
  for (const signal of END_SIGNALS) process.on(signal, handle);
}
