import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { httpClient, watch, wsClient } from '../api/support/clients.ts';
import { until } from '../api/support/server.ts';
import { lastWords, run, ROOT, runMain, startMain, temporaryFolder } from './support/processes.ts';

const CAMPAIGN = 'ovasabi_website';
const update = (description: string, mutationId: string) => ({
  campaignId: CAMPAIGN,
  updates: { description },
  mutationId,
});

describe('F4 a server that cannot start says why in one sentence, with exit code 1', () => {
  test('F4 a wrong variable', async () => {
    const { code, sentence } = await lastWords(runMain(await temporaryFolder(), { CAMPAIGN_IDLE_TTL: 'soon' }));
    expect(code).toBe(1);
    expect(sentence).toBe('CAMPAIGN_IDLE_TTL takes a duration such as 500ms, 30s, 10m, 12h or 7d.');
  });

  test('F4 a port in use', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as AddressInfo;
    const outcomes = await Promise.all(
      [{ PORT: String(port) }, { METRICS_PORT: String(port) }].map(async (env) =>
        lastWords(runMain(await temporaryFolder(), env)),
      ),
    );
    other.close();
    expect(outcomes).toEqual([
      { code: 1, sentence: `PORT ${port} on 127.0.0.1 is in use by another process: stop that one, or set another.` },
      {
        code: 1,
        sentence: `METRICS_PORT ${port} on 127.0.0.1 is in use by another process: stop that one, or set another.`,
      },
    ]);
  });

  test('F4 a data folder in use', async () => {
    const folder = await temporaryFolder();
    const first = await startMain(folder);
    const { code, sentence } = await lastWords(runMain(folder));
    expect(code).toBe(1);
    expect(sentence).toMatch(
      new RegExp(`^The data folder ${join(folder, 'data')} is in use by process ${first.pid}[^\n]*\\.$`),
    );
    expect((await fetch(`${first.url}/livez`)).status).toBe(200);
  });

  test('F4 a database that does not answer within START_TIMEOUT', async () => {
    const nobody = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => nobody.once('listening', resolve));
    const { port } = nobody.address() as AddressInfo;
    await new Promise((resolve) => nobody.close(resolve));
    const env = { DATABASE_URL: `postgres://user:hunter2@127.0.0.1:${port}/none`, START_TIMEOUT: '1s' };
    const running = runMain(await temporaryFolder(), env);
    const { code, sentence } = await lastWords(running);
    expect(code).toBe(1);
    expect(sentence).toMatch(/^DATABASE_URL: no answer within START_TIMEOUT, 1 s \([^\n]*ECONNREFUSED[^\n]*\)\.$/);
    expect(running.lines.join('\n')).not.toContain('hunter2');
  });
});

describe('F5 SIGTERM', () => {
  test('F5 commits all accepted entries, and ends with 0', async () => {
    const folder = await temporaryFolder();
    const first = await startMain(folder);
    const { campaign } = wsClient(first.url);
    const receipts = await Promise.all(
      Array.from({ length: 200 }, (_, index) => campaign.update.mutate(update(`number ${index}`, `m${index}`))),
    );
    first.kill('SIGTERM');
    expect(await first.ended).toBe(0);

    const second = await startMain(folder);
    const { campaign: again } = httpClient(second.url);
    const { version, state, epoch } = await again.get.query({ campaignId: CAMPAIGN });
    expect(version).toBe(201);
    expect(state).toMatchObject({ description: 'number 199' });
    // A clean shutdown loses nothing: the epoch stays.
    expect(receipts.at(-1)).toMatchObject({ epoch });
    second.kill('SIGTERM');
    expect(await second.ended).toBe(0);
  });

  test('F5 a second signal ends it at once', async () => {
    const running = await startMain(await temporaryFolder());
    // A call whose body never arrives delays the shutdown.
    const slow = connect(Number(new URL(running.url).port), '127.0.0.1');
    slow.on('error', () => undefined);
    slow.write(
      'POST /trpc/campaign.update HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{',
    );
    // The server has received that request before it answers this one.
    await fetch(`${running.url}/livez`);
    running.kill('SIGTERM');
    await running.line(/shutting down/);
    running.kill('SIGINT');
    expect(await running.ended).toBe(1);
    slow.destroy();
    expect(running.lines.join('\n')).not.toContain('are committed');
  });

  test('F5 a Ctrl+C that the terminal and npx both pass on counts as one signal', async () => {
    const running = await startMain(await temporaryFolder());
    running.kill('SIGINT');
    running.kill('SIGINT');
    expect(await running.ended).toBe(0);
    expect(running.lines.join('\n')).toContain('all accepted entries are committed');
  });

  test('F5 it shuts down when its parent process ends', async () => {
    const folder = await temporaryFolder();
    const code = `
      const { spawn } = require('node:child_process');
      const child = spawn(process.execPath, [${JSON.stringify(join(ROOT, 'start', 'main.ts'))}], { detached: true, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
      process.stdout.write('child ' + child.pid + '\\n');
    `;
    const parent = run(['-e', code], { PORT: '0' }, folder);
    const [, pid] = (await parent.line(/^child \d+$/)).split(' ');
    await parent.line(/campaign-state is ready/);
    parent.kill('SIGKILL');
    await until(() => !isRunning(Number(pid)));
  });
});

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('F6 kill -9', () => {
  test('F6 durable changes are kept, each once; clients resume without a gap', async () => {
    const folder = await temporaryFolder();
    const first = await startMain(folder);
    const port = new URL(first.url).port;
    const client = wsClient(first.url);
    const watching = watch(client, { campaignId: CAMPAIGN });
    await client.campaign.update.mutate({ ...update('durable', 'kept'), durability: 'durable' });
    await until(() => watching.mirror.version === 2);
    // Perhaps committed, perhaps not: it was not answered as durable.
    await client.campaign.update.mutate(update('accepted', 'perhaps'));
    first.kill('SIGKILL');
    expect(await first.ended).toBe('SIGKILL');

    const second = await startMain(folder, { PORT: port });
    const { campaign } = httpClient(second.url);
    const { version } = await campaign.get.query({ campaignId: CAMPAIGN });
    expect(version === 2 || version === 3).toBe(true);
    expect(await campaign.at.query({ campaignId: CAMPAIGN, version: 2 })).toMatchObject({
      state: { description: 'durable' },
    });
    // A retry of each mutation is applied once.
    expect(await campaign.update.mutate(update('durable', 'kept'))).toMatchObject({ version: 2 });
    expect(await campaign.update.mutate(update('accepted', 'perhaps'))).toMatchObject({ version: 3 });
    await campaign.update.mutate(update('after', 'after'));
    await until(() => watching.mirror.version === 4 && watching.mirror.content.state.description === 'after');
    expect([watching.error, watching.completed]).toEqual([undefined, false]);
  });
});
