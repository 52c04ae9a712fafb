import { expect, test } from 'vitest';
import type { EntryFilter } from '../../server/core/audit-store.ts';
import { FIRST_TAIL, nextTail } from '../../server/core/stream/hash-chain.ts';
import type { HistoriesContext } from './histories.ts';

/** The contract of `AuditStore`. */
export function auditTests({ archive, fresh }: HistoriesContext): void {
  test('A90 entries are found by person, place, type, time and text, newest first, by pages', async () => {
    const base = 1_600_000_000_000;
    const [one, two] = [fresh(), fresh()];
    for (const [number, history] of [one, two, one, two, one].entries()) {
      const change =
        number === 2 ? { ui_content: null } : { ui_content: { banner: `Words ${number}`, [`other${number}`]: 1 } };
      history.add(change, {
        at: base + number,
        actor: { id: number % 2 === 0 ? 'ada' : 'grace', role: 'editor' },
        type: number === 4 ? 'batch' : 'update',
        comment: `comment “${number}”`,
      });
    }
    for (const history of [one, two]) {
      await history.createIn(archive());
      await archive().commit([history.commitAfter(1)]);
    }
    const found = async (filter: EntryFilter): Promise<number[]> => {
      const { entries } = await archive().findEntries({ from: base, to: base + 10, ...filter }, undefined, 50);
      return entries.map(({ at }) => at - base);
    };
    expect(await found({})).toEqual([4, 3, 2, 1, 0]);
    expect(await found({ actor: 'grace' })).toEqual([3, 1]);
    expect(await found({ campaignId: one.campaignId })).toEqual([4, 2, 0]);
    expect(await found({ campaignId: one.campaignId, actor: 'grace' })).toEqual([]);
    expect(await found({ type: 'batch' })).toEqual([4]);
    expect(await found({ text: 'comment “3”' })).toEqual([3]);
    expect(await found({ path: ['ui_content', 'other1'] })).toEqual([2, 1]);
    expect(await found({ path: ['ui_content'] })).toEqual([4, 3, 2, 1, 0]);
    expect(await found({ path: ['title'] })).toEqual([]);
    expect(await found({ from: base + 1, to: base + 2 })).toEqual([2, 1]);
    const first = await archive().findEntries({ from: base, to: base + 10 }, undefined, 2);
    expect(first.entries.map(({ at }) => at - base)).toEqual([4, 3]);
    const second = await archive().findEntries({ from: base, to: base + 10 }, first.next, 50);
    expect(second.entries.map(({ at }) => at - base)).toEqual([2, 1, 0]);
    expect(second.next).toBeUndefined();
  });

  test('A91 events are a chain of their own, in order over everyone who records them, and the newest are kept', async () => {
    const store = archive();
    await Promise.all(['a', 'b', 'c'].map((name) => store.appendEvents([`{"n":"${name}1"}`, `{"n":"${name}2"}`], 100)));
    const events = await store.readEvents(0, 100);
    expect(events.map(({ position }) => position)).toEqual([1, 2, 3, 4, 5, 6]);
    let tail = FIRST_TAIL;
    for (const event of events) {
      tail = nextTail(tail, event.bytes);
      expect(event.tail).toBe(tail);
    }
    await store.appendEvents(['{"n":"last"}'], 3);
    expect((await store.readEvents(0, 100)).map(({ position }) => position)).toEqual([5, 6, 7]);
    expect((await store.newestEvents(undefined, 2)).map(({ position }) => position)).toEqual([7, 6]);
    expect((await store.newestEvents(7, 10)).map(({ position }) => position)).toEqual([6, 5]);
    expect((await store.readEvents(6, 10)).map(({ bytes }) => bytes)).toEqual(['{"n":"last"}']);
  });

  test('A92 heads are to be signed once they have grown enough, or are old, and a position is given out once', async () => {
    const store = archive();
    const history = fresh();
    await history.createIn(store);
    const { campaignId } = history;
    const due = async (minEntries: number, signedBefore: number): Promise<number | undefined> =>
      (await store.unsignedHeads(minEntries, signedBefore, 10_000)).find((head) => head.campaignId === campaignId)?.head
        .version;
    expect(await due(2, 0)).toBeUndefined();
    expect(await due(1, 0)).toBe(1);
    expect(await due(2, 1)).toBe(1);
    const statement = { position: ((await store.lastStatement())?.position ?? 0) + 1, bytes: '{}', signature: 's' };
    const appended = await Promise.all(
      [1, 2, 3].map(() => store.appendStatement(statement, [{ campaignId, version: 1 }], 500)),
    );
    expect(appended.filter(Boolean)).toHaveLength(1);
    expect(await store.lastStatement()).toEqual(statement);
    expect(await store.readStatements(statement.position - 1, 10)).toEqual([statement]);
    expect(await due(1, 1_000)).toBeUndefined();
    history.add({ title: 'More' });
    await store.commit([history.commitAfter(1)]);
    expect(await due(2, 500)).toBeUndefined();
    expect(await due(2, 501)).toBe(2);
    expect(await due(1, 0)).toBe(2);
  });
}
