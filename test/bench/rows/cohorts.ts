import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { GrowthBookClient } from '@growthbook/growthbook';
import { createTRPCClient, createWSClient, wsLink } from '@trpc/client';
import { SignJWT } from 'jose';
import { WebSocket } from 'ws';
import type { RuleInput } from '../../../server/core/document/targeting-fields.ts';
import type { JsonObject } from '../../../server/core/json.ts';
import { evaluate, prepareTargeting } from '../../../server/core/targeting/evaluate.ts';
import { targetingEffect } from '../../../server/core/targeting/targeting-effect.ts';
import { readTargeting } from '../../../server/core/targeting/targeting.ts';
import { mergePatch } from '../../../server/core/document/merge-patch.ts';
import type { AppRouter } from '../../../server/index.ts';
import { createGrowthBookEngine } from '../../../server/targeting/growthbook-engine.ts';
import type { CohortCommand, CohortReply } from '../harness/cohort-server.ts';
import { watchersWithin } from '../harness/open-files.ts';
import { atLeast, atMost, type Row } from '../harness/row.ts';
import { BrokenRun } from '../harness/trial.ts';
import { quantile } from '../report/statistics.ts';

const SERVER = join(import.meta.dirname, '..', 'harness', 'cohort-server.ts');
const SECRET = 'a secret of the benchmark, and of nothing else';
const COHORTS = 8;
const RULES = 10;
/** How often each room is measured, the first time without effect. */
const TURNS = 6;
/** Connects so many at a time. */
const AT_ONCE = 100;

/** A rule of so many arms, each with its own description. */
const rule = (arms: number, order = 1): RuleInput => ({
  order,
  status: 'running',
  unit: 'id',
  coverage: 1,
  arms: Object.fromEntries(
    Array.from({ length: arms }, (_none, arm) => [
      `arm${arm}`,
      { weight: 1, change: { merge: { theme: { [`r${order}`]: `arm ${arm}` } } } },
    ]),
  ),
  when: { country: { $in: ['NG', 'DE'] } },
});

/**
 * What targeting costs: watchers in eight cohorts beside the same in one room, a join of a campaign with ten rules
 * beside one without, a change of the rules while many watch, and an evaluation beside the bare library.
 */
export const cohorts: Row = {
  name: 'cohorts',
  rounds: { full: 5, quick: 1, verify: 1 },
  lines: [
    {
      name: 'cohorts-delivery',
      title: `CPU per delivery in ${COHORTS} cohorts, as a multiple of that in one room`,
      unit: '×',
      targets: [atMost(1.25)],
    },
    {
      name: 'cohorts-join',
      title: `CPU of a join with ${RULES} rules, as a multiple of one without`,
      unit: '×',
      targets: [atMost(1.5)],
    },
    {
      name: 'cohorts-change',
      title: 'CPU of the longest turn of the event loop while a rule changes for 10,000 watchers',
      unit: 'ms',
      targets: [atMost(20)],
    },
    {
      name: 'cohorts-evaluations',
      title: `evaluations of ${RULES} rules a second, as a share of the bare library's`,
      unit: '×',
      targets: [atLeast(0.5)],
    },
  ],
  async measure(round) {
    round.record(
      'cohorts-evaluations',
      'ours',
      evaluationShare(round.size({ full: 50_000, quick: 20_000, verify: 100 })),
    );
    const server = await startServer();
    try {
      const watchers = round.size({ full: 1_000, quick: 1_000, verify: 16 });
      const updates = round.size({ full: 100, quick: 40, verify: 2 });
      const editor = await editorOf(server.port);
      await editor.client.campaign.updateRule.mutate({ campaignId: 'split', key: 'split', rule: rule(COHORTS) });
      for (let order = 1; order <= RULES; order += 1)
        await editor.client.campaign.updateRule.mutate({
          campaignId: 'rules',
          key: `rule${order}`,
          rule: rule(2, order),
        });

      // What is compiled by the first of them is compiled for all.
      for (const campaignId of ['plain', 'split', 'rules']) (await watch(server.port, campaignId, watchers)).close();
      const joins = new Map<string, number>();
      const rooms = new Map<string, Watchers>();
      for (const campaignId of ['plain', 'rules', 'split']) {
        const before = await server.usage();
        rooms.set(campaignId, await watch(server.port, campaignId, watchers));
        joins.set(campaignId, ((await server.usage()).cpu - before.cpu) / watchers);
      }
      rooms.get('rules')?.close();
      round.record('cohorts-join', 'ours', (joins.get('rules') ?? 0) / (joins.get('plain') ?? 1));

      const perDelivery = async (campaignId: string): Promise<number> => {
        const room = rooms.get(campaignId);
        const before = await server.usage();
        for (let count = 0; count < updates; count += 1) {
          const { version } = asReceipt(
            await editor.client.campaign.update.mutate({ campaignId, updates: { description: `change ${count}` } }),
          );
          await room?.reached(version);
        }
        return ((await server.usage()).cpu - before.cpu) / (updates * watchers);
      };
      // In turn, and the median of each: what else the machine does comes to both.
      const taken: Record<'plain' | 'split', number[]> = { plain: [], split: [] };
      for (let turn = 0; turn < TURNS; turn += 1)
        for (const campaignId of ['plain', 'split'] as const) taken[campaignId].push(await perDelivery(campaignId));
      const [plain, split] = [taken.plain, taken.split].map((values) => quantile(values.slice(1), 0.5));
      round.record('cohorts-delivery', 'ours', (split ?? 0) / (plain ?? 1));
      for (const room of rooms.values()) room.close();

      const wanted = round.size({ full: 10_000, quick: 5_000, verify: 16 });
      const crowd = watchersWithin(round, 'cohorts', wanted);
      const all = await watch(server.port, 'split', crowd);
      await server.ask('watch-loop');
      const { version } = asReceipt(
        await editor.client.campaign.updateRule.mutate({ campaignId: 'split', key: 'split', rule: rule(COHORTS + 1) }),
      );
      await all.reached(version);
      round.record('cohorts-change', 'ours', Math.max(0.1, (await server.usage()).longestTurn));
      all.close();
      await editor.close();
    } finally {
      server.child.kill('SIGKILL');
    }
  },
};

/** Evaluations of ten rules a second, beside ten inline experiments of the library for the same viewers. */
function evaluationShare(viewers: number): number {
  const engine = createGrowthBookEngine();
  let document: JsonObject = { slug: 'bench', title: 'Bench' };
  for (let order = 1; order <= RULES; order += 1)
    document = mergePatch(
      document,
      targetingEffect(document, { type: 'updateRule', key: `rule${order}`, rule: rule(2, order) }),
    );
  const targeting = readTargeting(document);
  if (!targeting) throw new BrokenRun('ours: there are no rules');
  const prepared = prepareTargeting(targeting, engine);
  const client = new GrowthBookClient({});
  const experiments = targeting.rules.map(({ key, seed, when }) => ({
    key,
    seed,
    hashVersion: 2,
    hashAttribute: 'id',
    variations: ['arm0', 'arm1'] as [string, string],
    ...(when && { condition: when }),
  }));
  const attributes = Array.from({ length: viewers }, (_none, index) => ({ id: `user-${index}`, country: 'NG' }));
  const secondsOf = (work: (viewer: JsonObject) => unknown): number => {
    for (const viewer of attributes.slice(0, 1_000)) work(viewer);
    const startedAt = performance.now();
    for (const viewer of attributes) work(viewer);
    return performance.now() - startedAt;
  };
  const bare = secondsOf((viewer) =>
    experiments.map((experiment) => client.runInlineExperiment(experiment, { attributes: viewer })),
  );
  return bare / secondsOf((viewer) => evaluate(prepared, viewer, engine));
}

function asReceipt<T extends object>(answer: T): Extract<T, { version: number }> {
  if (!('version' in answer)) throw new BrokenRun('ours: this was a dry run');
  return answer as Extract<T, { version: number }>;
}

interface RunningServer {
  readonly child: ChildProcess;
  readonly port: number;
  ask(command: CohortCommand): Promise<Extract<CohortReply, { cpu: number }>>;
  usage(): Promise<Extract<CohortReply, { cpu: number }>>;
}

async function startServer(): Promise<RunningServer> {
  const child = fork(SERVER, [SECRET], { execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const [first] = (await once(child, 'message')) as [CohortReply];
  if (!('port' in first)) throw new BrokenRun('ours: the server did not start');
  const ask: RunningServer['ask'] = async (command) => {
    child.send(command);
    const [reply] = (await once(child, 'message')) as [CohortReply];
    if (!('cpu' in reply)) throw new BrokenRun('ours: the server said something else');
    return reply;
  };
  return { child, port: first.port, ask, usage: () => ask('usage') };
}

function tokenFor(role: string, subject: string): Promise<string> {
  return new SignJWT({ campaigns: { '*': role } })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(subject)
    .setExpirationTime('2h')
    .sign(new TextEncoder().encode(SECRET));
}

async function editorOf(port: number) {
  const token = await tokenFor('editor', 'ed');
  const socket = createWSClient({ url: `ws://127.0.0.1:${port}/trpc`, connectionParams: { contract: '1', token } });
  return { client: createTRPCClient<AppRouter>({ links: [wsLink({ client: socket })] }), close: () => socket.close() };
}

interface Watchers {
  /** Resolves once each of them has been sent that version. */
  reached(version: number): Promise<void>;
  close(): void;
}

/** Thin viewers, each with an id of its own. */
async function watch(port: number, campaignId: string, count: number): Promise<Watchers> {
  const token = await tokenFor('viewer', 'vera');
  const sockets: WebSocket[] = [];
  const versions = new Map<WebSocket, number>();
  let onVersion = (): void => undefined;
  const open = async (index: number): Promise<void> => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/trpc?connectionParams=1`, { perMessageDeflate: false });
    sockets.push(socket);
    await once(socket, 'open');
    const viewer = { attributes: { id: `user-${index}`, country: 'NG' } };
    const params = { path: 'campaign.watch', input: { campaignId, viewer } };
    socket.send(JSON.stringify({ method: 'connectionParams', data: { contract: '1', token } }));
    socket.send(JSON.stringify({ id: 1, jsonrpc: '2.0', method: 'subscription', params }));
    await new Promise<void>((resolve) => {
      socket.on('message', (data) => {
        // ws hands over a Buffer unless it is told otherwise.
        const text = (data as Buffer).toString();
        if (text === 'PING') return socket.send('PONG');
        if (text.includes('"snapshot"')) resolve();
        const found = [...text.matchAll(/"version":(\d+)/g)].at(-1);
        if (found) versions.set(socket, Number(found[1]));
        onVersion();
      });
    });
  };
  for (let opened = 0; opened < count; opened += AT_ONCE)
    await Promise.all(
      Array.from({ length: Math.min(AT_ONCE, count - opened) }, (_none, index) => open(opened + index)),
    );
  return {
    reached(version) {
      return new Promise((resolve) => {
        onVersion = () => {
          if (sockets.some((socket) => (versions.get(socket) ?? 0) < version)) return;
          onVersion = () => undefined;
          resolve();
        };
        onVersion();
      });
    },
    close() {
      for (const socket of sockets) socket.terminate();
    },
  };
}
