import { generateKeyPairSync } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, inject, test } from 'vitest';
import { createMemoryArchive, createMemoryStore, openPostgresArchive } from '../../server/archive/index.ts';
import { createAuditEvents, type AuditEvent } from '../../server/audit/audit-events.ts';
import { createAuditService } from '../../server/audit/audit-service.ts';
import { readStatementKeys, signDeleted, signHeads, signReplaced } from '../../server/audit/statements.ts';
import { FIRST_TAIL, nextTail } from '../../server/core/stream/hash-chain.ts';
import { httpClient, refusal, wsClient } from '../api/support/clients.ts';
import { CAMPAIGN, cleanUp, SECRET, startGuarded, tokenFor, until } from '../api/support/server.ts';
import { freshNamespace, query } from '../archive/namespace.ts';
import { temporaryFolder } from '../start/support/processes.ts';
import { command } from '../snapshot/support/commands.ts';
import { storedCampaign } from '../snapshot/support/snapshots.ts';

function newKey(): string {
  return generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

test('U10 a query names who changed what, when, and what stood there before', async () => {
  const { url } = await startGuarded();
  const admin = httpClient(url, await tokenFor({ '*': 'admin' }, { sub: 'root' }));
  const grace = httpClient(url, await tokenFor({ [CAMPAIGN]: 'editor' }, { sub: 'grace' }));
  const change = (updates: object, comment?: string) =>
    grace.campaign.update.mutate({
      campaignId: CAMPAIGN,
      updates: updates as never,
      ...(comment !== undefined && { comment }),
    });
  await change({ title: 'By Grace', ui_content: { banner: 'One', more: { deep: 1 } } }, 'first');
  await change({ ui_content: { banner: 'Two', more: null } });
  await admin.campaign.update.mutate({ campaignId: 'secret', updates: { title: 'By Root' } });
  // Queries read what is saved.
  await until(async () => (await admin.audit.query.query({ campaignId: 'secret' })).items.length === 2);

  const { items } = await admin.audit.query.query({ actor: 'grace' });
  expect(items).toMatchObject([
    {
      campaignId: CAMPAIGN,
      entry: { version: 3, actor: { id: 'grace', role: 'editor' }, type: 'update' },
      changes: [
        { path: ['ui_content', 'more'], before: { deep: 1 } },
        { path: ['ui_content', 'banner'], before: 'One', after: 'Two' },
      ],
    },
    {
      entry: { version: 2, comment: 'first' },
      changes: [
        { path: ['title'], before: 'Spring', after: 'By Grace' },
        { path: ['ui_content'], after: { banner: 'One', more: { deep: 1 } } },
      ],
    },
  ]);
  expect(
    (await admin.audit.query.query({ path: ['ui_content', 'more'] })).items.map(({ entry }) => entry.version),
  ).toEqual([3, 2]);
  expect((await admin.audit.query.query({ text: 'By Root' })).items).toMatchObject([{ campaignId: 'secret' }]);
  const page = await admin.audit.query.query({ limit: 2 });
  const rest = await admin.audit.query.query({
    limit: 50,
    ...(page.nextCursor !== undefined && { cursor: page.nextCursor }),
  });
  expect([...page.items, ...rest.items].map(({ position }) => position)).toHaveLength(5);
  expect(await refusal(admin.audit.query.query({ cursor: 'nonsense' }))).toMatchObject({
    reason: 'INVALID',
    path: ['cursor'],
  });
  expect(await refusal(grace.audit.query.query({ campaignId: CAMPAIGN }))).toMatchObject({ reason: 'FORBIDDEN' });
  const ofOne = httpClient(url, await tokenFor({ [CAMPAIGN]: 'admin' }));
  expect((await ofOne.audit.query.query({ campaignId: CAMPAIGN })).items).toHaveLength(3);
  expect(await refusal(ofOne.audit.query.query({}))).toMatchObject({ reason: 'FORBIDDEN' });
});

test('U11 refused attempts, logins and changes of access are events; addresses only where they are asked for', async () => {
  for (const auditAddresses of [false, true]) {
    const archive = createMemoryArchive();
    const { url, close } = await startGuarded({ archive, auditAddresses });
    const admin = httpClient(url, await tokenFor({ '*': 'admin' }, { sub: 'root' }));
    const viewer = httpClient(url, await tokenFor({ '*': 'viewer' }, { sub: 'eve' }));
    for (let number = 0; number < 5; number += 1)
      await refusal(viewer.campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title: 'No' } }));
    await refusal(
      httpClient(url, 'nonsense').campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title: 'No' } }),
    );
    const { id } = await admin.access.create.mutate({ name: 'bot', campaigns: { '*': 'viewer' } });
    await admin.access.revoke.mutate({ id });
    await until(async () => (await admin.audit.events.query()).items.length >= 5);
    const { items } = await admin.audit.events.query();
    expect(items.toReversed()).toMatchObject([
      { kind: 'refused', actor: 'eve', campaignId: CAMPAIGN, path: 'campaign.update', reason: 'FORBIDDEN' },
      { kind: 'refused', reason: 'UNAUTHORIZED' },
      { kind: 'login', actor: 'root' },
      { kind: 'access', actor: 'root', path: 'access.create' },
      { kind: 'access', actor: 'root', path: 'access.revoke' },
    ]);
    expect(items.some(({ address }) => address !== undefined)).toBe(auditAddresses);
    expect(await refusal(viewer.audit.events.query())).toMatchObject({ reason: 'FORBIDDEN' });
    await close();
  }
});

test('U12 events are bounded: equal refusals are one event a minute, and what is beyond is counted', async () => {
  const archive = createMemoryArchive();
  const clock = { now: 1_700_000_000_000 };
  const events = createAuditEvents({
    store: archive,
    instance: 'i',
    now: () => clock.now,
    onFailed: () => undefined,
  });
  const from = (address: string) => ({ instance: 'i', transport: 'ws', address }) as const;
  const change = { path: 'campaign.update', type: 'mutation', campaignId: 'c', correlationId: 'x' } as const;
  const refused = (actor: string, address: string) =>
    events.onCall({ ...change, actor, origin: from(address), reason: 'FORBIDDEN' });
  for (let number = 0; number < 1_000; number += 1) refused('eve', '192.0.2.1');
  for (let number = 0; number < 5_000; number += 1) refused('eve', `2001:db8::${number.toString(16)}`);
  for (let number = 0; number < 5_000; number += 1) {
    const call = { path: 'campaign.get', type: 'query', campaignId: 'c', correlationId: 'x' } as const;
    events.onCall({ ...call, actor: `somebody ${number}`, origin: from('192.0.2.1') });
  }
  await events.stop();
  const stored = (await archive.readEvents(0, 10_000)).map(({ bytes }): AuditEvent => JSON.parse(bytes));
  expect(stored.length).toBeLessThanOrEqual(1_002);
  const dropped = stored.filter(({ kind }) => kind === 'dropped').reduce((sum, { count = 0 }) => sum + count, 0);
  expect(dropped).toBeGreaterThan(9_000);
});

test('U13 G11 entries and events say from where they came: instance, transport, token or key; addresses only where they are asked for', async () => {
  for (const auditAddresses of [false, true]) {
    const { url, close } = await startGuarded({ auditAddresses });
    const rootToken = await tokenFor({ '*': 'admin' }, { sub: 'root' });
    const admin = httpClient(url, rootToken);
    const { id, key } = await admin.access.create.mutate({ name: 'bot', campaigns: { [CAMPAIGN]: 'editor' } });
    const bot = wsClient(url, { token: key });
    await bot.campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title: 'By a key' } });
    await admin.campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title: 'By a token' } });
    await admin.campaign.create.mutate({ campaignId: 'made', state: { slug: 'made', title: 'Made' } });
    await bot.lock.acquire.mutate({ campaignId: CAMPAIGN, path: ['title'], ttlMs: 60_000 });
    await admin.lock.steal.mutate({ campaignId: CAMPAIGN, path: ['title'], ttlMs: 60_000 });
    const viewer = httpClient(url, await tokenFor({ '*': 'viewer' }, { sub: 'eve' }));
    await refusal(viewer.campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title: 'No' } }));
    const { instance } = await admin.system.info.query();
    const address = auditAddresses ? { address: '127.0.0.1' } : {};
    await until(async () => (await admin.audit.query.query({})).items.length === 5);

    const { items } = await admin.audit.query.query({});
    const origins = new Map(items.map(({ campaignId, entry, origin }) => [`${campaignId} ${entry.version}`, origin]));
    const token = expect.stringMatching(/^[\w-]{12}$/);
    expect(origins.get(`${CAMPAIGN} 2`)).toEqual({ instance, transport: 'ws', token: id, ...address });
    expect(origins.get(`${CAMPAIGN} 3`)).toEqual({ instance, transport: 'http', token, ...address });
    expect(origins.get('made 1')).toEqual({ instance, transport: 'http', token, ...address });
    // What a start file brings was asked for by nobody.
    expect(origins.get(`${CAMPAIGN} 1`)).toBeUndefined();
    expect(JSON.stringify([...origins])).not.toContain(rootToken);
    const history = await viewer.campaign.history.query({ campaignId: CAMPAIGN });
    expect(JSON.stringify(history)).not.toMatch(/origin|127\.0\.0\.1|transport/);

    await until(async () => (await admin.audit.events.query()).items.some(({ kind }) => kind === 'refused'));
    const events = (await admin.audit.events.query()).items;
    const of = (kind: string) => events.filter((event) => event.kind === kind);
    expect(of('lock')).toMatchObject([{ actor: 'root', campaignId: CAMPAIGN, path: 'lock.steal', transport: 'http' }]);
    expect(of('access')).toMatchObject([
      { actor: 'root', path: 'access.create', transport: 'http', token, ...address },
    ]);
    expect(of('refused')).toMatchObject([{ actor: 'eve', instance, transport: 'http', token, ...address }]);
    expect(of('login')).toMatchObject(
      expect.arrayContaining([expect.objectContaining({ transport: 'ws', token: id })]),
    );
    expect(events.some((event) => event.address !== undefined)).toBe(auditAddresses);
    await close();
  }
});

test('U20 a chain that was written anew is found by what was signed of it; a restore is none', async () => {
  const { namespace, drop } = freshNamespace();
  const archive = await openPostgresArchive({ connectionString: inject('postgresUrl'), namespace, poolSize: 4 });
  cleanUp(drop);
  cleanUp(() => archive.stop({ clean: true }));
  await storedCampaign(archive, 'spring', 8);
  await storedCampaign(archive, 'winter', 4);
  const keys = readStatementKeys(newKey());
  if (!keys.signing) throw new Error('unreachable');
  const signing = { store: archive, key: keys.signing, now: Date.now };
  expect(await signHeads(signing, 1, 0)).toBe(2);
  const audit = createAuditService({ store: archive, keys });
  const findings = async () => {
    for await (const item of audit.verify()) if (item.kind === 'end') return item.report.findings;
    throw new Error('unreachable');
  };
  expect(audit.lastVerification()).toBeUndefined();
  expect(await findings()).toEqual([]);
  expect(audit.lastVerification()).toMatchObject({ campaignIds: undefined, report: { campaigns: 2, findings: [] } });

  // Somebody with the password of the database writes all of it anew, from version 3 on, with every hash right.
  const rows = await archive.readEntries({ campaignId: 'spring', version: 0 }, 'spring', 1_000_000);
  let tail = FIRST_TAIL;
  for (const { version, bytes } of rows) {
    const forged = version === 3 ? bytes.replace('Version 3', 'Version X') : bytes;
    tail = nextTail(tail, forged);
    await query(
      `update ${namespace}.entries set bytes = $1::json, tail = $2 where campaign_id = 'spring' and version = ${version}`,
      [forged, tail],
    );
  }
  await query(`update ${namespace}.campaigns set tail = $1 where id = 'spring'`, [tail]);
  expect(await findings()).toEqual([
    { campaignId: 'spring', version: 8, problem: 'the chain is not the one that statement 1 has signed' },
  ]);
  // A restore says itself, signed, that what was before does not count.
  await signReplaced(signing, { campaignId: 'spring', version: 8, tail });
  expect(await findings()).toEqual([]);

  await query(`delete from ${namespace}.entries where campaign_id = 'winter' and version > 2`);
  await query(`delete from ${namespace}.checkpoints where campaign_id = 'winter'`);
  const [second] = await archive.readEntries({ campaignId: 'winter', version: 1 }, 'winter', 1);
  const state = await archive.stateAt('winter', 2);
  const record = JSON.parse(second?.bytes ?? '{}');
  await query(
    `update ${namespace}.campaigns set version = 2, tail = $1, state = $2::json, title = $3, updated_at = $4, updated_by = $5 where id = 'winter'`,
    [second?.tail, JSON.stringify(state), state?.['title'], record.at, record.actor.id],
  );
  expect(await findings()).toEqual([
    {
      campaignId: 'winter',
      version: 4,
      problem: 'the entries from version 3 on, which statement 1 has signed, are gone',
    },
  ]);
  for (const table of ['campaigns', 'entries', 'epochs', 'checkpoints'])
    await query(`delete from ${namespace}.${table} where ${table === 'campaigns' ? 'id' : 'campaign_id'} = 'winter'`);
  expect(await findings()).toEqual([
    { campaignId: 'winter', problem: 'it was signed, and is gone with all of its rows' },
  ]);

  await query(`update ${namespace}.audit_statements set bytes = replace(bytes, 'winter', 'summer') where position = 1`);
  expect(await findings()).toMatchObject([
    { campaignId: '*', version: 1, problem: 'statement 1 is not signed by a known key' },
  ]);
  await query(`delete from ${namespace}.audit_statements where position = 1`);
  expect(await findings()).toMatchObject([{ campaignId: '*', version: 2, problem: 'statement 1 is missing' }]);
});

test('U22 a campaign that is gone is no finding where its deletion was signed; where only the database says so, it is', async () => {
  const archive = createMemoryArchive();
  for (const campaignId of ['spring', 'winter']) {
    const history = await storedCampaign(archive, campaignId, 4);
    history.add({}, { type: 'archive', command: { type: 'archive' } });
    await archive.commit([history.commitAfter(4)]);
  }
  const keys = readStatementKeys(newKey());
  if (!keys.signing) throw new Error('unreachable');
  const signing = { store: archive, key: keys.signing, now: Date.now };
  await signHeads(signing, 1, 0);
  const audit = createAuditService({ store: archive, keys });
  const findings = async () => {
    for await (const item of audit.verify()) if (item.kind === 'end') return item.report.findings;
    throw new Error('unreachable');
  };
  for (const campaignId of ['spring', 'winter']) {
    const [stored] = await archive.readHistories(undefined, 1, [campaignId]);
    if (!stored) throw new Error('unreachable');
    const { head, generation } = stored;
    if (campaignId === 'spring') await signDeleted(signing, { campaignId, ...head });
    const deletion = { campaignId, at: 1, by: 'ada', correlationId: 'c', instance: 'i', head, epochs: [head.epoch] };
    expect(await archive.remove({ ...deletion, generation, wasPublished: true })).toBe(true);
    await archive.completeDeletion(campaignId);
  }
  expect(await findings()).toEqual([
    { campaignId: 'winter', problem: 'it was signed, and is gone with all of its rows' },
  ]);
  // Its id goes on, as another campaign, and is signed as such.
  await storedCampaign(archive, 'spring', 3);
  await signHeads(signing, 1, 0);
  expect(await findings()).toEqual([
    { campaignId: 'winter', problem: 'it was signed, and is gone with all of its rows' },
  ]);
});

test('U21 statements of a key that was replaced count while its public half is known', async () => {
  const archive = createMemoryArchive();
  await storedCampaign(archive, 'spring', 3);
  const [before, after] = [newKey(), newKey()];
  const old = readStatementKeys(before);
  if (!old.signing) throw new Error('unreachable');
  await signHeads({ store: archive, key: old.signing, now: Date.now }, 1, 0);
  const publicOld = old.verifying[0]?.export({ type: 'spki', format: 'pem' }).toString() ?? '';
  const report = async (keys: ReturnType<typeof readStatementKeys>) => {
    for await (const item of createAuditService({ store: archive, keys }).verify())
      if (item.kind === 'end') return item.report;
    throw new Error('unreachable');
  };
  expect(await report(readStatementKeys(after, [publicOld]))).toMatchObject({ statements: 1, findings: [] });
  expect(await report(readStatementKeys(after))).toMatchObject({
    findings: [{ problem: 'statement 1 is not signed by a known key' }],
  });
  expect(() => readStatementKeys('nonsense')).toThrow('It is no Ed25519 key in PEM.');
});

test('U30 the command verifies a running server, and names what does not fit', async () => {
  const folder = await temporaryFolder();
  const store = createMemoryStore();
  const archive = createMemoryArchive({ store });
  const { url } = await startGuarded({ archive, auditKey: newKey() });
  const env = { AUTH_SECRET: SECRET };
  const verify = () => command(folder, ['audit', 'verify', '--url', url], env);
  expect(await verify()).toMatchObject({
    code: 0,
    sentence: expect.stringMatching(/2 campaigns, 2 entries, \d signed statements: everything fits\.$/),
  });
  const stored = store.campaigns.get(CAMPAIGN);
  if (!stored) throw new Error('unreachable');
  stored.state = stored.state.replace('Spring', 'Forged');
  expect(await verify()).toMatchObject({
    code: 1,
    sentence: expect.stringMatching(
      /^spring\tversion 1\tthe campaign has another state than its entries lead to\n.*1 do not fit\.$/s,
    ),
  });
  const editor = await tokenFor({ '*': 'editor' });
  expect(await command(folder, ['audit', 'verify', '--url', url], { CAMPAIGN_TOKEN: editor })).toMatchObject({
    code: 1,
    sentence: expect.stringMatching(/your role does not allow this/),
  });
});

test('U31 an export goes on where its state file says, and has every entry and event once', async () => {
  const folder = await temporaryFolder();
  const { url } = await startGuarded();
  const admin = httpClient(url, await tokenFor({ '*': 'admin' }, { sub: 'root' }));
  const [out, state] = [join(folder, 'audit.jsonl'), join(folder, 'state.json')];
  const run = () =>
    command(folder, ['audit', 'export', '--out', out, '--state', state, '--url', url], { AUTH_SECRET: SECRET });
  const set = (title: string) =>
    admin.campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title }, durability: 'durable' });
  await set('One');
  expect(await run()).toMatchObject({ code: 0, sentence: expect.stringMatching(/^3 entries of 2 campaigns/) });
  expect(await run()).toMatchObject({ code: 0, sentence: expect.stringMatching(/^0 entries of 2 campaigns/) });
  await set('Two');
  await set('Three');
  expect(await run()).toMatchObject({ code: 0, sentence: expect.stringMatching(/^2 entries of 2 campaigns/) });
  const lines = (await readFile(out, 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line): Record<string, unknown> => JSON.parse(line));
  const entries = lines.filter(({ line }) => line === 'entry');
  expect(entries.map(({ campaignId, version }) => `${String(campaignId)} ${String(version)}`)).toEqual([
    'secret 1',
    'spring 1',
    'spring 2',
    'spring 3',
    'spring 4',
  ]);
  expect(entries.at(-1)).toMatchObject({ actor: { id: 'root' }, change: { title: 'Three' }, tail: expect.any(String) });
  // A campaign that was replaced since is written anew.
  const known = JSON.parse(await readFile(state, 'utf8'));
  known.campaigns.spring.tail = 'of another chain';
  await writeFile(state, JSON.stringify(known));
  expect(await run()).toMatchObject({ code: 0, sentence: expect.stringMatching(/^4 entries of 2 campaigns/) });
});
