import { Redis } from 'ioredis';
import { expect, inject, test } from 'vitest';
import { httpClient, refusal, watch, wsClient } from '../api/support/clients.ts';
import { SECRET, tokenFor, until } from '../api/support/server.ts';
import { freshNamespace, query, tablesWith } from '../archive/namespace.ts';
import { command } from '../snapshot/support/commands.ts';
import { startMain, temporaryFolder } from '../start/support/processes.ts';
import { startTwoInstances } from './support/two-instances.ts';

const LONG = { timeout: 240_000 };
const ID = 'to-be-deleted';

test(
  'V20 a campaign is deleted by the command: from every table but the records, from Redis, and from all instances; its id is free, and audit verify is green',
  LONG,
  async () => {
    const { one, two, folder, namespace, redisUrl, stop } = await startTwoInstances();
    try {
      const token = await tokenFor({ '*': 'admin' }, { sub: 'root' });
      const here = httpClient(one.url, token);
      const there = wsClient(two.url, { token });
      const state = { slug: ID, title: 'A secret of nobody else' };
      await here.campaign.create.mutate({ campaignId: ID, state });
      const updates = { title: 'Another secret of nobody else' };
      const durable = { campaignId: ID, durability: 'durable' } as const;
      for (let count = 0; count < 120; count += 1)
        await there.campaign.update.mutate({ ...durable, updates: { ...updates, [`key${count % 3}`]: count } });
      const stream = watch(there, { campaignId: ID });
      await until(() => stream.events.length > 0);
      await there.lock.acquire.mutate({ campaignId: ID, path: ['title'], ttlMs: 60_000 });
      // Signed, so that its absence would be a finding.
      expect(await tablesWith(namespace, 'secret of nobody else')).toEqual(['campaigns', 'checkpoints', 'entries']);

      const early = await command(folder, ['delete', ID, '--url', two.url], { AUTH_SECRET: SECRET });
      expect(early).toMatchObject({ code: 1, sentence: expect.stringContaining('archive it first') });
      const done = await command(folder, ['delete', ID, '--now', '--url', one.url], { AUTH_SECRET: SECRET });
      expect(done).toMatchObject({ code: 0, sentence: expect.stringMatching(`^${ID} is deleted; it was at .*:122.$`) });

      expect(await tablesWith(namespace, 'secret of nobody else')).toEqual([]);
      expect(await tablesWith(namespace, ID)).toEqual(['audit_events', 'audit_statements', 'deletions']);
      await until(() => stream.error !== undefined);
      expect(stream.error).toMatchObject({ data: { reason: 'NOT_FOUND', deletedAt: expect.any(Number) } });
      const admin = new Redis(redisUrl);
      const keys = await admin.keys('*');
      expect(keys.filter((key) => key.includes(ID))).toEqual([]);
      expect(await admin.zscore(`{${namespace}:viewers}:wanted`, ID)).toBeNull();
      admin.disconnect();
      for (const client of [here, there])
        expect(await refusal(client.campaign.get.query({ campaignId: ID }))).toMatchObject({ reason: 'NOT_FOUND' });

      const events = (await here.audit.events.query()).items.filter(({ kind }) => kind === 'delete');
      expect(events).toMatchObject([{ actor: 'delete-command', campaignId: ID, head: expect.stringMatching(/:122$/) }]);
      const verified = await command(folder, ['audit', 'verify', '--url', two.url], { AUTH_SECRET: SECRET });
      expect(verified).toMatchObject({ code: 0 });

      await there.campaign.create.mutate({ campaignId: ID, state: { slug: ID, title: 'New' } });
      expect(await here.campaign.get.query({ campaignId: ID })).toMatchObject({ version: 1, state: { title: 'New' } });
    } finally {
      await stop();
    }
  },
);

test('V21 an instance that is killed in a deletion leaves the rest to its next start', LONG, async () => {
  const { namespace, drop } = freshNamespace();
  const folder = await temporaryFolder();
  const env = { DATABASE_URL: inject('postgresUrl'), CAMPAIGN_NAMESPACE: namespace };
  const first = await startMain(folder, env);
  const client = httpClient(first.url);
  await client.campaign.create.mutate({ campaignId: ID, state: { slug: ID, title: 'Old' } });
  // As after the first of its two steps: the row is gone, and the rest waits for a process that goes on.
  await query(`create function ${namespace}.stop() returns trigger language plpgsql as $$
    begin perform pg_sleep(600); return old; end $$`);
  await query(`create trigger stop before delete on ${namespace}.entries
    for each row execute function ${namespace}.stop()`);
  const outcome = client.campaign.delete.mutate({ campaignId: ID, now: true }).catch(() => undefined);
  const open = async () => (await query(`select 1 from ${namespace}.deletions where not complete`)).length > 0;
  await until(open);
  first.kill('SIGKILL');
  await Promise.all([first.ended, outcome]);
  await query(
    `select pg_terminate_backend(pid) from pg_stat_activity where query like '%delete from%' and query like $1 and pid <> pg_backend_pid()`,
    [`%${namespace}%`],
  );
  await query(`drop trigger stop on ${namespace}.entries`);
  expect(await query(`select 1 from ${namespace}.entries where campaign_id = $1`, [ID])).not.toEqual([]);
  expect(await query(`select 1 from ${namespace}.campaigns where id = $1`, [ID])).toEqual([]);

  const second = await startMain(folder, env);
  await until(async () => !(await open()));
  expect(await query(`select 1 from ${namespace}.entries where campaign_id = $1`, [ID])).toEqual([]);
  const again = httpClient(second.url);
  await again.campaign.create.mutate({ campaignId: ID, state: { slug: ID, title: 'New' } });
  second.kill('SIGTERM');
  await second.ended;
  await drop();
});
