import { spawn, type ChildProcess } from 'node:child_process';
import { rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';

/** Options of {@link createChildService}. */
export interface ChildServiceOptions {
  /** The name in messages, such as `Redis`. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** The working directory, and the user that the process runs as. Default: the user of this process. */
  readonly cwd: string;
  readonly uid?: number;
  readonly gid?: number;
  /** Connects to the service; rejects as long as it does not answer. */
  readonly probe: () => Promise<void>;
  /** How long the service may take to answer after its start, in milliseconds. */
  readonly startTimeoutMs: number;
  /** The signal that ends the service; it is killed where it does not end within ten seconds. */
  readonly stopSignal: NodeJS.Signals;
  /** The folder of all its files, which is removed when it stops. */
  readonly folder: string;
}

/** A database server as a child process, which tests can pause and kill. */
export interface ChildService {
  /** The process id, for SIGSTOP and SIGCONT; `undefined` before the start. */
  readonly pid: number | undefined;
  /** Starts the service, also again on the same port and files; resolves when it answers. */
  readonly start: () => Promise<void>;
  /** `kill -9`; resolves when the process has ended. */
  readonly kill: () => Promise<void>;
  /** Ends the service and removes its files. */
  readonly stop: () => Promise<void>;
}

/** The grace period after the stop signal, in milliseconds. */
const STOP_TIMEOUT_MS = 10_000;
/** The interval between two probes of a starting service, in milliseconds. */
const PROBE_INTERVAL_MS = 50;
/** Characters of the service's latest output that are kept for messages. */
const OUTPUT_LENGTH = 4_000;

/** Runs a service as a child process that ends with this process, files included. */
export function createChildService(options: ChildServiceOptions): ChildService {
  const { name, command, args, cwd, probe, startTimeoutMs, stopSignal, folder, uid, gid } = options;
  let child: ChildProcess | undefined;
  let output = '';

  const hasEnded = (process: ChildProcess): boolean =>
    process.exitCode !== null || process.signalCode !== null || process.pid === undefined;

  const start = async (): Promise<void> => {
    output = '';
    const started = spawn(command, args, {
      cwd,
      ...(uid !== undefined && { uid }),
      ...(gid !== undefined && { gid }),
      stdio: ['ignore', 'pipe', 'pipe'],
      // A process group of its own: a terminal sends Ctrl+C to the whole group, and the instances that use the service
      // must be able to stop before it.
      detached: true,
    });
    for (const stream of [started.stdout, started.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-OUTPUT_LENGTH)));
    }
    started.on('error', (error) => (output += error.message));
    child = started;
    const deadline = Date.now() + startTimeoutMs;
    for (;;) {
      try {
        return await probe();
      } catch (error) {
        if (hasEnded(started)) throw new Error(`${name} ended at its start: ${output.trim()}`, { cause: error });
        if (Date.now() > deadline) throw new Error(`${name} does not answer: ${String(error)}`, { cause: error });
      }
      await pause(PROBE_INTERVAL_MS);
    }
  };

  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const ending = child;
    if (!ending || hasEnded(ending)) return;
    const closed = new Promise<void>((resolve) => ending.once('close', () => resolve()));
    // A paused process handles no signal before it continues.
    ending.kill('SIGCONT');
    ending.kill(signal);
    const timer = setTimeout(() => ending.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await closed;
    clearTimeout(timer);
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
