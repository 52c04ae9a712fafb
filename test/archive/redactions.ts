import { expect, test } from 'vitest';
import type { EntryRedaction } from '../../server/core/audit-store.ts';
import { hashOfBytes } from '../../server/core/stream/hash-chain.ts';
import {
  redactRecord,
  REDACTIONS_OF_CAMPAIGN,
  type ProvenRedaction,
  type Redaction,
} from '../../server/core/stream/redaction.ts';
import { part, type CampaignHistory } from './campaign-history.ts';
import { archiveEntry, deletionOf } from './deletions.ts';
import { adoptedOf, HEEDED, rowsOf, stateOf, type HistoriesContext } from './histories.ts';

const SECRET = 'Ada Lovelace, +44 20 7946 0018';

/** The redaction of a version of a history, as it is stored. */
export function redactionOf(
  history: CampaignHistory,
  version: number,
  through: number,
  details: Partial<EntryRedaction> = {},
  redaction: Redaction = { path: ['about', 'contact'], at: 5, by: 'root' },
): EntryRedaction {
  const { record, bytes, tail } = part(history.entries, version - 1);
  const left = redactRecord(record, redaction);
  if (!left) throw new Error('it brings nothing there');
  const after = JSON.stringify(left);
  return {
    campaignId: history.campaignId,
    epoch: history.epoch,
    version,
    tail,
    redaction,
    hash: hashOfBytes(after),
    before: bytes,
    after,
    shown: [{ from: version, value: undefined }],
    through,
    redactions: 0,
    event: JSON.stringify({ kind: 'redact', campaignId: history.campaignId }),
    ...details,
  };
}

/** The contract of redactions in `AuditStore`, and of what they mean for histories. */
export function redactionTests({ archive, created }: HistoriesContext): void {
  /** A contact that stood in the document from version 40 to 159, over the checkpoint of version 100. */
  const withContact = async (versions = 210): Promise<CampaignHistory> => {
    const history = await created();
    let committed = 1;
    for (let version = 2; version <= versions; version += 1) {
      if (version === 40) history.add({ about: { contact: SECRET, text: 'About us' } });
      else if (version === 160) history.add({ about: { contact: null } });
      else history.add({ title: `Version ${version}` });
      if (version % 50 !== 0 && version < versions) continue;
      await archive().commit([history.commitAfter(committed)]);
      committed = version;
    }
    return history;
  };
  const everything = async ({ campaignId }: CampaignHistory): Promise<string> => {
    const states = await Promise.all([40, 100, 150, 200].map((version) => archive().stateAt(campaignId, version)));
    return JSON.stringify([
      await archive().history(campaignId, undefined, 1_000),
      await archive().readEntries({ campaignId, version: 0 }, campaignId, 1e6),
      await archive().readCheckpoints(campaignId, 0, 1e6),
      await archive().readHistories(undefined, 1, [campaignId]),
      await archive().load(campaignId, 1_000),
      states,
    ]);
  };

  test('A130 a redacted value is in no entry, state or checkpoint any more; the tails stay, and every other state is what it was', async () => {
    const history = await withContact();
    const { campaignId } = history;
    expect(await everything(history)).toContain(SECRET);
    const redacted = redactionOf(history, 40, 160);
    const last = (await archive().redactionsAfter(0, 1_000)).at(-1)?.ordinal ?? 0;
    expect(await archive().redact(redacted)).toBe(true);
    expect(await everything(history)).not.toContain(SECRET);

    const [entry] = await archive().readEntries({ campaignId, version: 39 }, campaignId, 1);
    expect(entry).toMatchObject({ version: 40, bytes: redacted.after, tail: redacted.tail });
    for (const version of [39, 160, 200, 210])
      expect(await archive().stateAt(campaignId, version)).toEqual(part(history.contents, version).state);
    expect(await archive().stateAt(campaignId, 120)).toEqual({
      ...part(history.contents, 120).state,
      about: { text: 'About us' },
    });
    const { version, tail, redaction, hash } = redacted;
    expect((await archive().readHistories(undefined, 1, [campaignId]))[0]?.redactions).toEqual([
      { version, tail, redaction, hash },
    ]);
    const stored = await archive().redactionsAfter(last, 10);
    expect(stored).toMatchObject([{ campaignId, version, tail, redaction, hash, forgotten: false }]);
    await archive().markForgotten(stored[0]?.ordinal ?? 0);
    expect(await archive().redactionsAfter(last, 10)).toMatchObject([{ campaignId, forgotten: true }]);
    expect(await archive().redactionsAfter(stored[0]?.ordinal ?? 0, 10)).toEqual([]);
    expect((await archive().newestEvents(undefined, 1))[0]?.bytes).toBe(redacted.event);
    const heads = await archive().readHeads(undefined, 1_000);
    expect(heads.find((head) => head.campaignId === campaignId)?.redactions).toBe(1);
  });

  test('A131 a campaign is loaded without entries up to the version in which the value was gone', async () => {
    const history = await withContact();
    const { campaignId } = history;
    expect((await archive().load(campaignId, 1_000))?.recent).toHaveLength(210);
    await archive().redact(redactionOf(history, 40, 160));
    const { recent } = (await archive().load(campaignId, 1_000)) ?? { recent: [] };
    expect(recent).toEqual(history.entries.slice(160));
    history.add({ title: 'It goes on' });
    expect(await archive().commit([history.commitAfter(210)])).toMatchObject([{ kind: 'committed' }]);
  });

  test('A132 nothing is redacted where the entry, or what was redacted before, or the beginning of the history is another one', async () => {
    const history = await withContact();
    const { campaignId } = history;
    const redacted = redactionOf(history, 40, 160);
    const events = (await archive().newestEvents(undefined, 1))[0]?.position;
    for (const other of [
      { before: '{}' },
      { tail: 'x' },
      { redactions: 1 },
      { campaignId: 'unknown' },
      { version: 41 },
    ])
      expect(await archive().redact({ ...redacted, ...other })).toBe(false);
    const found = await archive().findCompactable({ versions: 50, since: Number.MAX_SAFE_INTEGER }, 1_000, 0);
    const base = found.find((each) => each.campaignId === campaignId)?.base;
    if (!base) throw new Error('there is one');
    expect(base.version).toBe(100);
    expect((await archive().newestEvents(undefined, 1))[0]?.position).toBe(events);
    expect(await archive().redact(redacted)).toBe(true);
    // It was signed with the value in it: what stands there by now is another state.
    expect(await archive().setBase(campaignId, base)).toBe(false);
    const again = await archive().findCompactable({ versions: 50, since: Number.MAX_SAFE_INTEGER }, 1_000, 0);
    const next = again.find((each) => each.campaignId === campaignId)?.base;
    expect(next?.state).not.toContain(SECRET);
    if (!next) throw new Error('there is one');
    expect(await archive().setBase(campaignId, next)).toBe(true);
    // Compacted away, or about to be.
    const { redaction } = redacted;
    const second = redactionOf(history, 41, 42, { redactions: 1 }, { ...redaction, path: ['title'] });
    expect(await archive().redact(second)).toBe(false);
    while ((await archive().deleteCompacted()) !== undefined);
    expect(await archive().redact(second)).toBe(false);
  });

  test('A133 a restored history brings its redactions along, and nobody comes back into it by entries; they outlive a deletion', async () => {
    const history = await withContact();
    const { campaignId } = history;
    await archive().redact(redactionOf(history, 40, 160));
    const [stored] = await archive().readHistories(undefined, 1, [campaignId]);
    const rows = await archive().readEntries({ campaignId, version: 0 }, campaignId, 1e6);
    const redactions = stored?.redactions ?? [];
    await archive().beginRestore('redacted', 0, 0);
    await archive().stage('redacted', rows, [stateOf(history)], 0);
    expect(await archive().adopt('redacted', [adoptedOf(history, { over: true, redactions })], HEEDED)).toMatchObject({
      kind: 'adopted',
    });
    await archive().endRestore('redacted');
    const [restored] = await archive().readHistories(undefined, 1, [campaignId]);
    expect(restored?.redactions).toEqual(redactions);
    expect((await archive().load(campaignId, 1_000))?.recent).toEqual([]);

    // Without any, entries are loaded again; that they were redacted once stays known.
    await archive().beginRestore('as it was', 0, 0);
    await archive().stage('as it was', rowsOf(history), [stateOf(history)], 0);
    await archive().adopt('as it was', [adoptedOf(history, { over: true })], HEEDED);
    await archive().endRestore('as it was');
    expect((await archive().load(campaignId, 1_000))?.recent).toHaveLength(210);
    expect((await archive().readHistories(undefined, 1, [campaignId]))[0]?.redactions).toEqual(redactions);

    const [now] = await archive().readHistories(undefined, 1, [campaignId]);
    history.epoch = now?.head.epoch ?? '';
    archiveEntry(history);
    await archive().commit([history.commitAfter(210)]);
    const { head, generation } = (await archive().readHistories(undefined, 1, [campaignId]))[0] ?? {};
    if (!head || generation === undefined) throw new Error('it is there');
    expect(await archive().remove(deletionOf(history, { head, generation, epochs: [head.epoch] }))).toBe(true);
    while (await archive().removeRows(campaignId));
    await archive().completeDeletion(campaignId);
    expect((await archive().redactionsAfter(0, 1_000)).some((each) => each.campaignId === campaignId)).toBe(true);
  });

  test('A135 nothing is redacted where the campaign is in another epoch, or ends before the value had gone', async () => {
    const history = await withContact();
    const redacted = redactionOf(history, 40, 160);
    const events = (await archive().newestEvents(undefined, 1))[0]?.position;
    for (const other of [{ epoch: 'other' }, { through: 211 }])
      expect(await archive().redact({ ...redacted, ...other })).toBe(false);
    expect((await archive().newestEvents(undefined, 1))[0]?.position).toBe(events);
    expect(await archive().redact(redacted)).toBe(true);
  });

  test('A136 what is redacted ends the restores that have staged the entry, under whatever id, until they begin again; one that has staged it since is not adopted', async () => {
    const history = await withContact();
    const rows = rowsOf(history, 'a136');
    const stage = (restoreId: string) => archive().stage(restoreId, rows, [stateOf(history, 'a136')], 0);
    const adopted = adoptedOf(history, { campaignId: 'a136' });
    const before = (await archive().redactionsAfter(0, 1_000)).at(-1)?.ordinal ?? 0;
    for (const restoreId of ['has-it', 'will-have-it', 'has-another']) await archive().beginRestore(restoreId, 0, 0);
    const another = await created();
    expect(await archive().stage('has-another', rowsOf(another, 'b136'), [stateOf(another, 'b136')], 0)).toBe(true);
    expect(await stage('has-it')).toBe(true);
    await archive().redact(redactionOf(history, 40, 160));
    expect(await stage('has-it')).toBe(false);
    expect(await archive().adopt('has-it', [adopted], HEEDED)).toEqual({ kind: 'stale' });
    expect(await stage('will-have-it')).toBe(true);
    expect(await archive().adopt('will-have-it', [adopted], before)).toEqual({ kind: 'stale' });
    expect(await archive().heads(['a136'])).toEqual([]);
    const other = adoptedOf(another, { campaignId: 'b136' });
    expect(await archive().adopt('has-another', [other], before)).toMatchObject({ kind: 'adopted' });
    await archive().beginRestore('has-it', 0, 0);
    expect(await stage('has-it')).toBe(true);
    expect(await archive().adopt('has-it', [adopted], HEEDED)).toMatchObject({ kind: 'adopted' });
    for (const restoreId of ['has-it', 'will-have-it', 'has-another']) await archive().endRestore(restoreId);
    expect(await stage('has-it')).toBe(false);
  });

  test('A137 of each entry that is adopted exactly what it names is known to be redacted, once, and the log has nothing more to drop', async () => {
    const history = await withContact();
    const { campaignId } = history;
    await archive().redact(redactionOf(history, 40, 160));
    const [own] = (await archive().readHistories(undefined, 1, [campaignId]))[0]?.redactions ?? [];
    if (!own) throw new Error('it is there');
    const rows = await archive().readEntries({ campaignId, version: 0 }, campaignId, 1e6);
    const of = async () => (await archive().readHistories(undefined, 1, [campaignId]))[0]?.redactions;
    // The same place, at another time, as a file has it.
    const named = { ...own, redaction: { ...own.redaction, at: 6 } };
    await archive().beginRestore('a137', 0, 0);
    await archive().stage('a137', rows, [stateOf(history)], 0);
    const adopted = adoptedOf(history, { over: true, redactions: [named, named] });
    expect(await archive().adopt('a137', [adopted], HEEDED)).toMatchObject({ kind: 'adopted' });
    await archive().endRestore('a137');
    expect(await of()).toEqual([named]);
    const stored = (await archive().redactionsAfter(0, 1_000)).filter((each) => each.campaignId === campaignId);
    expect(stored).toMatchObject([{ forgotten: true }]);
  });

  test('A138 what was to be dropped of a campaign that is replaced or deleted is none of the log’s any more', async () => {
    const [replaced, removed] = [await withContact(), await withContact()];
    for (const history of [replaced, removed]) await archive().redact(redactionOf(history, 40, 160));
    const left = async () =>
      (await archive().redactionsAfter(0, 1_000))
        .filter(({ campaignId }) => [replaced, removed].some((history) => history.campaignId === campaignId))
        .map(({ forgotten }) => forgotten);
    expect(await left()).toEqual([false, false]);
    await archive().beginRestore('a138', 0, 0);
    await archive().stage('a138', rowsOf(replaced), [stateOf(replaced)], 0);
    await archive().adopt('a138', [adoptedOf(replaced, { over: true })], HEEDED);
    await archive().endRestore('a138');
    archiveEntry(removed);
    await archive().commit([removed.commitAfter(210)]);
    await archive().remove(deletionOf(removed));
    while (await archive().removeRows(removed.campaignId));
    await archive().completeDeletion(removed.campaignId);
    expect(await left()).toEqual([true, true]);
  });

  test('A139 a campaign that was redacted as often as it can be is adopted like any other', async () => {
    const history = await created();
    const { campaignId } = history;
    const redactions = Array.from({ length: REDACTIONS_OF_CAMPAIGN }, (_, at) => ({
      version: 1,
      tail: `tail-${at}`,
      hash: 'x',
      redaction: { path: ['about'], at, by: 'root' },
    }));
    await archive().beginRestore('a139', 0, 0);
    await archive().stage('a139', rowsOf(history), [stateOf(history)], 0);
    const adopted = adoptedOf(history, { over: true, redactions });
    expect(await archive().adopt('a139', [adopted], HEEDED)).toMatchObject({ kind: 'adopted' });
    await archive().endRestore('a139');
    const heads = await archive().readHeads(undefined, 1_000);
    expect(heads.find((head) => head.campaignId === campaignId)?.redactions).toBe(REDACTIONS_OF_CAMPAIGN);
  });

  test('A144 a restore does not take what it has noted itself, with a copy of the campaign, for a later redaction; what an entry does not name still is one', async () => {
    const history = await withContact();
    const { campaignId } = history;
    const before = (await archive().redactionsAfter(0, 1_000)).at(-1)?.ordinal ?? 0;
    await archive().redact(redactionOf(history, 40, 160));
    const [own] = (await archive().readHistories(undefined, 1, [campaignId]))[0]?.redactions ?? [];
    if (!own) throw new Error('it is there');
    const other = { ...own, redaction: { ...own.redaction, at: 6 } };
    const rows = await archive().readEntries({ campaignId, version: 0 }, campaignId, 1e6);
    await archive().beginRestore('a144', 0, 0);
    const adopt = async (as: string, redactions: readonly ProvenRedaction[]) => {
      const renamed = rows.map((row) => ({ ...row, campaignId: as }));
      await archive().stage('a144', renamed, [stateOf(history, as)], 0);
      return archive().adopt('a144', [adoptedOf(history, { campaignId: as, redactions })], before);
    };
    for (const as of ['adopted-once', 'adopted-twice'])
      expect(await adopt(as, [own]), as).toMatchObject({ kind: 'adopted' });
    for (const missing of [[], [other]]) expect(await adopt('never-adopted', missing)).toEqual({ kind: 'stale' });
    expect(await archive().heads(['never-adopted'])).toEqual([]);
    await archive().endRestore('a144');
  });
}
