import { afterEach, beforeEach, expect, inject, test, vi } from 'vitest';
import { lockNamespace } from '../../../server/archive/postgres/namespace-lock.ts';
import { openPostgresArchive } from '../../../server/archive/index.ts';
import { openTcpProxy } from '../../support/tcp-proxy.ts';
import { openSession } from '../../tools/postgres-session.ts';
import { startChild } from '../child-process.ts';
import { freshNamespace, query } from '../namespace.ts';

let fresh: ReturnType<typeof freshNamespace>;

beforeEach(() => {
  fresh = freshNamespace();
});

afterEach(() => fresh.drop());

const open = () =>
  openPostgresArchive({ connectionString: inject('postgresUrl'), namespace: fresh.namespace, exclusive: {} });

test('A52 a namespace has one instance; a second one is refused in a sentence that names the first, and gets the lock after a stop', async () => {
  const first = await open();
  await expect(open()).rejects.toMatchObject({
    name: 'ArchiveError',
    kind: 'in-use',
    message: expect.stringMatching(
      `^The namespace "${fresh.namespace}" of this database is in use by campaign-state .*:${process.pid}; .*\\.$`,
    ),
  });
  const other = freshNamespace();
  const beside = await openPostgresArchive({
    connectionString: inject('postgresUrl'),
    namespace: other.namespace,
    exclusive: {},
  });
  await beside.stop({ clean: true });
  await other.drop();
  await first.stop({ clean: true });
  const second = await open();
  await second.stop({ clean: true });
});

test('A52 after kill -9 of the instance that had it, the namespace is free', async () => {
  const child = startChild('hold-namespace.ts', [inject('postgresUrl'), fresh.namespace]);
  await child.line(/^held$/);
  await child.kill('SIGKILL');
  const archive = await open();
  await archive.stop({ clean: true });
});

test('A53 a lost lock is reported, and taken again as soon as no other instance holds it', async () => {
  const url = new URL(inject('postgresUrl'));
  const proxy = await openTcpProxy(Number(url.port));
  url.host = new URL(proxy.url).host;
  const onLost = vi.fn<(error: Error) => void>();
  const onRegained = vi.fn<() => void>();
  const lock = await lockNamespace({ connectionString: url.href, namespace: fresh.namespace, onLost, onRegained });
  const rival = await openSession(inject('postgresUrl'));
  try {
    const [held] = await query<{ key: string }>(
      `select ((classid::bigint << 32) | objid::bigint)::text as key from pg_locks join pg_stat_activity using (pid)
        where locktype = 'advisory' and application_name like 'campaign-state%' and application_name like '%:${process.pid}' and granted and objsubid = 1`,
    );
    // The rival waits in Postgres' own queue, and so has the lock as soon as it is lost.
    const taken = rival.query('select pg_advisory_lock($1::bigint)', [held?.key]);
    await vi.waitUntil(
      async () => (await query(`select 1 from pg_locks where locktype = 'advisory' and not granted`)).length > 0,
      { timeout: 20_000 },
    );
    proxy.cut();
    await taken;
    await vi.waitUntil(() => onLost.mock.calls.length === 1, { timeout: 20_000 });
    const before = proxy.connections();
    await vi.waitUntil(() => proxy.connections() >= before + 2, { timeout: 20_000 });
    expect(onRegained).not.toHaveBeenCalled();
    await rival.query('select pg_advisory_unlock($1::bigint)', [held?.key]);
    await vi.waitUntil(() => onRegained.mock.calls.length === 1, { timeout: 30_000 });
    expect(onLost).toHaveBeenCalledTimes(1);
    const [again] = (
      await rival.query<{ free: boolean }>('select pg_try_advisory_lock($1::bigint) as free', [held?.key])
    ).rows;
    expect(again).toEqual({ free: false });
  } finally {
    await rival.end();
    await lock.release();
    await proxy.close();
  }
});

test('A53 a lock that is released is not taken again', async () => {
  const onLost = vi.fn<(error: Error) => void>();
  const lock = await lockNamespace({ connectionString: inject('postgresUrl'), namespace: fresh.namespace, onLost });
  await lock.release();
  const next = await lockNamespace({ connectionString: inject('postgresUrl'), namespace: fresh.namespace });
  await next.release();
  expect(onLost).not.toHaveBeenCalled();
});
