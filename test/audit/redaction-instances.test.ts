import { writeFile } from 'node:fs/promises';
import { generateKeyPairSync } from 'node:crypto';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { expect, inject, test } from 'vitest';
import { createMemoryArchive } from '../../server/archive/index.ts';
import { createRedactionWatch } from '../../server/engine/archiving/redaction-watch.ts';
import { httpClient, wsClient, watch } from '../api/support/clients.ts';
import { SECRET, tokenFor, until } from '../api/support/server.ts';
import { campaignHistory } from '../archive/campaign-history.ts';
import { freshNamespace, query } from '../archive/namespace.ts';
import { redactionOf } from '../archive/redactions.ts';
import { command } from '../snapshot/support/commands.ts';
import { startMain, temporaryFolder } from '../start/support/processes.ts';
import { simulatedClock } from '../support/simulated-clock.ts';
import { startRedis } from '../tools/redis.ts';

const ID = 'people';
const VALUE = 'Ada Lovelace, +44 20 7946 0018';

/** All that a Redis holds, as text. */
async function contentsOf(redis: Redis): Promise<string> {
  const texts = await Promise.all(
    (await redis.keys('*')).map(async (key) => {
      const type = await redis.type(key);
      if (type === 'stream') return JSON.stringify(await redis.xrange(key, '-', '+'));
      return type === 'hash' ? JSON.stringify(await redis.hgetall(key)) : '';
    }),
  );
  return texts.join('\n');
}

async function tablesWith(namespace: string, text: string): Promise<string[]> {
  const tables = await query<{ name: string }>(
    'select table_name as name from information_schema.tables where table_schema = $1 order by 1',
    [namespace],
  );
  const found: string[] = [];
  for (const { name } of tables) {
    const rows = await query(`select 1 from ${namespace}.${name} as t where t::text like '%' || $1 || '%' limit 1`, [
      text,
    ]);
    if (rows.length > 0) found.push(name);
  }
  return found;
}

test(
  'V41 redacted by the command: in no table, not in Redis, and on no instance; audit verify is green, and names whoever puts it back',
  { timeout: 180_000 },
  async () => {
    const { namespace, drop } = freshNamespace();
    const redis = await startRedis();
    const folder = await temporaryFolder();
    const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    await writeFile(join(folder, 'audit.pem'), pem);
    const env = {
      DATABASE_URL: inject('postgresUrl'),
      REDIS_URL: redis.url,
      CAMPAIGN_NAMESPACE: namespace,
      AUTH_SECRET: SECRET,
      AUDIT_KEY: 'audit.pem',
    };
    const [one, two] = await Promise.all([startMain(folder, env), startMain(folder, env)]);
    const admin = new Redis(redis.url);
    try {
      const token = await tokenFor({ '*': 'admin' }, { sub: 'root' });
      const here = httpClient(one.url, token);
      const there = wsClient(two.url, { token });
      const durable = { campaignId: ID, durability: 'durable' } as const;
      await here.campaign.create.mutate({ campaignId: ID, state: { slug: ID, title: 'People' } });
      const about = (contact: string | null) => ({ about: { contact, text: 'Us' } }) as never;
      const brought = await here.campaign.update.mutate({ ...durable, updates: about(VALUE) });
      await here.campaign.update.mutate({ ...durable, updates: about(null) });
      const streams = [watch(wsClient(one.url, { token }), { campaignId: ID }), watch(there, { campaignId: ID })];
      for (const stream of streams) await until(() => stream.mirror.version === 3);
      const says = async () => JSON.stringify(await there.campaign.history.query({ campaignId: ID }));
      expect(await says()).toContain(VALUE);
      expect(await contentsOf(admin)).toContain(VALUE);
      expect(await tablesWith(namespace, VALUE)).toEqual(['entries']);

      const server = ['--url', one.url];
      const asAdmin = { AUTH_SECRET: SECRET };
      const place = ['--path', 'about', '--path', 'contact'];
      const redact = (...more: string[]) =>
        command(folder, ['audit', 'redact', ID, brought.position, ...more, ...server], asAdmin);
      expect(await redact()).toMatchObject({ code: 1, sentence: expect.stringContaining('--path') });
      const done = await redact(...place);
      expect(done.sentence).toContain('about › contact: redacted');
      expect(done.code).toBe(0);
      expect(await tablesWith(namespace, VALUE)).toEqual([]);
      expect(await contentsOf(admin)).not.toContain(VALUE);
      await until(async () => !(await says()).includes(VALUE));
      // Nobody who watches was told anything; the next change comes to all of them, from any instance.
      const events = streams.map((stream) => stream.events.length);
      await there.campaign.update.mutate({ ...durable, updates: { title: 'It goes on' } });
      for (const stream of streams) await until(() => stream.mirror.version === 4);
      expect(streams.map((stream, index) => stream.events.slice(events[index]).map(({ type }) => type))).toEqual(
        streams.map(() => expect.not.arrayContaining(['snapshot'])),
      );
      expect(await redact(...place)).toMatchObject({ code: 0 });
      const verified = await command(folder, ['audit', 'verify', ...server], asAdmin);
      expect(verified.sentence).toContain('everything fits');
      expect(verified.code).toBe(0);
      await query(`update ${namespace}.entries set bytes = replace(bytes::text, '"contact":null', '"contact":"Bob"')::json
        where version = 2`);
      const forged = await command(folder, ['audit', 'verify', ...server], asAdmin);
      expect(forged).toMatchObject({ code: 1, sentence: expect.stringContaining('version 2') });
      for (const stream of streams) stream.stop();
    } finally {
      admin.disconnect();
      one.kill('SIGKILL');
      two.kill('SIGKILL');
      await redis.stop();
      await drop();
    }
  },
);

test('V42 what the log could not drop, because the instance died before, is dropped by the next one that starts', async () => {
  const clock = simulatedClock();
  const archive = createMemoryArchive();
  const history = campaignHistory(ID);
  await history.createIn(archive);
  history.add({ about: { contact: VALUE } });
  history.add({ about: { contact: null } }, { comment: 'gone' });
  await archive.commit([history.commitAfter(1)]);
  expect(await archive.redact(redactionOf(history, 2, 3))).toBe(true);
  const asked: string[] = [];
  const reloaded: string[] = [];
  const failed: string[] = [];
  const redactions = createRedactionWatch({
    store: archive,
    hosting: { forget: async (campaignId) => void reloaded.push(campaignId) },
    log: {
      shared: true,
      // At first the watermark has not come so far.
      forget: async (campaignId, version) => asked.push(`${campaignId} ${version}`) > 1,
    },
    clock,
    observer: { failed: ({ what }) => void failed.push(what) },
  });
  await clock.advance(5_000);
  expect(asked).toEqual([`${ID} 2`, `${ID} 2`]);
  expect(failed).toEqual(['redaction']);
  expect(await archive.redactionsAfter(0, 10)).toMatchObject([{ forgotten: true }]);
  // It was not in memory at the start; what is redacted from then on may be.
  expect(reloaded).toEqual([]);
  const again = redactionOf(history, 3, 3, { redactions: 1 }, { comment: true, at: 6, by: 'root' });
  expect(await archive.redact({ ...again })).toBe(true);
  await clock.advance(5_000);
  expect(reloaded).toEqual([ID]);
  redactions.stop();
  await clock.advance(5_000);
});
