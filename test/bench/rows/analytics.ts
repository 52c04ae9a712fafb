import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { createTRPCClient, createWSClient, wsLink } from '@trpc/client';
import type { AppRouter } from '../../../server/index.ts';
import type { SendTask, Sent } from '../harness/event-sender.ts';
import { atMost, type Line, type Round, type Row } from '../harness/row.ts';
import { SECRET, tokenOf } from '../harness/token.ts';
import { BrokenRun, fanOut, withTrial, type Trial } from '../harness/trial.ts';
import { quantile } from '../report/statistics.ts';

const SENDER = join(import.meta.dirname, '..', 'harness', 'event-sender.ts');
const CAMPAIGN = 'bench';
const ARMS = ['now', 'lower'];
/** Events a second beside which updates are measured. */
const BESIDE = { postgres: 2_000, pglite: 1_000 } as const;
const STORES = ['postgres', 'pglite'] as const;
const TITLES = { postgres: 'on Postgres', pglite: 'embedded' } as const;

const lines: readonly Line[] = STORES.flatMap((store) => [
  { name: `analytics-rate-${store}`, title: `events recorded, durable, ${TITLES[store]}`, unit: '1/s', targets: [] },
  {
    name: `analytics-beside-${store}`,
    title: `change to arrival, 1,000 watchers, beside ${BESIDE[store].toLocaleString('en')} events/s ${TITLES[store]}, p99`,
    unit: 'ms',
    targets: [atMost(1.15, 'undisturbed')],
  },
]);

/** Events of visitors on one instance: how many it records a second, and what those who watch feel of it. */
export const analytics: Row = {
  name: 'analytics',
  rounds: { full: 3, quick: 1, verify: 1 },
  lines,
  async measure(round) {
    for (const store of STORES)
      await withTrial('ours', (trial) => measureOn(round, store, trial), await envOf(round, store));
  },
};

async function envOf(round: Round, store: (typeof STORES)[number]): Promise<Record<string, string>> {
  if (store === 'pglite') return { DATA_DIR: await round.services.folder() };
  return { DATABASE_URL: await round.services.databaseUrl(), CAMPAIGN_NAMESPACE: round.services.namespace() };
}

async function measureOn(round: Round, store: (typeof STORES)[number], trial: Trial): Promise<void> {
  const { port } = trial.server;
  const position = await startRule(port);
  const seconds = round.size({ full: 10, quick: 4, verify: 0.5 });
  const task = { port, campaignId: CAMPAIGN, rule: 'price', arms: ARMS, position };
  // Compiled code is as fast in the first turn as in the last.
  await sending({ ...task, perSecond: 0 }, () => pause(seconds * 300));
  const { sent } = await sending({ ...task, perSecond: 0 }, () => pause(seconds * 1_000));
  if (sent.events === 0) throw new BrokenRun('ours: no event was recorded');
  round.record(`analytics-rate-${store}`, 'ours', sent.events / sent.seconds);

  await trial.watch(round.size({ full: 1_000, quick: 500, verify: 20 }));
  const update = { rate: 20, bytes: 180, milliseconds: round.size({ full: 4_000, quick: 2_000, verify: 250 }) };
  const turns = round.size({ full: 6, quick: 3, verify: 1 });
  await fanOut(trial, update);
  const quiet: number[] = [];
  const disturbed: number[] = [];
  // In turns, so that both have the same share of what else the machine does.
  for (let turn = 0; turn < turns; turn += 1) {
    quiet.push((await fanOut(trial, update)).p99);
    const { result } = await sending({ ...task, perSecond: BESIDE[store] }, () => fanOut(trial, update));
    disturbed.push(result.p99);
  }
  round.record(`analytics-beside-${store}`, 'undisturbed', quantile(quiet, 0.5));
  round.record(`analytics-beside-${store}`, 'ours', quantile(disturbed, 0.5));
}

/** Makes the rule that visitors are shown; returns its position. */
async function startRule(port: number): Promise<string> {
  const socket = createWSClient({
    url: `ws://127.0.0.1:${port}/trpc`,
    connectionParams: { contract: '1', token: tokenOf('editor', SECRET) },
  });
  const client = createTRPCClient<AppRouter>({ links: [wsLink({ client: socket })] });
  const arms = Object.fromEntries(ARMS.map((arm) => [arm, { weight: 1, change: { merge: { theme: { arm } } } }]));
  const metrics = { leads: { goal: 'lead', type: 'count', better: 'up', role: 'goal' } } as const;
  const receipt = await client.campaign.updateRule.mutate({
    campaignId: CAMPAIGN,
    key: 'price',
    rule: { order: 1, status: 'running', unit: 'id', coverage: 1, arms, metrics },
  });
  await socket.close();
  if (!('position' in receipt)) throw new BrokenRun('ours: no rule');
  return receipt.position;
}

/** Sends events for as long as the work takes. */
async function sending<T>(
  task: SendTask,
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly sent: Sent }> {
  const child = fork(SENDER, [JSON.stringify(task)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  try {
    await once(child, 'message');
    const result = await work();
    const said = once(child, 'message');
    child.send('stop');
    // It says that it has begun, and then this.
    const [sent] = (await said) as [Sent];
    if (sent.refused > 0) throw new BrokenRun(`ours: ${sent.refused} batches of events were refused`);
    return { result, sent };
  } finally {
    child.kill('SIGKILL');
  }
}
