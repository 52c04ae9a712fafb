import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** A process of our own source, for tests that end one in the middle of its work. */
export interface Child {
  readonly pid: number;
  /** Everything printed so far, line by line. */
  readonly lines: readonly string[];
  /**
   * The first line, also of those still to come, that the expression matches; rejects when the process ends without it.
   */
  line(expression: RegExp): Promise<string>;
  /** Ends it with that signal, if it has not ended. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Its exit code; `null` where a signal ended it. */
  readonly ended: Promise<number | null>;
}

/** Runs a file of `fixtures/`. */
export function startChild(fixture: string, args: readonly string[], cwd?: string): Child {
  const file = join(import.meta.dirname, 'fixtures', fixture);
  const child = spawn(process.execPath, [file, ...args], { cwd, stdio: ['pipe', 'pipe', 'pipe'] });
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  let over = false;
  const wake = (): void => {
    for (const look of waiting) look();
  };
  for (const output of [child.stdout, child.stderr]) {
    createInterface({ input: output }).on('line', (line) => {
      lines.push(line);
      wake();
    });
  }
  const ended = new Promise<number | null>((resolve) => {
    child.once('close', (code) => {
      over = true;
      wake();
      resolve(code);
    });
  });
  return {
    pid: child.pid ?? 0,
    lines,
    ended,
    line: (expression) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = lines.find((line) => expression.test(line));
          if (found === undefined && !over) return;
          waiting.delete(look);
          if (found === undefined)
            reject(new Error(`${fixture} ended without ${String(expression)}:\n${lines.join('\n')}`));
          else resolve(found);
        };
        waiting.add(look);
        look();
      }),
    kill: async (signal) => {
      if (!over) child.kill(signal);
      await ended;
    },
  };
}
