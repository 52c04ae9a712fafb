import { expect, test } from 'vitest';
import { createMemoryArchive } from '../../server/archive/index.ts';
import type { KeyedArchive } from '../../server/archive/keyed-archive.ts';
import { signHeads } from '../../server/audit/statements.ts';
import { query, tablesWith } from '../archive/namespace.ts';
import { incrementOf, itemsOf, mergedOf, snapshotOf } from '../snapshot/support/snapshots.ts';
import { refusal as refusalOf } from '../support/engine-world.ts';
import { ID, PATH, redact, restore, VALUE, withContact } from './support/redacted-history.ts';
import { findingsOf, openPostgres, signingOn } from './support/signed-archive.ts';

const LONG = { timeout: 240_000 };

test(
  'V38 a snapshot of before does not bring a value back where it is known to be redacted; an increment says so of the files before',
  LONG,
  async () => {
    const store = createMemoryArchive();
    const history = await withContact(store);
    const whole = await snapshotOf(store);
    // Ends while the value still stands in the document.
    const early = { campaignId: ID, as: 'early', at: { version: 100 } } as const;
    expect(JSON.stringify(await itemsOf(whole))).toContain(VALUE);
    await redact(store, history, 40, { path: PATH, comment: true });

    const increment = await incrementOf(store, 'snapshot-2', 'snapshot-1', [whole]);
    expect((await incrementOf(store, 'snapshot-3', 'snapshot-2', [whole, increment])).length).toBeLessThan(600);
    const chain = await mergedOf([whole, increment]);
    expect(JSON.stringify(await itemsOf(chain))).not.toContain('Ada');
    const fresh = createMemoryArchive();
    expect((await restore(fresh, chain)).campaigns).toMatchObject([{ campaignId: ID, redactions: 1 }]);
    await restore(store, whole, { over: true });
    await restore(store, whole, early);
    await restore(fresh, whole, early);
    for (const restored of [fresh, store]) {
      for (const id of [ID, 'early']) {
        const items = await itemsOf(await snapshotOf(restored, [id]));
        expect(JSON.stringify(items), id).not.toContain('Ada');
        expect(items.filter(({ kind }) => kind === 'entry')).toHaveLength(id === ID ? 210 : 100);
      }
      expect(await restored.stateAt('early', 100)).toMatchObject({ about: { text: 'Us' } });
      expect((await restored.load('early', 10))?.state).toEqual(await restored.stateAt('early', 100));
      expect(await findingsOf(restored)).toEqual([]);
    }
    // A server that knows nothing of it has what the file has.
    const unknowing = createMemoryArchive();
    await restore(unknowing, whole);
    expect(JSON.stringify(await itemsOf(await snapshotOf(unknowing)))).toContain(VALUE);
  },
);

test(
  'V44 what several campaigns know to be redacted, of the same place or at different times, is taken out once by every later restore, and the verification passes',
  LONG,
  async () => {
    const { archive, namespace } = await openPostgres();
    const history = await withContact(archive);
    await signHeads(signingOn(archive), 1, 0);
    const whole = await snapshotOf(archive);
    await restore(archive, whole, { campaignId: ID, as: 'copy' });
    await redact(archive, history, 40);
    await redact(archive, { ...history, campaignId: 'copy' }, 40, { path: PATH, comment: true });
    await restore(archive, whole, { campaignId: ID, as: 'third' });
    for (const as of [ID, 'copy', 'third', 'third']) {
      const { campaigns } = await restore(archive, whole, { campaignId: ID, as, over: true });
      // The place by one of them, and the comment by the other.
      expect(campaigns, as).toMatchObject([{ redactions: 2 }]);
      expect(await findingsOf(archive), as).toEqual([]);
      expect(await findingsOf(archive, false), as).toEqual([]);
      expect(await tablesWith(namespace, 'Ada'), as).toEqual([]);
    }
    const again = await snapshotOf(archive);
    await restore(archive, again, { over: true });
    expect(await findingsOf(archive)).toEqual([]);
    expect(await redact(archive, { ...history, campaignId: 'third' }, 40)).toMatchObject({ complete: true });
  },
);

test(
  'V45 a redaction that was signed and cut off, and one of a copy, are no findings where an entry was redacted before',
  LONG,
  async () => {
    const store = createMemoryArchive();
    const history = await withContact(store);
    await signHeads(signingOn(store), 1, 0);
    await restore(store, await snapshotOf(store), { campaignId: ID, as: 'copy' });
    await redact(store, history, 40);
    await redact(store, { ...history, campaignId: 'copy' }, 40, { comment: true });
    expect(await findingsOf(store)).toEqual([]);
    const dying: KeyedArchive = { ...store, redact: () => Promise.reject(new Error('killed')) };
    await expect(redact(dying, history, 40, { comment: true })).rejects.toThrow('killed');
    expect(await findingsOf(store)).toEqual([]);
  },
);

test(
  'V46 what is redacted while a restore reads a file with it ends the restore: nothing of it is adopted, and nothing stays staged',
  LONG,
  async () => {
    const { archive, namespace } = await openPostgres();
    const history = await withContact(archive);
    const whole = await snapshotOf(archive);
    const isStaged = async () =>
      (await query(`select 1 from ${namespace}.staged_parts union all select 1 from ${namespace}.staged_checkpoints`))
        .length > 0;
    const beforeAnyIsStaged: KeyedArchive = {
      ...archive,
      async beginRestore(...args) {
        await redact(archive, history, 40);
        return archive.beginRestore(...args);
      },
    };
    const onceAllIsStaged: KeyedArchive = {
      ...archive,
      async adopt(...args) {
        expect(await isStaged()).toBe(true);
        await redact(archive, history, 40, { comment: true });
        expect(await isStaged()).toBe(false);
        return archive.adopt(...args);
      },
    };
    for (const store of [beforeAnyIsStaged, onceAllIsStaged]) {
      expect(await refusalOf(restore(store, whole, { campaignId: ID, as: 'copy' }))).toMatchObject({
        reason: 'UNAVAILABLE',
        message: expect.stringContaining('redacted meanwhile'),
      });
      expect(await archive.heads(['copy'])).toEqual([]);
      expect(await isStaged()).toBe(false);
    }
    expect(await tablesWith(namespace, VALUE)).toEqual([]);
    await restore(archive, whole, { campaignId: ID, as: 'copy' });
    expect(await tablesWith(namespace, 'Ada')).toEqual([]);
  },
);
