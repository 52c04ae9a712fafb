import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { expect, inject, test } from 'vitest';
import { createMemoryArchive, openPostgresArchive } from '../../server/archive/index.ts';
import type { KeyedArchive } from '../../server/archive/keyed-archive.ts';
import { createAuditService } from '../../server/audit/audit-service.ts';
import type { RedactionReceipt } from '../../server/audit/redaction.ts';
import { readStatementKeys, signHeads, signRedacted, signReplaced } from '../../server/audit/statements.ts';
import type { Finding } from '../../server/audit/verify-histories.ts';
import type { JsonObject } from '../../server/core/json.ts';
import { createMemoryLog } from '../../server/log/memory-log.ts';
import { restoreSnapshot, type RestoreOptions, type RestoreReport } from '../../server/snapshot/restore.ts';
import { httpClient, refusal, wsClient } from '../api/support/clients.ts';
import { CAMPAIGN, cleanUp, startGuarded, tokenFor, until } from '../api/support/server.ts';
import { campaignHistory, part, type CampaignHistory } from '../archive/campaign-history.ts';
import { freshNamespace, query } from '../archive/namespace.ts';
import { incrementOf, inPieces, itemsOf, mergedOf, snapshotOf } from '../snapshot/support/snapshots.ts';
import { CALLERS, refusal as refusalOf } from '../support/engine-world.ts';

const ID = 'people';
const SECRET = 'Ada Lovelace, +44 20 7946 0018';
const PATH = ['about', 'contact'];
const LONG = { timeout: 120_000 };

const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const keys = readStatementKeys(pem);
const signingOn = (store: KeyedArchive) => {
  if (!keys.signing) throw new Error('unreachable');
  return { store, key: keys.signing, now: Date.now };
};

async function findingsOf(store: KeyedArchive, isSigned = true): Promise<readonly Finding[]> {
  const service = createAuditService({ store, keys: isSigned ? keys : { signing: undefined, verifying: [] } });
  for await (const item of service.verify()) if (item.kind === 'end') return item.report.findings;
  throw new Error('a verification ends with its report');
}

const redact = (
  store: KeyedArchive,
  history: CampaignHistory,
  version: number,
  what: { path?: readonly string[]; comment?: boolean } = { path: PATH },
): Promise<RedactionReceipt> =>
  createAuditService({ store, keys }).redact(CALLERS.admin, {
    campaignId: history.campaignId,
    position: `${history.epoch}:${version}`,
    ...what,
  });

/** A history in which a contact stood from version 40 to 159. */
async function withContact(store: KeyedArchive, versions = 210): Promise<CampaignHistory> {
  const history = campaignHistory(ID);
  await history.createIn(store);
  let committed = 1;
  for (let version = 2; version <= versions; version += 1) {
    const salt = `salt-${version}`;
    if (version === 40) history.add({ about: { contact: SECRET, text: 'Us' } }, { salt, comment: `by ${SECRET}` });
    else if (version === 160) history.add({ about: { contact: null } }, { salt });
    else history.add({ title: `Version ${version}` }, { salt });
    if (version % 50 !== 0 && version < versions) continue;
    await store.commit([history.commitAfter(committed)]);
    committed = version;
  }
  return history;
}

async function restore(store: KeyedArchive, file: Buffer, options: RestoreOptions = {}): Promise<RestoreReport> {
  let token = 0;
  return restoreSnapshot(inPieces(file), options, {
    store,
    log: createMemoryLog(),
    clock: { now: Date.now, token: () => `restored-${(token += 1)}` },
    onAdopted: async ({ campaignId, version, tail, redactions }) => {
      await signReplaced(signingOn(store), { campaignId, version, tail });
      for (const redaction of redactions) await signRedacted(signingOn(store), { campaignId, ...redaction });
    },
  });
}

async function openPostgres(): Promise<{ archive: KeyedArchive; namespace: string }> {
  const { namespace, drop } = freshNamespace();
  const archive = await openPostgresArchive({ connectionString: inject('postgresUrl'), namespace, poolSize: 4 });
  cleanUp(drop);
  cleanUp(() => archive.stop({ clean: true }));
  return { archive, namespace };
}

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
  'V38 a snapshot of before does not bring a value back where it is known to be redacted; an increment says so of the files before',
  LONG,
  async () => {
    const store = createMemoryArchive();
    const history = await withContact(store);
    const whole = await snapshotOf(store);
    // Ends while the value still stands in the document.
    const early = { campaignId: ID, as: 'early', at: { version: 100 } } as const;
    expect(JSON.stringify(await itemsOf(whole))).toContain(SECRET);
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
    expect(JSON.stringify(await itemsOf(await snapshotOf(unknowing)))).toContain(SECRET);
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

test(
  'V40 over a running server: memory, history, audit and whoever comes back have it no more, and nobody who watches is told',
  LONG,
  async () => {
    const archive = createMemoryArchive();
    const { url } = await startGuarded({ archive, auditKey: pem });
    const admin = httpClient(url, await tokenFor({ '*': 'admin' }, { sub: 'root' }));
    const watching = wsClient(url, { token: await tokenFor({ '*': 'viewer' }) });
    const events: { id: string; event: object }[] = [];
    watching.campaign.watch.subscribe(
      { campaignId: CAMPAIGN },
      { onData: ({ id, data }) => events.push({ id, event: data }) },
    );
    const change = (about: object, comment?: string) =>
      admin.campaign.update.mutate({
        campaignId: CAMPAIGN,
        updates: { about } as never,
        durability: 'durable',
        ...(comment !== undefined && { comment }),
      });
    await until(() => events.length === 1);
    const brought = await change({ contact: SECRET, text: 'Us' }, `by ${SECRET}`);
    await until(() => JSON.stringify(events).includes(SECRET));
    const behind = events.at(-1)?.id ?? '';
    expect(
      await refusal(admin.audit.redact.mutate({ campaignId: CAMPAIGN, position: brought.position, path: PATH })),
    ).toMatchObject({ reason: 'CONFLICT', path: ['path'] });
    await change({ contact: null });
    await until(() => JSON.stringify(events.at(-1)).includes('null'));
    const count = events.length;

    const receipt = await admin.audit.redact.mutate({
      campaignId: CAMPAIGN,
      position: brought.position,
      path: PATH,
      comment: true,
    });
    expect(receipt).toMatchObject({ path: PATH, comment: true, complete: true, salted: true });
    const version = Number(brought.position.split(':')[1]);
    const seen = JSON.stringify([
      await admin.campaign.history.query({ campaignId: CAMPAIGN }),
      await admin.campaign.at.query({ campaignId: CAMPAIGN, version }),
      await admin.campaign.diff.query({ campaignId: CAMPAIGN, from: version - 1, to: version }),
      await admin.audit.query.query({ campaignId: CAMPAIGN }),
    ]);
    expect(seen).not.toContain('Ada');
    expect(seen).toContain('"redacted":[{"path":["about","contact"]');
    expect(seen).not.toContain('"salt"');
    expect(await admin.audit.verify.query({ campaignId: CAMPAIGN })).toMatchObject({ findings: [] });
    expect((await admin.audit.events.query()).items[0]).toMatchObject({
      kind: 'redact',
      actor: 'root',
      campaignId: CAMPAIGN,
      head: brought.position,
      place: PATH,
      comment: true,
    });

    // Whoever comes back from a version that had it is sent what there is; whoever watched on is sent the next change.
    const back: object[] = [];
    watching.campaign.watch.subscribe(
      { campaignId: CAMPAIGN, lastEventId: behind },
      { onData: ({ data }) => back.push(data) },
    );
    await until(() => back.length === 1);
    expect(back).toMatchObject([{ type: 'snapshot', state: { about: { text: 'Us' } } }]);
    await admin.campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title: 'Next' } });
    await until(() => events.length > count);
    expect(events.slice(count)).toMatchObject([
      { event: { type: 'entries', entries: [{ change: { title: 'Next' } }] } },
    ]);
    expect(JSON.stringify(back)).not.toContain('Ada');
  },
);
