import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { installedBinaries } from '../../start/services/postgres-binaries.ts';
import { startPostgres } from '../../start/services/postgres.ts';
import { httpClient, watch, wsClient } from '../api/support/clients.ts';
import type { Client } from '../api/support/clients.ts';
import { cleanUp, until } from '../api/support/server.ts';
import { inSession } from '../tools/postgres-session.ts';
import { startRedis } from '../tools/redis.ts';
import { startMain, temporaryFolder } from './support/processes.ts';

/* The two procedures of docs/operations.md, "Backup and restore", step by step. */

const CAMPAIGN = 'ovasabi_website';
const LONG = { timeout: 600_000 };
const execute = promisify(execFile);

/** Sets the title, with the title as the mutation id. */
async function setTitle({ campaign }: Client, title: string, durability: 'accepted' | 'durable' = 'durable') {
  const receipt = await campaign.update.mutate({
    campaignId: CAMPAIGN,
    updates: { title },
    mutationId: title,
    durability,
  });
  if ('dryRun' in receipt) throw new Error('the mutation was not a dry run');
  return receipt;
}

test('F11 embedded: stop, copy, start; and back from the copy', LONG, async () => {
  const folder = await temporaryFolder();
  const [data, backup] = [join(folder, 'data'), join(folder, 'backup')];
  const env = { DATA_DIR: data };

  const first = await startMain(folder, env);
  const saved = await setTitle(httpClient(first.url), 'in-the-backup');
  await httpClient(first.url).campaign.create.mutate({
    campaignId: 'autumn',
    state: { slug: 'autumn', title: 'Autumn' },
  });
  first.kill('SIGTERM');
  expect(await first.ended).toBe(0);
  await cp(data, backup, { recursive: true });

  const second = await startMain(folder, env);
  await setTitle(httpClient(second.url), 'after-the-backup');
  second.kill('SIGKILL');
  await second.ended;
  await rm(data, { recursive: true });
  await cp(backup, data, { recursive: true });

  const third = await startMain(folder, env);
  const client = httpClient(third.url);
  expect(await client.campaign.get.query({ campaignId: CAMPAIGN })).toMatchObject({
    version: saved.version,
    epoch: saved.epoch,
    state: { title: 'in-the-backup' },
  });
  expect((await client.campaign.list.query({})).items.map(({ campaignId }) => campaignId)).toContain('autumn');
  expect((await client.campaign.history.query({ campaignId: CAMPAIGN })).items).toMatchObject([
    { version: 2, mutationId: 'in-the-backup' },
    { version: 1 },
  ]);
  // A retry is answered with the same version.
  expect(await setTitle(client, 'in-the-backup')).toMatchObject({ version: saved.version });
  third.kill('SIGTERM');
  expect(await third.ended).toBe(0);
});

/** A Postgres that was installed with its `pg_dump`, which must not be older than the server. */
const withTools = installedBinaries().find(({ postgres }) => existsSync(join(dirname(postgres), 'pg_dump')));

test.runIf(withTools)('F11 cluster: pg_dump while it runs; stop, restore, clear the log, start', LONG, async () => {
  if (!withTools) throw new Error('unreachable');
  const bin = dirname(withTools.postgres);
  const folder = await temporaryFolder();
  const dump = join(folder, 'campaigns.dump');
  const [postgres, redis] = await Promise.all([startPostgres([withTools]), startRedis()]);
  cleanUp(async () => {
    await Promise.all([postgres.stop(), redis.stop()]);
  });
  const env = { DATABASE_URL: postgres.url, REDIS_URL: redis.url };

  // Backup, while somebody writes.
  const first = await startMain(folder, env);
  const writer = httpClient(first.url);
  for (let number = 1; number <= 20; number += 1) await setTitle(writer, `before-${number}`);
  let dumping = true;
  const writing = (async () => {
    for (let number = 1; dumping; number += 1) await setTitle(writer, `during-${number}`, 'accepted');
  })();
  await execute(join(bin, 'pg_dump'), ['--format=custom', '--schema=cs', `--file=${dump}`, postgres.url]);
  dumping = false;
  await writing;
  const lost = await setTitle(writer, 'after-the-backup');

  // The disaster.
  first.kill('SIGTERM');
  await first.ended;
  await inSession(postgres.url, (database) => database.query('drop schema cs cascade'));

  // Restore.
  await execute(join(bin, 'pg_restore'), [`--dbname=${postgres.url}`, '--exit-on-error', dump]);
  const log = new Redis(redis.url);
  for await (const keys of log.scanStream({ match: '{cs:*' }))
    if (Array.isArray(keys) && keys.length > 0) await log.unlink(...keys);
  expect(await log.dbsize()).toBe(0);
  log.disconnect();
  const second = await startMain(folder, env);

  const client = wsClient(second.url);
  const { version, epoch, state } = await client.campaign.get.query({ campaignId: CAMPAIGN });
  expect(version).toBeGreaterThanOrEqual(21);
  expect(version).toBeLessThan(lost.version);
  const { items } = await client.campaign.history.query({ campaignId: CAMPAIGN, limit: 1 });
  expect(items).toMatchObject([{ version, mutationId: state['title'] }]);
  expect(await setTitle(client, 'before-7')).toMatchObject({ version: 8 });
  // Changes after the backup are lost, and clients that have seen them get a reset: none of them mixes two timelines.
  expect(epoch).not.toBe(lost.epoch);
  const watching = watch(client, { campaignId: CAMPAIGN, lastEventId: lost.position });
  await until(() => watching.events.length > 0);
  expect(watching.events[0]).toMatchObject({ type: 'snapshot', reason: 'reset', state: { title: state['title'] } });
  expect(await setTitle(client, 'and-on-it-goes')).toMatchObject({ version: version + 1, durability: 'durable' });
  second.kill('SIGTERM');
  expect(await second.ended).toBe(0);
  expect(await readdir(folder)).toContain('campaigns.dump');
});
