import { afterEach, beforeEach, expect, inject, test, vi } from 'vitest';
import { openPostgresArchive } from '../../../server/archive/index.ts';
import { lockNamespace, type NamespaceLock } from '../../../server/archive/postgres/namespace-lock.ts';
import { freshNamespace } from '../namespace.ts';

let fresh: ReturnType<typeof freshNamespace>;
const locks: NamespaceLock[] = [];

beforeEach(() => {
  fresh = freshNamespace();
});
afterEach(async () => {
  await Promise.all(locks.splice(0).map((lock) => lock.release()));
  await fresh.drop();
});

async function lock(logIdentity?: () => string): Promise<NamespaceLock> {
  const taken = await lockNamespace({
    connectionString: inject('postgresUrl'),
    namespace: fresh.namespace,
    acquireTimeoutMs: 0,
    logIdentity,
  });
  locks.push(taken);
  return taken;
}

test('A69 instances on one Redis share a namespace; one on another Redis is refused, in a sentence that names the variables', async () => {
  await Promise.all([lock(() => 'one'), lock(() => 'one'), lock(() => 'one')]);
  await expect(lock(() => 'two')).rejects.toMatchObject({
    kind: 'in-use',
    message: expect.stringMatching(
      `^The namespace "${fresh.namespace}" of this database is in use by campaign-state .*, which is on another Redis; give all instances the same REDIS_URL, or this one another CAMPAIGN_NAMESPACE\\.$`,
    ),
  });
  await Promise.all(locks.splice(0).map((taken) => taken.release()));
  await lock(() => 'two');
});

test('A70 an instance without Redis and instances with one exclude each other', async () => {
  const shared = await lock(() => 'one');
  await expect(lock()).rejects.toMatchObject({ kind: 'in-use' });
  await shared.release();
  await lock();
  await expect(lock(() => 'one')).rejects.toMatchObject({
    kind: 'in-use',
    message: expect.stringContaining('which has no REDIS_URL'),
  });
});

test('A71 a Redis that was flushed has another identity: every instance follows, and newcomers are let in', async () => {
  let identity = 'before';
  await Promise.all([lock(() => identity), lock(() => identity)]);
  identity = 'after';
  await expect(lock(() => identity)).rejects.toMatchObject({ kind: 'in-use' });
  await vi.waitFor(() => lock(() => identity), { timeout: 20_000, interval: 200 });
  await expect(lock(() => 'before')).rejects.toMatchObject({ kind: 'in-use' });
});

test('A69 it is the archive that takes the lock', async () => {
  const open = (identity: string) =>
    openPostgresArchive({
      connectionString: inject('postgresUrl'),
      namespace: fresh.namespace,
      sharedLog: { identity: () => identity },
    });
  const [first, second] = [await open('one'), await open('one')];
  await expect(lock(() => 'two')).rejects.toMatchObject({ kind: 'in-use' });
  await Promise.all([first.stop({ clean: true }), second.stop({ clean: true })]);
  await lock(() => 'two');
});
