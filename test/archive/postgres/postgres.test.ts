import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import { openPostgresArchive } from '../../../server/archive/index.ts';
import type { Archive } from '../../../server/engine/ports.ts';
import { campaignHistory } from '../campaign-history.ts';
import { archiveContract } from '../contract.ts';
import { refusesValues } from '../refuses-values.ts';
import { freshNamespace, query } from '../namespace.ts';

archiveContract('Postgres', () => {
  const { namespace, drop } = freshNamespace();
  return Promise.resolve({
    shared: true,
    open: ({ soleUser }) =>
      openPostgresArchive({
        connectionString: inject('postgresUrl'),
        namespace,
        poolSize: 4,
        ...(soleUser ? { exclusive: {} } : {}),
      }),
    dispose: drop,
  });
});

describe('several archives on one Postgres', () => {
  let fresh: ReturnType<typeof freshNamespace>;
  const opened: Archive[] = [];

  beforeEach(() => {
    fresh = freshNamespace();
  });

  afterEach(async () => {
    await Promise.all(opened.splice(0).map((archive) => archive.stop({ clean: true })));
    await fresh.drop();
  });

  const open = async (namespace = fresh.namespace): Promise<Archive> => {
    const archive = await openPostgresArchive({ connectionString: inject('postgresUrl'), namespace, poolSize: 4 });
    opened.push(archive);
    return archive;
  };

  refusesValues('Postgres', () => open());

  test('A50 several instances that start at once migrate the schema once', async () => {
    const archives = await Promise.all(Array.from({ length: 5 }, () => open()));
    await Promise.all(archives.map((archive, index) => campaignHistory(`made-by-${index}`).createIn(archive)));
    const later = await open();
    expect(await later.list({ limit: 10 })).toHaveLength(5);
    const rows = await query<{ name: string }>(`select name from ${fresh.namespace}.kysely_migration`);
    const files = await readdir(join(import.meta.dirname, '..', '..', '..', 'server', 'archive', 'sql', 'migrations'));
    const migrations = files.filter((file) => /^\d/.test(file)).map((file) => file.replace(/\.ts$/, ''));
    expect(rows.map(({ name }) => name).toSorted()).toEqual(migrations.toSorted());
  });

  test('A50 an open is not disturbed by what others make and drop in the same database', async () => {
    let isOver = false;
    const others = Array.from({ length: 3 }, async () => {
      const { namespace, drop } = freshNamespace();
      const tables = Array.from({ length: 40 }, (_, index) => `create table ${namespace}.t${index} (a int, b text)`);
      while (!isOver) {
        await query([`create schema ${namespace}`, ...tables].join(';'));
        await drop();
      }
    });
    try {
      for (let count = 0; count < 12; count += 1) {
        const fresh = freshNamespace();
        await (await open(fresh.namespace)).stop({ clean: true });
        await fresh.drop();
      }
    } finally {
      isOver = true;
      await Promise.all(others);
    }
  });

  test('A51 namespaces know nothing of each other', async () => {
    const other = freshNamespace();
    const [here, there] = [await open(), await open(other.namespace)];
    await campaignHistory('mine').createIn(here);
    expect(await there.load('mine', 1)).toBeUndefined();
    expect(await there.list({ limit: 10 })).toEqual([]);
    expect(await campaignHistory('mine').createIn(there)).toBe(true);
    await other.drop();
  });

  test('A58 instances that commit the same campaigns in opposite orders do not block each other, and each version is in once', async () => {
    const archives = [await open(), await open(), await open()];
    const ids = Array.from({ length: 12 }, (_, index) => `contested-${String(index).padStart(2, '0')}`);
    for (const id of ids) await campaignHistory(id).createIn(await open());
    let committed = 0;
    const work = async (archive: Archive, who: number): Promise<void> => {
      const order = who % 2 === 0 ? ids : ids.toReversed();
      for (let round = 0; round < 30; round += 1) {
        const heads = new Map((await archive.heads(order)).map(({ campaignId, head }) => [campaignId, head]));
        const parts = order.map((id) => {
          const history = campaignHistory(id);
          const expected = { epoch: history.epoch, version: heads.get(id)?.version ?? 0 };
          const entry = history.add({ who }, { version: expected.version + 1, mutationId: `${who}-${round}` });
          return { ...history.commitAfter(1), expected, entries: [entry] };
        });
        const outcomes = await archive.commit(parts);
        committed += outcomes.filter(({ kind }) => kind === 'committed').length;
      }
    };
    await Promise.all(archives.map(work));
    const rows = await query<{ versions: string; newest: string }>(
      `select count(*) as versions, max(version) as newest from ${fresh.namespace}.entries group by campaign_id`,
    );
    expect(rows.every(({ versions, newest }) => versions === newest)).toBe(true);
    expect(rows.reduce((sum, { versions }) => sum + Number(versions), 0)).toBe(committed + ids.length);
  });

  test('A59 checkpoints are stored where commits pass a multiple of 100', async () => {
    const archive = await open();
    const history = campaignHistory('checked');
    await history.createIn(archive);
    for (const size of [98, 1, 100, 50, 250]) {
      const from = history.entries.length;
      for (let index = 0; index < size; index += 1) history.add({ index: from + index });
      await archive.commit([history.commitAfter(from)]);
    }
    const rows = await query<{ version: string }>(
      `select version from ${fresh.namespace}.checkpoints order by version`,
    );
    expect(rows.map(({ version }) => Number(version))).toEqual([100, 200, 500]);
  });
});
