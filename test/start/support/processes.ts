import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach } from 'vitest';

export const ROOT = join(import.meta.dirname, '..', '..', '..');

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of cleanups.splice(0).reverse()) await close();
});

/** A folder that is removed after the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'campaign-start-'));
  cleanups.push(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export interface Running {
  readonly pid: number;
  /** The lines that it has printed so far, on stdout and on stderr. */
  readonly lines: string[];
  /** The messages that it has sent to its parent. */
  readonly messages: unknown[];
  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
  /** The first line that matches, now or later; rejects when the process ends before. */
  line(fits: RegExp): Promise<string>;
  kill(signal: NodeJS.Signals): void;
}

/** What a process has of this one's environment, where a test says all the rest. */
export function leastEnvironment(): Record<string, string> {
  const { PATH = '', HOME = '', NODE_COMPILE_CACHE } = process.env;
  return { PATH, HOME, ...(NODE_COMPILE_CACHE !== undefined && { NODE_COMPILE_CACHE }) };
}

/** Runs a file of the repository with this Node and with these variables only; it is killed after the test. */
export function run(args: readonly string[], env: Record<string, string>, cwd: string): Running {
  const child = spawn(process.execPath, args, {
    cwd,
    env: { ...leastEnvironment(), ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const lines: string[] = [];
  const messages: unknown[] = [];
  const waiting = new Set<() => void>();
  let over = false;
  const wake = (): void => {
    for (const look of waiting) look();
  };
  for (const output of [child.stdout, child.stderr]) {
    if (output) createInterface({ input: output }).on('line', (line) => lines.push(line) && wake());
  }
  child.on('message', (message) => messages.push(message) && wake());
  const ended = new Promise<number | NodeJS.Signals | null>((resolve) => {
    child.once('close', (code, signal) => {
      over = true;
      wake();
      resolve(code ?? signal);
    });
  });
  cleanups.push(async () => {
    if (!over) child.kill('SIGKILL');
    await ended;
  });
  return {
    pid: child.pid ?? 0,
    lines,
    messages,
    ended,
    line: (fits) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = lines.find((line) => fits.test(line));
          if (found === undefined && !over) return;
          waiting.delete(look);
          if (found === undefined) reject(new Error(`ended without ${String(fits)}:\n${lines.join('\n')}`));
          else resolve(found);
        };
        waiting.add(look);
        look();
      }),
    kill: (signal) => child.kill(signal),
  };
}

/** A running server in a child process. */
export interface ServerProcess extends Running {
  readonly url: string;
}

/** Starts `start/main.ts` with its data in that folder, and waits until it is ready. */
export async function startMain(folder: string, env: Record<string, string> = {}): Promise<ServerProcess> {
  const running = runMain(folder, env);
  const ready = await running.line(/campaign-state is ready/);
  const { url }: { url: string } = JSON.parse(ready);
  return { ...running, url };
}

export function runMain(folder: string, env: Record<string, string> = {}): Running {
  return run([join(ROOT, 'start', 'main.ts')], { PORT: '0', ...env }, folder);
}

/** The command of a running process, of Linux. */
export async function commandOf(pid: number): Promise<string[]> {
  return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0').slice(0, -1);
}

/** The exit code of a process that gives up, and its sentence on stderr. */
export async function lastWords(running: Running): Promise<{ code: number | NodeJS.Signals | null; sentence: string }> {
  const code = await running.ended;
  // Log lines are JSON; messages for people are not.
  return { code, sentence: running.lines.filter((line) => !line.startsWith('{')).join('\n') };
}
