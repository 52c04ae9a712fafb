import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import { openPostgresArchive } from '../../../server/archive/index.ts';
import type { Archive } from '../../../server/engine/ports.ts';
import { findPgBouncer, startPgBouncer, type TemporaryPgBouncer } from '../../tools/pgbouncer.ts';
import { campaignHistory } from '../campaign-history.ts';
import { freshNamespace } from '../namespace.ts';

const command = findPgBouncer();
if (command === undefined)
  process.stderr.write('A64 is skipped: there is no pgbouncer; install the package of that name.\n');

describe.skipIf(command === undefined)('an archive behind PgBouncer', () => {
  const bouncers = new Map<string, TemporaryPgBouncer>();
  let fresh: ReturnType<typeof freshNamespace>;
  const opened: Archive[] = [];

  beforeAll(async () => {
    for (const mode of ['session', 'transaction', 'statement'] as const)
      bouncers.set(mode, await startPgBouncer(command ?? '', inject('postgresUrl'), mode));
    fresh = freshNamespace();
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((archive) => archive.stop({ clean: true })));
  });
  afterAll(async () => {
    await fresh.drop();
    await Promise.all([...bouncers.values()].map((bouncer) => bouncer.stop()));
  });

  const open = async (mode: string, exclusive: boolean): Promise<Archive> => {
    const archive = await openPostgresArchive({
      connectionString: bouncers.get(mode)?.url ?? '',
      namespace: fresh.namespace,
      poolSize: 3,
      ...(exclusive && { exclusive: {} }),
    });
    opened.push(archive);
    return archive;
  };

  test('A64 works with a pool in session mode, its defaults untouched, and keeps the lock on the namespace', async () => {
    const archive = await open('session', true);
    const histories = Array.from({ length: 12 }, (_, index) => campaignHistory(`pooled-${index}`));
    await Promise.all(histories.map((history) => history.createIn(archive)));
    for (const history of histories) history.add({ title: 'Two' });
    const outcomes = await Promise.all(histories.map((history) => archive.commit([history.commitAfter(1)])));
    expect(outcomes.flat().every(({ kind }) => kind === 'committed')).toBe(true);
    await expect(open('session', true)).rejects.toMatchObject({ kind: 'in-use' });
  });

  test.each(['transaction', 'statement'])(
    'A65 refuses a pool in %s mode in one sentence that says what to use',
    async (mode) => {
      await expect(open(mode, false)).rejects.toMatchObject({
        name: 'ArchiveError',
        kind: 'failed',
        message: expect.stringMatching(
          /^DATABASE_URL names a connection pooler .* own address, or a pool in session mode\.$/,
        ),
      });
    },
  );
});
