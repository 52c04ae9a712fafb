import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createTRPCClient, createWSClient, wsLink } from '@trpc/client';
import { SignJWT } from 'jose';
import { NODE_FLAGS } from '../../../server/cli/node-flags.ts';
import type { AppRouter } from '../../../server/index.ts';
import { BrokenRun } from './trial.ts';

const MAIN = join(import.meta.dirname, '..', '..', '..', 'start', 'main.ts');
const SECRET = 'a secret of the benchmark, and of nothing else';
const QUIET = 'ovasabi_website';

/** A server as it is run, in a process of its own. */
export interface RunningServer {
  readonly url: string;
  readonly child: ChildProcess;
  stop(): Promise<void>;
}

/** @param env how it differs from an embedded one with a folder of its own */
export async function startServer(env: Readonly<Record<string, string>>): Promise<RunningServer> {
  const child = fork(MAIN, {
    env: { PATH: process.env['PATH'], PORT: '0', LOG_LEVEL: 'silent', AUTH_SECRET: SECRET, ...env },
    execArgv: [...NODE_FLAGS],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const { url } = await new Promise<{ url: string }>((resolve, reject) => {
    child.once('message', (announcement) => resolve(announcement as { url: string }));
    void ended.then((code) => reject(new BrokenRun(`ours: start/main.ts ended with ${code}`)));
  });
  return {
    url,
    child,
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

export function tokenFor(role: string, subject: string): Promise<string> {
  return new SignJWT({ campaigns: { '*': role } })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(subject)
    .setExpirationTime('2h')
    .sign(new TextEncoder().encode(SECRET));
}

export async function clientOf(url: string, role: string) {
  const token = await tokenFor(role, 'ada');
  const socket = createWSClient({
    url: `${url.replace('http', 'ws')}/trpc`,
    connectionParams: { contract: '1', token },
  });
  return { client: createTRPCClient<AppRouter>({ links: [wsLink({ client: socket })] }), close: () => socket.close() };
}

/**
 * Milliseconds from each change of a user to its arrival on the same user's stream.
 *
 * @param rate changes a second
 */
export async function latencies(url: string, rate: number, milliseconds: number): Promise<number[]> {
  const { client, close } = await clientOf(url, 'editor');
  const sentAt = new Map<string, number>();
  const taken: number[] = [];
  let began = (): void => undefined;
  const begun = new Promise<void>((resolve) => (began = resolve));
  const subscription = client.campaign.watch.subscribe(
    { campaignId: QUIET },
    {
      onData({ data }) {
        // What is changed before it comes with the snapshot.
        if (data.type === 'snapshot') began();
        if (data.type !== 'entries') return;
        for (const { change } of data.entries) {
          const at = typeof change.description === 'string' ? sentAt.get(change.description) : undefined;
          if (at !== undefined) taken.push(performance.now() - at);
        }
      },
    },
  );
  await begun;
  const until = performance.now() + milliseconds;
  const answers: Promise<unknown>[] = [];
  for (let count = 0; performance.now() < until; count += 1) {
    const description = `${until} ${count}`;
    sentAt.set(description, performance.now());
    answers.push(client.campaign.update.mutate({ campaignId: QUIET, updates: { description } }));
    await new Promise((resolve) => setTimeout(resolve, 1_000 / rate));
  }
  await Promise.all(answers);
  // The last arrival follows its answer by less than a turn of the event loop.
  await new Promise((resolve) => setTimeout(resolve, 100));
  subscription.unsubscribe();
  await close();
  if (taken.length < sentAt.size) throw new BrokenRun(`ours: ${sentAt.size - taken.length} changes did not arrive`);
  return taken;
}
