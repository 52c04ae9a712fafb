import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const main = join(import.meta.dirname, '..', '..', '..', 'start', 'main.ts');

/** The whole service in a process of its own, as `npm start` runs it, on a data folder of its own. */
export interface RealServer {
  readonly url: string;
  /** `kill -9`; resolves when the process is gone. */
  kill(): Promise<void>;
  /** Starts it again on the same port and data. */
  startAgain(): Promise<void>;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

/**
 * @param environment variables of its configuration
 * @param data a data folder to begin with a copy of; a first start takes seconds
 */
export async function startRealServer(
  environment: Readonly<Record<string, string>> = {},
  data?: string,
): Promise<RealServer> {
  const folder = await mkdtemp(join(tmpdir(), 'campaign-state-e2e-'));
  const dataDir = join(folder, 'data');
  if (data !== undefined) await cp(data, dataDir, { recursive: true });
  const env = { ...process.env, DATA_DIR: dataDir, LOG_LEVEL: 'error', NODE_ENV: 'development', ...environment };
  let { child, url } = await start({ ...env, PORT: '0' });
  const port = new URL(url).port;

  return {
    url,
    kill: () => end(child, 'SIGKILL'),
    async startAgain() {
      ({ child, url } = await start({ ...env, PORT: port }));
    },
    async stop() {
      await end(child, 'SIGTERM');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function start(env: NodeJS.ProcessEnv): Promise<{ child: ChildProcess; url: string }> {
  const child = fork(main, { env, execArgv: [], stdio: ['ignore', 'inherit', 'pipe', 'ipc'] });
  let complaints = '';
  child.stderr?.on('data', (chunk: Buffer) => (complaints += chunk.toString()));
  const [ready] = await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(() => {
      throw new Error(`The server did not start: ${complaints}`);
    }),
  ]);
  return { child, url: urlOf(ready) };
}

function urlOf(message: unknown): string {
  if (typeof message === 'object' && message !== null && 'url' in message && typeof message.url === 'string')
    return message.url;
  throw new Error(`The server said something else than where it is: ${JSON.stringify(message)}`);
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill(signal);
  await gone;
}
