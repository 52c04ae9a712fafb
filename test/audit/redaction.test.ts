import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createMemoryArchive } from '../../server/archive/index.ts';
import type { KeyedArchive } from '../../server/archive/keyed-archive.ts';
import { signHeads } from '../../server/audit/statements.ts';
import type { JsonObject } from '../../server/core/json.ts';
import { campaignHistory, part } from '../archive/campaign-history.ts';
import { query } from '../archive/namespace.ts';
import { itemsOf, snapshotOf } from '../snapshot/support/snapshots.ts';
import { refusal as refusalOf } from '../support/engine-world.ts';
import { ID, PATH, redact, restore, withContact } from './support/redacted-history.ts';
import { findingsOf, openPostgres, signingOn } from './support/signed-archive.ts';

const LONG = { timeout: 240_000 };

test(
  'V35 a redacted value is nowhere in storage, every later state is what it was, and the verification passes on exactly what was signed',
  LONG,
  async () => {
    const { archive, namespace } = await openPostgres();
    const history = await withContact(archive);
    await signHeads(signingOn(archive), 1, 0);
    const receipt = await redact(archive, history, 40, { path: PATH, comment: true });
    expect(receipt).toMatchObject({ campaignId: ID, path: PATH, comment: true, complete: true, salted: true });
    for (const table of ['campaigns', 'entries', 'checkpoints', 'redactions', 'audit_events', 'audit_statements'])
      expect(JSON.stringify(await query(`select t::text from ${namespace}.${table} t`)), table).not.toContain('Ada');
    for (let version = 1; version <= 210; version += 1) {
      const { state } = part(history.contents, version);
      const expected = version >= 40 && version < 160 ? { ...state, about: { text: 'Us' } } : state;
      expect(await archive.stateAt(ID, version)).toEqual(expected);
    }
    expect(await findingsOf(archive)).toEqual([]);
    expect(await findingsOf(archive, false)).toEqual([]);
    // Asked for again, as after a lost answer, it is done already.
    expect(await redact(archive, history, 40, { path: PATH, comment: true })).toEqual(receipt);

    const entries = `${namespace}.entries`;
    const redactions = `${namespace}.redactions`;
    const [stored] = await query(`select bytes::text as bytes from ${entries} where version = 40`);
    const bytes = String(stored?.['bytes']);
    const put = (text: string): Promise<unknown> =>
      query(`update ${entries} set bytes = $1::json where version = 40`, [text]);
    const saved = await query(`select to_json(r)::text as row from ${redactions} r`);
    // Anything else than what was signed is found: an edit of what is left, the value again, another word of it.
    for (const other of [
      bytes.replace('"Us"', '"Them"'),
      bytes.replace('actor-40', 'actor-41'),
      bytes.replace('"ada"', '"eve"'),
      part(history.entries, 39).bytes,
      bytes.replace('"contact":null', '"contact":"forged"'),
    ]) {
      expect(other).not.toBe(bytes);
      await put(other);
      expect(await findingsOf(archive), other).toMatchObject([{ campaignId: ID, version: 40 }]);
      await put(bytes);
    }
    for (const change of [
      `delete from ${redactions}`,
      `update ${redactions} set redaction = replace(redaction, 'contact', 'text')`,
      `update ${redactions} set tail = 'x'`,
    ]) {
      await query(change);
      expect(await findingsOf(archive), change).toMatchObject([{ campaignId: ID, version: 40 }]);
      await query(`delete from ${redactions}`);
      await query(
        `insert into ${redactions} overriding system value select * from json_populate_record(null::${redactions}, $1)`,
        [saved[0]?.['row']],
      );
    }
    expect(await findingsOf(archive)).toEqual([]);
  },
);

test(
  'V36 what cannot be redacted is refused in a sentence that says why: it still stands, was never there, is not kept',
  LONG,
  async () => {
    const store = createMemoryArchive();
    const history = await withContact(store);
    history.add({ about: { contact: 'hello@example.com' } });
    await store.commit([history.commitAfter(210)]);
    expect(await refusalOf(redact(store, history, 211))).toMatchObject({
      reason: 'CONFLICT',
      path: ['path'],
      message: expect.stringContaining('remove it there first'),
    });
    expect(await refusalOf(redact(store, history, 41))).toMatchObject({ reason: 'NOT_FOUND', path: ['path'] });
    expect(await refusalOf(redact(store, history, 41, { comment: true }))).toMatchObject({ reason: 'NOT_FOUND' });
    expect(await refusalOf(redact(store, history, 40, {}))).toMatchObject({ reason: 'INVALID' });
    expect(await refusalOf(redact(store, history, 999))).toMatchObject({ reason: 'NOT_FOUND', path: ['position'] });
    const [found] = await store.findCompactable({ versions: 100, since: Number.MAX_SAFE_INTEGER }, 10, 0);
    if (!found) throw new Error('there is one');
    await store.setBase(ID, found.base);
    expect(await refusalOf(redact(store, history, 40))).toMatchObject({
      reason: 'NOT_FOUND',
      message: expect.stringContaining('compacted'),
    });
  },
);

const value = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.constantFrom('a', 'b'), fc.constant(null));
const patch = fc.dictionary(
  fc.constantFrom('x', 'y'),
  fc.oneof(
    value,
    fc.dictionary(fc.constantFrom('p', 'q'), fc.oneof(value, fc.dictionary(fc.constantFrom('p', 'q'), value))),
  ),
);

test(
  'V37 whatever is redacted of whatever history: the present and all states behind it stay, everything fits, also after a restore',
  LONG,
  async () => {
    let done = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(patch, { minLength: 3, maxLength: 14 }),
        fc.array(fc.tuple(fc.nat(12), fc.array(fc.constantFrom('x', 'y', 'p', 'q'), { minLength: 1, maxLength: 3 })), {
          minLength: 1,
          maxLength: 6,
        }),
        async (patches, wishes) => {
          const store = createMemoryArchive();
          const history = campaignHistory(ID);
          await history.createIn(store);
          for (const change of patches) history.add(change as JsonObject);
          await store.commit([history.commitAfter(1)]);
          const before = await snapshotOf(store);
          await signHeads(signingOn(store), 1, 0);
          const head = history.entries.length;
          for (const [at, path] of wishes) {
            const version = 2 + (at % (head - 1));
            const outcome = await redact(store, history, version, { path }).catch((error: unknown) => error);
            if (!(outcome instanceof Error)) done += 1;
          }
          expect(await store.stateAt(ID, head)).toEqual(part(history.contents, head).state);
          expect(await findingsOf(store)).toEqual([]);
          // A file of now into an empty server, and one of before over what is there: the same.
          const states = [];
          for (let version = 1; version <= head; version += 1) states.push(await store.stateAt(ID, version));
          const other = createMemoryArchive();
          await restore(other, await snapshotOf(store));
          await restore(store, before, { over: true });
          for (const restored of [other, store]) {
            const again = [];
            for (let version = 1; version <= head; version += 1) again.push(await restored.stateAt(ID, version));
            expect(again).toEqual(states);
            expect(await findingsOf(restored)).toEqual([]);
          }
        },
      ),
      { numRuns: 150, seed: 11 },
    );
    expect(done).toBeGreaterThan(50);
  },
);

test(
  'V37 the same on Postgres, over checkpoints in which something else stands at the place each time',
  LONG,
  async () => {
    const { archive } = await openPostgres();
    const history = campaignHistory(ID);
    await history.createIn(archive);
    for (let version = 2; version <= 430; version += 1) {
      if (version === 50) history.add({ about: { contact: { name: 'Ada', street: 'x' } } });
      else if (version === 60)
        history.add({ about: { contact: { name: 'Ada Lovelace', phone: '+44', city: 'London' } } });
      else if (version === 370) history.add({ about: { contact: { name: null, phone: null } } });
      else if (version === 380) history.add({ about: { contact: { city: null } } });
      else if (version % 90 === 0) history.add({ about: { contact: { phone: `${version}`, at: { v: version } } } });
      else history.add({ title: `Version ${version}` });
      if (version % 10 === 0) await archive.commit([history.commitAfter(version - (version === 10 ? 9 : 10))]);
    }
    await signHeads(signingOn(archive), 1, 0);
    expect(await redact(archive, history, 60, { path: ['about', 'contact'] })).toMatchObject({ complete: true });
    expect(await redact(archive, history, 50, { path: ['about', 'contact', 'name'] })).toMatchObject({
      complete: true,
    });
    expect(await redact(archive, history, 180, { path: ['about', 'contact', 'phone'] })).toMatchObject({
      complete: true,
    });
    expect(await archive.stateAt(ID, 100)).toMatchObject({
      about: { contact: { street: 'x', phone: '90', at: { v: 90 } } },
    });
    expect(JSON.stringify(await archive.readCheckpoints(ID, 0, 1e6))).not.toMatch(/Ada|London|"180"/);
    expect(await archive.stateAt(ID, 430)).toEqual(part(history.contents, 430).state);
    expect(await findingsOf(archive)).toEqual([]);
  },
);

test(
  'V39 a redaction that is cut off anywhere has happened or not, and is done when it is asked for again',
  LONG,
  async () => {
    const store = createMemoryArchive();
    const history = await withContact(store);
    await signHeads(signingOn(store), 1, 0);
    for (const method of [
      'readHistories',
      'readEntries',
      'stateAt',
      'lastStatement',
      'appendStatement',
      'redact',
    ] as const) {
      for (const answered of [false, true]) {
        const dying: KeyedArchive = {
          ...store,
          [method]: async (...args: never[]) => {
            if (answered) await (store[method] as (...given: never[]) => Promise<unknown>)(...args);
            throw new Error('killed');
          },
        };
        await expect(redact(dying, history, 40)).rejects.toThrow('killed');
        expect(await findingsOf(store), `${method} ${answered}`).toEqual([]);
      }
    }
    expect(JSON.stringify(await itemsOf(await snapshotOf(store)))).not.toContain('"contact":"Ada');
    expect(await redact(store, history, 40)).toMatchObject({ complete: true });
    expect(await redact(store, history, 40, { comment: true })).toMatchObject({ complete: true });
    expect(JSON.stringify(await itemsOf(await snapshotOf(store)))).not.toContain('Ada');
    expect(await findingsOf(store)).toEqual([]);
  },
);
