/** How far a command is, on stderr: on one line of a terminal, or a line now and then. */
export interface ProgressLine {
  /** Says how far it is, at most a few times a second. */
  show(done: { readonly campaigns: number; readonly entries: number; readonly bytes: number }): void;
  /** Begins another part of the work, which has a rate of its own. */
  restart(what: string): void;
  /** Ends the line. */
  end(): void;
}

const INTERVAL_MS = { terminal: 250, other: 10_000 };

/**
 * @param first what it does, in a word or two
 * @param expectedEntries read when it is shown; 0 where that is not known
 */
export function progressLine(first: string, expectedEntries: () => number): ProgressLine {
  const isTerminal = process.stderr.isTTY;
  let what = first;
  let startedAt = performance.now();
  let shownAt = startedAt;
  let shown = false;

  return {
    show({ campaigns, entries, bytes }) {
      const now = performance.now();
      if (now - shownAt < (isTerminal ? INTERVAL_MS.terminal : INTERVAL_MS.other)) return;
      shownAt = now;
      const seconds = (now - startedAt) / 1_000;
      const rate = entries / seconds;
      const expected = expectedEntries();
      const left = expected > entries && rate > 0 ? `, about ${inTime((expected - entries) / rate)} left` : '';
      const of = expected > 0 ? ` of about ${expected}` : '';
      const text = `${what}: ${campaigns} campaigns, ${entries}${of} entries, ${inSize(bytes)}, ${Math.round(rate)} entries/s${left}`;
      process.stderr.write(isTerminal ? `\r\u001B[K${text}` : `${text}\n`);
      shown = true;
    },
    restart(next) {
      what = next;
      startedAt = performance.now();
    },
    end() {
      if (shown && isTerminal) process.stderr.write('\r\u001B[K');
    },
  };
}

/** A number of bytes, for people. */
export function inSize(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${(bytes / 1_000).toFixed(1)} kB`;
  return bytes < 1_000_000_000 ? `${(bytes / 1_000_000).toFixed(1)} MB` : `${(bytes / 1_000_000_000).toFixed(2)} GB`;
}

function inTime(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  return seconds < 5_400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3_600).toFixed(1)} h`;
}
