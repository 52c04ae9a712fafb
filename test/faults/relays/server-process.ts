import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';

/** One real process that clients connect to: an instance, or a relay. */
export interface ServerProcess {
  readonly name: string;
  /** Where it listens; `undefined` while it is not there, or has not said so yet. */
  readonly port: number | undefined;
  /** Its newest log lines. */
  readonly log: readonly string[];
  /** Resolves once it listens. `main`: another version of the server. */
  start(main?: string): Promise<void>;
  /** `kill -9`. */
  kill(): Promise<void>;
  /** SIGTERM, as a rolling restart sends it; resolves with its exit code. */
  terminate(): Promise<number | null>;
  /** SIGSTOP and SIGCONT. */
  pause(): void;
  resume(): void;
  /** Kills it. */
  close(): Promise<void>;
}

export interface ServerProcessOptions {
  name: string;
  /** The module that is run, and its arguments. */
  main: string;
  args?: readonly string[];
  /** By how much its clock is wrong, in milliseconds. */
  clockSkew?: number;
  env: Readonly<Record<string, string>>;
}

const SKEW = join(import.meta.dirname, '..', 'skewed-clock.ts');
const LOG_LINES = 2_000;

export function createServerProcess({ name, clockSkew = 0, env, ...program }: ServerProcessOptions): ServerProcess {
  const log: string[] = [];
  let child: ChildProcess | undefined;
  let port: number | undefined;
  const killAtExit = (): void => void child?.kill('SIGKILL');
  process.once('exit', killAtExit);

  const listen = (stream: NodeJS.ReadableStream | null): void => {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      log.push(...text.split('\n').filter((line) => line !== ''));
      log.splice(0, log.length - LOG_LINES);
    });
  };

  const start = (main = program.main): Promise<void> => {
    const started = spawn(process.execPath, ['--import', SKEW, main, ...(program.args ?? [])], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: {
        ...process.env,
        NODE_ENV: 'production',
        PORT: '0',
        CAMPAIGN_RATE_LIMIT: '0',
        START_TIMEOUT: '60s',
        LOG_LEVEL: 'warn',
        CLOCK_SKEW_MS: String(clockSkew),
        ...env,
      },
    });
    child = started;
    listen(started.stdout);
    listen(started.stderr);
    return new Promise((resolve, reject) => {
      started.once('message', (message: { url: string }) => {
        port = Number(new URL(message.url).port);
        resolve();
      });
      started.once('close', (code, signal) => {
        if (child === started) port = undefined;
        reject(new Error(`${name} ended (${code ?? signal}) before it listened:\n${log.slice(-10).join('\n')}`));
      });
    });
  };

  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    const ending = child;
    if (!ending || ending.exitCode !== null || ending.signalCode !== null) return null;
    const gone = new Promise<number | null>((resolve) => ending.once('close', (code) => resolve(code)));
    if (signal === 'SIGKILL') port = undefined;
    // A paused process handles no other signal.
    ending.kill('SIGCONT');
    ending.kill(signal);
    return gone;
  };

  const kill = async (): Promise<void> => void (await end('SIGKILL'));

  return {
    name,
    get port() {
      return port;
    },
    log,
    start,
    kill,
    terminate: () => end('SIGTERM'),
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    async close() {
      process.off('exit', killAtExit);
      await kill();
    },
  };
}
