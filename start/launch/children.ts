import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { join } from 'node:path';
import { END_SIGNALS } from '../../server/cli/end-signals.ts';
import { watchNpm } from './npm-parent.ts';

/** The folder of the repository. */
export const ROOT = join(import.meta.dirname, '..', '..');

/** Two signals within this time are one key press, which the terminal and npm both pass on; milliseconds. */
const SAME_SIGNAL_MS = 500;

/** The child processes of a launcher: a signal to the launcher ends them, and it ends after them. */
export interface Children {
  /** Starts a child process with this Node; `args` begins with its file, relative to the repository. */
  run(
    args: readonly string[],
    options: SpawnOptions,
    onExit?: (code: number | null, signal: NodeJS.Signals | null) => void,
  ): ChildProcess;
  /** Ends all children, then this process, with this exit code or the highest of theirs. */
  finish(code: number): void;
  /** Registers a clean-up that runs once all children have ended, before this process ends. */
  onEnd(cleanUp: () => Promise<void>): void;
  /** Whether the children are being ended. */
  readonly stopping: boolean;
}

/** Handles the end signals of this process, a launcher, for the children that it starts. */
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

  watchNpm(process.env, () => stop('SIGTERM'));

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
    onEnd: (cleanUp) => void cleanUps.push(cleanUp),
    get stopping() {
      return stopping;
    },
  };
}
