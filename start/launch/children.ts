import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { join } from 'node:path';
import { END_SIGNALS } from '../../server/cli/end-signals.ts';

/** The repository. */
export const ROOT = join(import.meta.dirname, '..', '..');

/** Two signals within so many milliseconds are one key press: the terminal and npm both pass it on. */
const SAME_SIGNAL_MS = 500;

/** The processes of a launcher: they end when it is told to, and then it ends too. */
export interface Children {
  /** Runs a file with this Node. */
  run(
    args: readonly string[],
    options: SpawnOptions,
    onExit?: (code: number | null, signal: NodeJS.Signals | null) => void,
  ): ChildProcess;
  /** Ends all of them, then this process, with that code, or with the worst that a child ends with. */
  finish(code: number): void;
  /** Before the end, when they are gone. */
  afterwards(cleanUp: () => Promise<void>): void;
  readonly stopping: boolean;
}

export function createChildren(): Children {
  const children = new Set<ChildProcess>();
  const cleanUps: (() => Promise<void>)[] = [];
  let stopping = false;
  let lastSignalAt = 0;
  let exitCode = 0;

  const end = async (): Promise<void> => {
    for (const cleanUp of cleanUps.splice(0)) await cleanUp();
    process.exit(exitCode);
  };

  const stop = (signal: NodeJS.Signals): void => {
    stopping = true;
    if (children.size === 0) void end();
    for (const child of children) child.kill(signal);
  };

  for (const signal of END_SIGNALS) {
    process.on(signal, () => {
      const now = Date.now();
      if (now - lastSignalAt < SAME_SIGNAL_MS) return;
      lastSignalAt = now;
      stop(signal);
    });
  }

  return {
    run(args, options, onExit) {
      const child = spawn(process.execPath, args, { cwd: ROOT, windowsHide: true, ...options });
      children.add(child);
      child.once('exit', (code, signal) => {
        children.delete(child);
        if (stopping) exitCode = Math.max(exitCode, code ?? 1);
        onExit?.(code, signal);
        if (stopping && children.size === 0) void end();
      });
      return child;
    },
    finish(code) {
      exitCode = Math.max(exitCode, code);
      stop('SIGTERM');
    },
    afterwards: (cleanUp) => void cleanUps.push(cleanUp),
    get stopping() {
      return stopping;
    },
  };
}
