import { createReadStream } from 'node:fs';
import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, inject, test } from 'vitest';
import type { EntryLine } from '../../server/snapshot/lines.ts';
import { mergePatches } from '../../server/core/document/merge-patch.ts';
import { readSnapshot } from '../../server/snapshot/read-snapshot.ts';
import { httpClient, refusal, watch, wsClient, type Client } from '../api/support/clients.ts';
import { CAMPAIGN, cleanUp, SECRET, startGuarded, tokenFor, until } from '../api/support/server.ts';
import { freshNamespace, query } from '../archive/namespace.ts';
import { startMain, temporaryFolder } from '../start/support/processes.ts';
import { openSession } from '../tools/postgres-session.ts';
import { startRedis } from '../tools/redis.ts';
import { createMemoryArchive } from '../../server/archive/index.ts';
import { command } from './support/commands.ts';
import { snapshotOf, storedCampaign } from './support/snapshots.ts';

const CAMPAIGN_OF_START_FILES = 'ovasabi_website';
/** Of many commands and servers, each of them a process: when it hangs, and not how long it may take. */
const LONG = { timeout: 600_000 };

/** Changes a campaign until it is told to stop, one change after the other. */
function keepChanging({ campaign }: Client, campaignId: string) {
  let on = true;
  let changes = 0;
  const ended = (async () => {
    while (on) {
      changes += 1;
      const updates = { title: `Change ${changes}`, ui_content: { [`banner${changes % 50}`]: `Words ${changes}` } };
      await campaign.update.mutate({ campaignId, updates, mutationId: `change-${changes}` });
    }
  })();
  return {
    get changes() {
      return changes;
    },
    async stop() {
      on = false;
      await ended;
    },
  };
}

/** The states that the entries of a file lead to, by campaign, folded here and not by the reader. */
async function foldedStates(file: string): Promise<Map<string, { version: number; state: unknown }>> {
  const states = new Map<string, { version: number; state: unknown }>();
  let campaignId = '';
  let state = {};
  let version = 0;
  for (const line of gunzipSync(await readFile(file))
    .toString()
    .trimEnd()
    .split('\n')) {
    const value: { type: string; campaignId: string } = JSON.parse(line);
    if (value.type === 'campaign') {
      ({ campaignId } = value);
      [state, version] = [{}, 0];
    }
    if (value.type !== 'entry') continue;
    const { bytes }: EntryLine = JSON.parse(line);
    state = mergePatches(state, [JSON.parse(bytes).change]);
    version += 1;
    states.set(campaignId, { version, state });
  }
  return states;
}

test(
  'W40 embedded to Postgres and back: snapshots of a server that is written to are whole, and restored with their history',
  LONG,
  async () => {
    const folder = await temporaryFolder();
    const first = await startMain(folder, { DATA_DIR: join(folder, 'data') });
    const writer = wsClient(first.url);
    await writer.campaign.create.mutate({ campaignId: 'quiet', state: { slug: 'quiet', title: 'Quiet' } });
    const changing = keepChanging(writer, CAMPAIGN_OF_START_FILES);
    const files: string[] = [];
    for (let number = 1; number <= 4; number += 1) {
      const seen = changing.changes;
      await until(() => changing.changes > seen + 40);
      const file = join(folder, `${number}.jsonl.gz`);
      const taken = await command(folder, ['snapshot', '--url', first.url, '--out', file]);
      expect(taken).toMatchObject({ code: 0, sentence: expect.stringMatching(/campaigns, \d+ entries/) });
      expect(await command(folder, ['verify', file])).toMatchObject({
        code: 0,
        sentence: expect.stringMatching(/is whole.*every hash fits/),
      });
      files.push(file);
    }
    await changing.stop();
    expect((await readdir(folder)).filter((name) => name.endsWith('.part'))).toEqual([]);

    const { namespace, drop } = freshNamespace();
    cleanUp(drop);
    const postgres = { DATABASE_URL: inject('postgresUrl'), CAMPAIGN_NAMESPACE: namespace };
    const second = await startMain(await temporaryFolder(), postgres);
    const there = wsClient(second.url);
    for (const file of files) {
      const restored = await command(folder, ['restore', file, '--over', '--url', second.url]);
      expect(restored).toMatchObject({ code: 0, sentence: expect.stringMatching(/campaigns are restored/) });
      for (const [campaignId, { version, state }] of await foldedStates(file)) {
        expect(await there.campaign.get.query({ campaignId })).toMatchObject({ version, state });
        expect((await there.campaign.at.query({ campaignId, version: 1 })).version).toBe(1);
      }
    }
    // What was in the snapshot is not applied again, and it goes on from there.
    const { version } = await there.campaign.get.query({ campaignId: CAMPAIGN_OF_START_FILES });
    const retry = {
      campaignId: CAMPAIGN_OF_START_FILES,
      updates: { title: 'Change 1', ui_content: { banner1: 'Words 1' } },
      mutationId: 'change-1',
    };
    expect(await there.campaign.update.mutate(retry)).toMatchObject({ version: 2 });
    const next = {
      campaignId: CAMPAIGN_OF_START_FILES,
      updates: { title: 'On Postgres' },
      durability: 'durable' as const,
    };
    expect(await there.campaign.update.mutate(next)).toMatchObject({ version: version + 1, durability: 'durable' });

    // And back, into a folder, from a pipe to a pipe.
    const back = join(folder, 'back.jsonl.gz');
    expect(await command(folder, ['snapshot', '--url', second.url, '--out', back])).toMatchObject({ code: 0 });
    first.kill('SIGTERM');
    await first.ended;
    await rm(join(folder, 'data'), { recursive: true });
    const third = await startMain(folder, { DATA_DIR: join(folder, 'data') });
    expect(await command(folder, ['restore', back, '--over', '--url', third.url])).toMatchObject({ code: 0 });
    const home = httpClient(third.url);
    expect(await home.campaign.get.query({ campaignId: CAMPAIGN_OF_START_FILES })).toMatchObject({
      version: version + 1,
      state: { title: 'On Postgres' },
    });
    expect(await home.campaign.get.query({ campaignId: 'quiet' })).toMatchObject({ version: 1 });
    for (const server of [second, third]) {
      server.kill('SIGTERM');
      expect(await server.ended).toBe(0);
    }
  },
);

test(
  'W41 a disaster is restored from a snapshot: Postgres, Redis and every instance are gone, clients come back in a new epoch',
  LONG,
  async () => {
    const folder = await temporaryFolder();
    const { namespace, drop } = freshNamespace();
    cleanUp(drop);
    const redis = await startRedis();
    cleanUp(() => redis.stop());
    const env = {
      DATABASE_URL: inject('postgresUrl'),
      CAMPAIGN_NAMESPACE: namespace,
      REDIS_URL: redis.url,
      AUTH_SECRET: SECRET,
    };
    const [one, two] = await Promise.all([startMain(folder, env), startMain(await temporaryFolder(), env)]);
    const token = await tokenFor({ '*': 'admin' });
    const writer = wsClient(one.url, { token });
    const set = (client: Client, title: string) =>
      client.campaign.update.mutate({
        campaignId: CAMPAIGN_OF_START_FILES,
        updates: { title },
        mutationId: title,
        durability: 'durable',
      });
    for (let number = 1; number <= 30; number += 1) await set(writer, `before-${number}`);
    const file = join(folder, 'disaster.jsonl.gz');
    expect(
      await command(folder, ['snapshot', '--url', two.url, '--out', file], { CAMPAIGN_TOKEN: token }),
    ).toMatchObject({ code: 0 });
    const saved = await writer.campaign.get.query({ campaignId: CAMPAIGN_OF_START_FILES });
    const lost = await set(writer, 'after-the-snapshot');
    if ('dryRun' in lost) throw new Error('unreachable');

    for (const server of [one, two]) server.kill('SIGKILL');
    await Promise.all([one.ended, two.ended]);
    await query(`drop schema ${namespace} cascade`);
    // Its log is left as it was: what is restored must not be mixed with what it holds.
    const [third, fourth] = await Promise.all([startMain(folder, env), startMain(await temporaryFolder(), env)]);
    const elsewhere = watch(wsClient(fourth.url, { token }), { campaignId: CAMPAIGN_OF_START_FILES });
    await until(() => elsewhere.events.length > 0);
    expect(await command(folder, ['restore', file, '--url', third.url], { AUTH_SECRET: SECRET })).toMatchObject({
      code: 1,
      sentence: expect.stringMatching(/exists already; restore over it, or as another id/),
    });
    const restored = await command(folder, ['restore', file, '--over', '--url', third.url], { AUTH_SECRET: SECRET });
    expect(restored).toMatchObject({ code: 0 });

    for (const { url } of [third, fourth]) {
      const client = wsClient(url, { token });
      await until(
        async () =>
          (await client.campaign.get.query({ campaignId: CAMPAIGN_OF_START_FILES })).version === saved.version,
      );
      const now = await client.campaign.get.query({ campaignId: CAMPAIGN_OF_START_FILES });
      expect(now.state).toEqual(saved.state);
      expect(now.epoch).not.toBe(saved.epoch);
      // Who has seen what is lost is told so; who has not goes on with entries.
      const ahead = watch(client, { campaignId: CAMPAIGN_OF_START_FILES, lastEventId: lost.position });
      await until(() => ahead.events.length > 0);
      expect(ahead.events[0]).toMatchObject({ type: 'snapshot', reason: 'reset' });
      const behind = watch(client, {
        campaignId: CAMPAIGN_OF_START_FILES,
        lastEventId: `${saved.epoch}:${saved.version}`,
      });
      await until(() => behind.events.length > 0);
      expect(behind.events[0]).toMatchObject({ type: 'entries', entries: [] });
    }
    await until(() => elsewhere.mirror.content.state['title'] === 'before-30');
    // What was in it is known, what was not can be sent again.
    const again = wsClient(fourth.url, { token });
    expect(await set(again, 'before-7')).toMatchObject({ version: 8 });
    expect(await set(again, 'after-the-snapshot')).toMatchObject({ version: saved.version + 1, durability: 'durable' });
    await until(() => elsewhere.mirror.content.state['title'] === 'after-the-snapshot');
    for (const server of [third, fourth]) {
      server.kill('SIGTERM');
      expect(await server.ended).toBe(0);
    }
  },
);

test('W42 a snapshot is for admins of what it holds, and a restore for admins of all', async () => {
  const { url } = await startGuarded();
  const ask = async (token: string | undefined, search = ''): Promise<number> => {
    const response = await fetch(
      `${url}/snapshot${search}`,
      token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } },
    );
    await response.arrayBuffer();
    return response.status;
  };
  const [admin, ofOne, editor] = [
    await tokenFor({ '*': 'admin' }),
    await tokenFor({ [CAMPAIGN]: 'admin' }),
    await tokenFor({ '*': 'editor' }),
  ];
  expect(await ask(undefined)).toBe(401);
  expect(await ask('nonsense')).toBe(401);
  expect(await ask(editor)).toBe(403);
  expect(await ask(ofOne)).toBe(403);
  expect(await ask(ofOne, `?campaign=${CAMPAIGN}&campaign=secret`)).toBe(403);
  expect(await ask(ofOne, `?campaign=${CAMPAIGN}`)).toBe(200);
  expect(await ask(admin, '?campaign=A%20B')).toBe(400);
  expect(await ask(admin)).toBe(200);
  expect((await fetch(`${url}/snapshot`, { method: 'POST' })).status).toBe(405);
  for (const token of [ofOne, editor])
    expect(await refusal(httpClient(url, token).snapshot.restoreBegin.mutate({}))).toMatchObject({
      reason: 'FORBIDDEN',
    });
  const key = await httpClient(url, admin).access.create.mutate({ name: 'backup', campaigns: { '*': 'admin' } });
  expect(await ask(key.key)).toBe(200);
});

test('W43 a snapshot of named campaigns holds these alone; what is cut on its way has no name, and says so', async () => {
  const folder = await temporaryFolder();
  const { url } = await startGuarded();
  const env = { AUTH_SECRET: SECRET };
  const out = join(folder, 'one.jsonl.gz');
  expect(await command(folder, ['snapshot', '--campaign', 'secret', '--out', out, '--url', url], env)).toMatchObject({
    code: 0,
  });
  const ids: string[] = [];
  for await (const item of readSnapshot(createReadStream(out)))
    if (item.kind === 'campaign') ids.push(item.campaign.campaignId);
  expect(ids).toEqual(['secret']);
  expect(await command(folder, ['snapshot', '--campaign', 'nobody', '--url', url, '--out', 'x'], env)).toMatchObject({
    code: 1,
    sentence: 'There is no campaign nobody.',
  });
  expect(await command(folder, ['snapshot', '--url', 'http://127.0.0.1:9'], env)).toMatchObject({
    code: 1,
    sentence: 'No server answers at http://127.0.0.1:9; --url takes another address.',
  });
  const file = await readFile(out);
  const damaged = join(folder, 'damaged.jsonl.gz');
  const flipped = Buffer.from(file);
  flipped[100] = (flipped[100] ?? 0) ^ 1;
  for (const bytes of [file.subarray(0, -1), flipped]) {
    await writeFile(damaged, bytes);
    expect(await command(folder, ['verify', damaged])).toMatchObject({
      code: 1,
      sentence: expect.stringMatching(/is not whole: .*at byte/),
    });
    expect(await command(folder, ['restore', damaged, '--over', '--url', url], env)).toMatchObject({
      code: 1,
      sentence: expect.stringMatching(/^The file is refused: .*at byte/),
    });
  }
});

test('W44 a server that is killed while it restores finishes the same restore after its start', LONG, async () => {
  const folder = await temporaryFolder();
  const source = createMemoryArchive();
  const ids = Array.from({ length: 200 }, (_, number) => `campaign-${String(number).padStart(3, '0')}`);
  for (const id of ids) await storedCampaign(source, id, 12);
  const file = join(folder, 'many.jsonl.gz');
  await writeFile(file, await snapshotOf(source));

  const { namespace, drop } = freshNamespace();
  cleanUp(drop);
  const env = { DATABASE_URL: inject('postgresUrl'), CAMPAIGN_NAMESPACE: namespace };
  const restored = async (): Promise<number> =>
    (await query(`select 1 from ${namespace}.campaigns where id like 'campaign-%'`)).length;
  const first = await startMain(folder, env);
  // Somebody who makes one of them, and has not ended, keeps those from their places that come with it.
  const other = await openSession(inject('postgresUrl'));
  await other.query(`begin; insert into ${namespace}.campaigns
    (id, epoch, version, tail, state, title, created_at, updated_at, updated_by, log_generation, log_active)
    values ('campaign-150', 'e', 1, '', '{}', '', 0, 0, '', 0, false)`);
  const restoring = command(folder, ['restore', file, '--url', first.url]);
  await until(async () => (await restored()) === 100);
  first.kill('SIGKILL');
  await first.ended;
  expect((await restoring).code).toBe(1);
  await other.end();
  expect(await restored()).toBe(100);

  const second = await startMain(await temporaryFolder(), env);
  expect(await command(folder, ['restore', file, '--url', second.url])).toMatchObject({ code: 0 });
  const client = httpClient(second.url);
  for (const campaignId of ids) expect(await client.campaign.get.query({ campaignId })).toMatchObject({ version: 12 });
  second.kill('SIGTERM');
  expect(await second.ended).toBe(0);
});
