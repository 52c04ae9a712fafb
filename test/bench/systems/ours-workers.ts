import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTRPCClient, createWSClient, wsLink } from '@trpc/client';
import { SignJWT } from 'jose';
import { NODE_FLAGS } from '../../../server/cli/node-flags.ts';
import type { AppRouter } from '../../../server/index.ts';
import { payload } from '../harness/messages.ts';
import { serve } from '../harness/serve.ts';

/** The command with two workers, without a database: its primary orders, and its workers have the connections. */
const MAIN = join(import.meta.dirname, '..', '..', '..', 'start', 'main.ts');
const { AUTH_SECRET = '' } = process.env;

const child = fork(MAIN, {
  env: {
    ...process.env,
    PORT: '0',
    CAMPAIGN_WORKERS: '2',
    CAMPAIGN_PERSISTENCE_ENABLED: 'false',
    CAMPAIGN_RATE_LIMIT: '0',
    CAMPAIGN_CALL_LIMIT: '0',
    LOG_LEVEL: 'error',
  },
  execArgv: [...NODE_FLAGS],
  stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
});
process.once('exit', () => child.kill('SIGKILL'));

await serve(async () => {
  // The announcement that a command sends to its parent once it is ready.
  const [{ url }] = (await once(child, 'message')) as [{ url: string }];
  const port = Number(new URL(url).port);
  const token = await new SignJWT({ campaigns: { '*': 'admin' } })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject('bench')
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(AUTH_SECRET));
  const socket = createWSClient({ url: `ws://127.0.0.1:${port}/trpc`, connectionParams: { contract: '1', token } });
  const client = createTRPCClient<AppRouter>({ links: [wsLink({ client: socket })] });
  const state = { slug: 'bench', title: 'Bench', status: 'active' as const };
  await client.campaign.create.mutate({ campaignId: 'bench', state });
  const processes = [child.pid ?? 0, ...(await childrenOf(child.pid ?? 0))];
  return {
    port,
    publish: (n, bytes) =>
      client.campaign.update.mutate({ campaignId: 'bench', updates: { bench: { ...payload(n, bytes) } } }),
    processes: () => processes,
    async close() {
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      await gone;
    },
  };
});

async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.trim().split(' ').filter(Boolean).map(Number);
}
