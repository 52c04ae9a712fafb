import { join } from 'node:path';
import { expect, test } from 'vitest';
import { watch, wsClient } from '../api/support/clients.ts';
import { SECRET, tokenFor, until } from '../api/support/server.ts';
import { openPage } from './support/people.ts';
import { NODE_FLAGS } from '../../server/cli/node-flags.ts';
import { commandOf, ROOT, run, temporaryFolder, type Running } from '../start/support/processes.ts';

const CAMPAIGN = 'ovasabi_website';
const WORKERS = 2;
/** Three processes start, on a machine that has other things to do. */
const LONG = 600_000;

/** Without a database, which takes its time to be made. */
const MEMORY = { CAMPAIGN_PERSISTENCE_ENABLED: 'false' };

interface RunningWorkers extends Running {
  readonly url: string;
}

async function startWorkers(folder: string, env: Record<string, string> = {}): Promise<RunningWorkers> {
  const variables = { PORT: '0', CAMPAIGN_WORKERS: String(WORKERS), AUTH_SECRET: SECRET, ...env };
  const running = run([join(ROOT, 'start', 'main.ts')], variables, folder);
  const ready = await running.line(/campaign-state is ready/);
  const { url }: { url: string } = JSON.parse(ready);
  return { ...running, url };
}

/** The process ids of the workers, by what each has logged at its start. */
function workersOf({ lines }: Running): number[] {
  return lines
    .filter((line) => line.includes('campaign-state relay is ready'))
    .map((line) => (JSON.parse(line) as { pid: number }).pid);
}

test(
  'Q20 workers share the port: every client sees one order, whichever process it is connected to',
  async () => {
    const server = await startWorkers(await temporaryFolder(), MEMORY);
    const token = await tokenFor({ '*': 'admin' });
    const clients = Array.from({ length: 2 * WORKERS }, () => wsClient(server.url, { token }));
    const watchings = clients.map((client) => watch(client, { campaignId: CAMPAIGN }));
    await until(() => watchings.every(({ events }) => events.length > 0));
    const { version } = await wsClient(server.url, { token }).campaign.get.query({ campaignId: CAMPAIGN });
    for (const [index, client] of clients.entries())
      await client.campaign.update.mutate({ campaignId: CAMPAIGN, updates: { description: `by ${index}` } });
    await until(() => watchings.every(({ mirror }) => mirror.version === version + clients.length));
    const instances = await Promise.all(clients.map((client) => client.system.info.query()));
    expect(new Set(instances.map(({ instance }) => instance)).size).toBe(WORKERS);
    expect(watchings.map(({ error }) => error)).toEqual(watchings.map(() => undefined));

    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    for (const process of ['primary', 'worker 1', 'worker 2'])
      expect(metrics).toContain(`campaign_state_subscribers{process="${process}"}`);
  },
  LONG,
);

test.skipIf(process.platform !== 'linux')(
  'F23 workers have the flags of node-flags.ts, and after them those of the command',
  async () => {
    const variables = { PORT: '0', CAMPAIGN_WORKERS: String(WORKERS), AUTH_SECRET: SECRET, ...MEMORY };
    const running = run(
      ['--max-semi-space-size=8', join(ROOT, 'start', 'main.ts')],
      variables,
      await temporaryFolder(),
    );
    await running.line(/campaign-state is ready/);
    await until(() => workersOf(running).length === WORKERS);
    const commands = await Promise.all(workersOf(running).map(commandOf));
    expect(commands.map((command) => command.slice(1, -1))).toEqual(
      Array.from({ length: WORKERS }, () => [...NODE_FLAGS, '--max-semi-space-size=8']),
    );
  },
  LONG,
);

test(
  'Q34 whoever is at a campaign is seen in every worker, and gone with a worker that is killed',
  async () => {
    const server = await startWorkers(await temporaryFolder(), MEMORY);
    const sent = Array.from({ length: 2 * WORKERS }, (_, index) => `p${index}`);
    const pages = await Promise.all(sent.map((sub) => openPage(server, sub, { campaignId: CAMPAIGN })));
    const everybody = sent.join();
    await until(() => pages.every((page) => page.who() === everybody && page.counts().viewers === sent.length));
    await pages[0]?.set({ focus: ['title'] });
    await until(() => pages.every(({ members }) => members.get('p0')?.focus?.join() === 'title'));
    pages[0]?.close();
    await until(() => pages.slice(1).every((page) => page.who() === sent.slice(1).join()));
    const left = pages.slice(1);
    const told = left.map(({ events }) => events.length);
    process.kill(workersOf(server)[0] ?? 0, 'SIGKILL');
    // Its clients come back by another one, and are there again.
    await until(() => left.every(({ events }, index) => events.length > (told[index] ?? 0)));
    await until(() => left.every((page) => page.who() === sent.slice(1).join()));
  },
  LONG,
);

test(
  'Q21 a worker that is killed is started again, and its clients resume with entries',
  async () => {
    const server = await startWorkers(await temporaryFolder(), MEMORY);
    const token = await tokenFor({ '*': 'admin' });
    const clients = Array.from({ length: 2 * WORKERS }, () => wsClient(server.url, { token }));
    const watchings = clients.map((client) => watch(client, { campaignId: CAMPAIGN }));
    await until(() => watchings.every(({ events }) => events.length > 0));
    const [first] = workersOf(server);
    process.kill(first ?? 0, 'SIGKILL');
    await server.line(/a worker has ended; it is started again/);
    const writer = wsClient(server.url, { token });
    await writer.campaign.update.mutate({ campaignId: CAMPAIGN, updates: { description: 'after' } });
    await until(() => watchings.every(({ mirror }) => mirror.content.state['description'] === 'after'));
    expect(watchings.map(({ mirror }) => mirror.snapshots)).toEqual(watchings.map(() => ['start']));
    await until(() => workersOf(server).length === WORKERS + 1);
  },
  LONG,
);

test('Q23 a worker that is dead, of which the primary has not heard yet, ends nothing when it is told something', async () => {
  const primary = run([join(import.meta.dirname, 'support', 'tell-dead-worker.ts')], {}, ROOT);
  await primary.line(/not told/);
  expect(await primary.ended).toBe(0);
});

test(
  'Q22 the end of the server ends its workers, and what was accepted is kept',
  async () => {
    const folder = await temporaryFolder();
    const server = await startWorkers(folder);
    const token = await tokenFor({ '*': 'admin' });
    const client = wsClient(server.url, { token });
    const receipt = await client.campaign.update.mutate({ campaignId: CAMPAIGN, updates: { description: 'kept' } });
    // What the database alone can answer is passed on.
    const snapshot = await fetch(`${server.url}/snapshot`, { headers: { authorization: `Bearer ${token}` } });
    expect(snapshot.headers.get('content-type')).toBe('application/gzip');
    expect((await snapshot.arrayBuffer()).byteLength).toBeGreaterThan(100);
    expect((await fetch(`${server.url}/snapshot`)).status).toBe(401);
    const workers = workersOf(server);
    server.kill('SIGTERM');
    expect(await server.ended).toBe(0);
    for (const pid of workers) expect(() => process.kill(pid, 0)).toThrow();
    const again = await startWorkers(folder);
    const { epoch, version, state } = await wsClient(again.url, { token }).campaign.get.query({ campaignId: CAMPAIGN });
    expect('position' in receipt && receipt.position).toBe(`${epoch}:${version}`);
    expect(state.description).toBe('kept');
  },
  LONG,
);

test(
  'Q22 workers whose primary was killed end by themselves',
  async () => {
    const server = await startWorkers(await temporaryFolder(), MEMORY);
    const workers = workersOf(server);
    server.kill('SIGKILL');
    await until(() => workers.every((pid) => !isAlive(pid)));
  },
  LONG,
);

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
