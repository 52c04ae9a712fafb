import { spawn, type ChildProcess } from 'node:child_process';
import { rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';

export interface OwnProcessOptions {
  /** For messages, such as `Redis`. */
  name: string;
  command: string;
  args: readonly string[];
  /** Runs there, as that user. */
  cwd: string;
  uid?: number;
  gid?: number;
  /** Rejects as long as it does not answer. */
  ask: () => Promise<void>;
  /** How long it may take to answer, in milliseconds. */
  patience: number;
  /** Asks it to end. One that does not within ten seconds is killed. */
  stopSignal: NodeJS.Signals;
  /** Everything it owns; removed when it stops. */
  folder: string;
}

/** A database server of our own, which can therefore be hurt. */
export interface OwnProcess {
  /** For SIGSTOP and SIGCONT. */
  readonly pid: number | undefined;
  /** Starts it, again too, on the same port and files; resolves when it answers. */
  readonly start: () => Promise<void>;
  /** `kill -9`; resolves when it is gone. */
  readonly kill: () => Promise<void>;
  /** Ends it and removes its files. */
  readonly stop: () => Promise<void>;
}

const LATE_MS = 10_000;
const LOG_LENGTH = 4_000;

/** Runs a server process, and sees to it that nothing of it outlives this one. */
export function createOwnProcess(options: OwnProcessOptions): OwnProcess {
  const { name, command, args, cwd, ask, patience, stopSignal, folder, uid, gid } = options;
  let child: ChildProcess | undefined;
  let log = '';

  const hasEnded = (process: ChildProcess): boolean =>
    process.exitCode !== null || process.signalCode !== null || process.pid === undefined;

  const start = async (): Promise<void> => {
    log = '';
    const started = spawn(command, args, {
      cwd,
      ...(uid !== undefined && { uid }),
      ...(gid !== undefined && { gid }),
      stdio: ['ignore', 'pipe', 'pipe'],
      // In a process group of its own: Ctrl+C reaches every process of the terminal's, and whoever uses it must be able
      // to stop first.
      detached: true,
    });
    for (const output of [started.stdout, started.stderr]) {
      output.setEncoding('utf8').on('data', (text: string) => (log = (log + text).slice(-LOG_LENGTH)));
    }
    started.on('error', (error) => (log += error.message));
    child = started;
    const deadline = Date.now() + patience;
    for (;;) {
      try {
        return await ask();
      } catch (error) {
        if (hasEnded(started)) throw new Error(`${name} ended at its start: ${log.trim()}`, { cause: error });
        if (Date.now() > deadline) throw new Error(`${name} does not answer: ${String(error)}`, { cause: error });
      }
      await pause(50);
    }
  };

  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const ending = child;
    if (!ending || hasEnded(ending)) return;
    const gone = new Promise<void>((resolve) => ending.once('close', () => resolve()));
    // A process that was stopped hears nothing before it goes on.
    ending.kill('SIGCONT');
    ending.kill(signal);
    const late = setTimeout(() => ending.kill('SIGKILL'), LATE_MS);
    await gone;
    clearTimeout(late);
  };

  const atExit = (): void => {
    child?.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', atExit);

  return {
    get pid() {
      return child?.pid;
    },
    start,
    kill: () => end('SIGKILL'),
    async stop() {
      process.off('exit', atExit);
      await end(stopSignal);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
