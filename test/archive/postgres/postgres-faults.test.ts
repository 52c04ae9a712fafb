import { afterEach, beforeEach, describe, expect, inject, test, vi } from 'vitest';
import { openPostgresArchive, type PostgresArchiveOptions } from '../../../server/archive/index.ts';
import type { Archive } from '../../../server/engine/ports.ts';
import { openTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts';
import { startPostgres } from '../../tools/postgres.ts';
import { campaignHistory, type CampaignHistory } from '../campaign-history.ts';
import { freshNamespace, query } from '../namespace.ts';

const UNREACHABLE = { name: 'ArchiveError', kind: 'unreachable' };

/** Adds one entry and commits it. */
async function commitOne(archive: Archive, history: CampaignHistory): Promise<void> {
  const from = history.entries.length;
  history.add({ version: from + 1 });
  await expect(archive.commit([history.commitAfter(from)])).resolves.toMatchObject([{ kind: 'committed' }]);
}

describe('an archive whose Postgres is behind a bad wire', () => {
  let fresh: ReturnType<typeof freshNamespace>;
  let proxy: TcpProxy;
  let archive: Archive;
  let history: CampaignHistory;

  const through = (): string => {
    const url = new URL(inject('postgresUrl'));
    url.host = new URL(proxy.url).host;
    return url.href;
  };

  beforeEach(async () => {
    fresh = freshNamespace();
    proxy = await openTcpProxy(Number(new URL(inject('postgresUrl')).port));
    archive = await openPostgresArchive({
      connectionString: through(),
      namespace: fresh.namespace,
      poolSize: 2,
      statementTimeoutMs: 1_000,
    });
    history = campaignHistory('wired');
    await history.createIn(archive);
  });

  afterEach(async () => {
    await archive.stop({ clean: true });
    await proxy.close();
    await fresh.drop();
  });

  test('A54 a commit whose answer is lost rejects as unreachable, and the head shows that it happened', async () => {
    history.add({ title: 'Was it stored?' });
    proxy.dropReplies();
    const commit = archive.commit([history.commitAfter(1)]);
    const rejected = expect(commit).rejects.toMatchObject(UNREACHABLE);
    await vi.waitUntil(
      async () => (await query(`select 1 from ${fresh.namespace}.entries where version = 2`)).length === 1,
      { timeout: 20_000 },
    );
    proxy.cut();
    proxy.restore();
    await rejected;
    const head = { epoch: history.epoch, version: 2, tail: history.entries[1]?.tail };
    expect(await archive.heads(['wired'])).toEqual([{ campaignId: 'wired', head }]);
    expect(await archive.commit([history.commitAfter(1)])).toEqual([{ campaignId: 'wired', kind: 'conflict', head }]);
    await commitOne(archive, history);
  });

  test('A57 a silent connection is given up in bounded time, and the next call uses another one', async () => {
    proxy.freeze();
    const calls = await Promise.allSettled([
      archive.ping(),
      archive.load('wired', 1),
      archive.heads(['wired']),
      archive.list({ limit: 1 }),
    ]);
    for (const call of calls) expect(call).toMatchObject({ status: 'rejected', reason: UNREACHABLE });
    proxy.restore();
    await commitOne(archive, history);
    expect(await archive.load('wired', 10)).toMatchObject({ head: { version: 2 }, recent: history.entries });
  });

  test('A57 a wire that is cut rejects what is on it, and nothing more', async () => {
    for (let round = 0; round < 5; round += 1) {
      const calls = [archive.ping(), archive.load('wired', 1), archive.heads(['wired'])];
      proxy.sever();
      for (const call of await Promise.allSettled(calls))
        if (call.status === 'rejected') expect(call.reason).toMatchObject(UNREACHABLE);
      await expect(archive.ping()).rejects.toMatchObject(UNREACHABLE);
      proxy.restore();
      await commitOne(archive, history);
    }
  });
});

test('A72 sessions that end while they are set up hold no place in the pool', async () => {
  const fresh = freshNamespace();
  const url = new URL(inject('postgresUrl'));
  const proxy = await openTcpProxy(Number(url.port));
  url.host = new URL(proxy.url).host;
  const archive = await openPostgresArchive({
    connectionString: url.href,
    namespace: fresh.namespace,
    poolSize: 2,
  });
  try {
    proxy.cut();
    proxy.greetOnly();
    for (let attempt = 0; attempt < 5; attempt += 1) await expect(archive.ping()).rejects.toMatchObject(UNREACHABLE);
    proxy.restore();
    const history = campaignHistory('later');
    await history.createIn(archive);
    await commitOne(archive, history);
  } finally {
    await archive.stop({ clean: true });
    await proxy.close();
    await fresh.drop();
  }
});

test('A61 a stop does not wait for a link that is silent', async () => {
  const fresh = freshNamespace();
  const url = new URL(inject('postgresUrl'));
  const proxy = await openTcpProxy(Number(url.port));
  url.host = new URL(proxy.url).host;
  // Far beyond the time that this test has.
  const archive = await openPostgresArchive({
    connectionString: url.href,
    namespace: fresh.namespace,
    statementTimeoutMs: 600_000,
    exclusive: {},
  });
  const history = campaignHistory('member');
  await history.createIn(archive);
  await archive.enterLog('member', { epoch: history.epoch, version: 1, generation: 0 });
  proxy.freeze();
  const waiting = expect(archive.load('any', 1)).rejects.toMatchObject(UNREACHABLE);
  await expect(archive.stop({ clean: true })).rejects.toMatchObject(UNREACHABLE);
  await waiting;
  await proxy.close();
  await fresh.drop();
});

describe('an archive whose Postgres dies', () => {
  test('A55 after kill -9 of Postgres calls reject, the process lives on, and everything acknowledged is there again (G4)', async () => {
    const postgres = await startPostgres();
    try {
      const onLockLost = vi.fn<(error: Error) => void>();
      const onLockRegained = vi.fn<() => void>();
      const options: PostgresArchiveOptions = {
        connectionString: postgres.url,
        namespace: 'cs',
        exclusive: { onLockLost, onLockRegained },
      };
      const archive = await openPostgresArchive(options);
      for (let round = 1; round <= 3; round += 1) {
        const history = campaignHistory(`round-${round}`);
        await history.createIn(archive);
        let acknowledged = 1;
        const writing = (async () => {
          for (;;) {
            await commitOne(archive, history);
            acknowledged = history.entries.length;
          }
        })().catch((error: unknown) => error);
        await vi.waitUntil(() => acknowledged > 20, { timeout: 30_000 });
        await postgres.kill();
        expect(await writing).toBeInstanceOf(Error);
        await expect(archive.ping()).rejects.toMatchObject(UNREACHABLE);
        await postgres.restart();
        await vi.waitUntil(() => onLockRegained.mock.calls.length === round, { timeout: 30_000 });
        expect(onLockLost).toHaveBeenCalledTimes(round);
        const loaded = await archive.load(history.campaignId, 10_000);
        expect(loaded?.head.version).toBeGreaterThanOrEqual(acknowledged);
        expect(loaded?.recent).toEqual(history.entries.slice(0, loaded?.head.version));
        expect(loaded?.state).toEqual(history.contents[loaded?.head.version ?? 0]?.state);
      }
      await archive.stop({ clean: true });
    } finally {
      await postgres.stop();
    }
  });

  test('A56 a Postgres that does not answer is unreachable at the open call, a wrong database is not; no message names the password', async () => {
    const { namespace } = freshNamespace();
    const nobody = openPostgresArchive({
      connectionString: 'postgres://someone:s3cret-word@127.0.0.1:1/cs',
      namespace,
      exclusive: {},
    });
    await expect(nobody).rejects.toMatchObject({
      ...UNREACHABLE,
      code: 'ECONNREFUSED',
      message: expect.not.stringContaining('s3cret-word'),
    });
    const wrong = new URL(inject('postgresUrl'));
    wrong.pathname = '/no_such_database';
    for (const options of [{}, { exclusive: {} }]) {
      const opening = openPostgresArchive({ connectionString: wrong.href, namespace, ...options });
      await expect(opening).rejects.toMatchObject({
        name: 'ArchiveError',
        kind: 'failed',
        code: '3D000',
        message: expect.stringContaining('no_such_database'),
      });
    }
  });

  test('A62 a database that will not do is refused at the open call, with its reason', async () => {
    const { namespace: name } = freshNamespace();
    await query(`create database ${name}`);
    await query(`alter database ${name} set synchronous_commit = off`);
    const url = new URL(inject('postgresUrl'));
    url.pathname = `/${name}`;
    const opening = openPostgresArchive({ connectionString: url.href, namespace: 'cs', exclusive: {} });
    await expect(opening).rejects.toMatchObject({
      name: 'ArchiveError',
      kind: 'failed',
      message: expect.stringMatching(/^DATABASE_URL names .*synchronous_commit off.*\.$/),
    });
    await query(`drop database ${name} with (force)`);
  });
});
