import { expect, test } from 'vitest';
import type { EntryRedaction } from '../../server/core/audit-store.ts';
import { hashOfBytes } from '../../server/core/stream/hash-chain.ts';
import { redactRecord, type Redaction } from '../../server/core/stream/redaction.ts';
import { part, type CampaignHistory } from './campaign-history.ts';
import { archiveEntry, deletionOf } from './deletions.ts';
import { adoptedOf, rowsOf, stateOf, type HistoriesContext } from './histories.ts';

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
    expect(await archive().adopt('redacted', [adoptedOf(history, { over: true, redactions })])).toMatchObject({
      kind: 'adopted',
    });
    await archive().endRestore('redacted');
    const [restored] = await archive().readHistories(undefined, 1, [campaignId]);
    expect(restored?.redactions).toEqual(redactions);
    expect((await archive().load(campaignId, 1_000))?.recent).toEqual([]);

    // Without any, entries are loaded again; that they were redacted once stays known.
    await archive().beginRestore('as it was', 0, 0);
    await archive().stage('as it was', rowsOf(history), [stateOf(history)], 0);
    await archive().adopt('as it was', [adoptedOf(history, { over: true })]);
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
}
