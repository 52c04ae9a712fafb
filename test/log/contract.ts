import { emptyLockTable, type LockChange, type LockTable } from '../../server/core/locks/lock-table.ts';
import type { SealedEntry } from '../../server/core/stream/log-record.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LockReading, LogEvent, OpenedLog, OrderedLog } from '../../server/engine/ports.ts';
import { campaignEntries } from './campaign-entries.ts';

/** One log, as several instances see it. */
export interface LogUnderTest {
  /** Another instance on the same log; missing where a log belongs to one process. */
  join?(): Promise<OrderedLog>;
  log: OrderedLog;
  /** Waits for whatever is on its way to listeners. */
  delivered(): Promise<void>;
  stop(): Promise<void>;
}

const ID = 'summer';
const ignore = (): void => undefined;
const versions = (entries: readonly SealedEntry[]): number[] => entries.map(({ record }) => record.version);

function opened(answer: OpenedLog): Extract<OpenedLog, { kind: 'opened' }> {
  if (answer.kind !== 'opened') throw new Error(`it is ${answer.kind}`);
  return answer;
}

/** Every implementation of {@link OrderedLog} behaves in this way. `create` makes an empty log. */
export function describeOrderedLog(name: string, create: () => Promise<LogUnderTest>): void {
  describe(`${name} as an ordered log`, () => {
    const { start, after, headAfter } = campaignEntries(ID);
    let under: LogUnderTest;
    let log: OrderedLog;

    beforeEach(async () => {
      under = await create();
      log = under.log;
    });
    afterEach(() => under.stop());

    /** Seeds the campaign and opens it. */
    const host = async (events: LogEvent[] = [], on: OrderedLog = log): Promise<LogEvent[]> => {
      await on.seed(ID, 1, start);
      opened(await on.open(ID, 1, start, (event) => events.push(event)));
      return events;
    };

    it('L1 a campaign that the log does not hold is absent, and opens once it has been seeded', async () => {
      expect(await log.open(ID, 1, start, ignore)).toEqual({ kind: 'absent' });
      await log.seed(ID, 1, start);
      expect(await log.open(ID, 1, start, ignore)).toEqual({
        kind: 'opened',
        head: start,
        durableVersion: 1,
        entries: [],
        locks: emptyLockTable(1),
      });
    });

    it('L2 another generation, another epoch and another tail are absent', async () => {
      await host();
      await log.append(ID, start, after(start, 2));
      expect(await log.open(ID, 2, start, ignore)).toEqual({ kind: 'absent' });
      expect(await log.open(ID, 1, { ...start, epoch: 'e2' }, ignore)).toEqual({ kind: 'absent' });
      const other = headAfter(after(start, 2, 'b'));
      expect(await log.open(ID, 1, other, ignore)).toEqual({ kind: 'absent' });
      expect(await log.open(ID, 1, headAfter(after(start, 1, 'b')), ignore)).toEqual({ kind: 'absent' });
      expect(await log.open(ID, 1, headAfter(after(start, 5)), ignore)).toEqual({ kind: 'absent' });
    });

    it('L3 a seed of an earlier or the same generation changes nothing, a later one replaces the log and publishes reset', async () => {
      const events = await host();
      const entries = after(start, 2);
      await log.append(ID, start, entries);
      await log.seed(ID, 1, start);
      expect(opened(await log.open(ID, 1, start, (event) => events.push(event))).head).toEqual(headAfter(entries));
      const next = { ...start, epoch: 'e2' };
      await log.seed(ID, 2, next);
      await under.delivered();
      expect(events.at(-1)).toEqual({ kind: 'reset' });
      expect(await log.append(ID, headAfter(entries), [])).toEqual({ kind: 'lost' });
      expect(opened(await log.open(ID, 2, next, ignore)).head).toEqual(next);
      await log.seed(ID, 1, start);
      expect(opened(await log.open(ID, 2, next, ignore)).head).toEqual(next);
      expect(log.backlog().entries).toBe(0);
    });

    it('L4 an append on the expected head is accepted whole, and published in order', async () => {
      const events = await host();
      const first = after(start, 3);
      expect(await log.append(ID, start, first)).toEqual({ kind: 'appended' });
      const second = after(headAfter(first), 1);
      expect(await log.append(ID, headAfter(first), second)).toEqual({ kind: 'appended' });
      await under.delivered();
      expect(events).toEqual([...first, ...second].map((sealed) => ({ kind: 'entry', sealed })));
      const again = opened(await log.open(ID, 1, start, ignore));
      expect(again.entries).toEqual([...first, ...second]);
      expect(again.head).toEqual(headAfter(second));
    });

    it('L5 what was sealed comes back byte by byte', async () => {
      await host();
      const [plain] = after(start, 1);
      if (!plain) throw new Error('there is one');
      const bytes = `{ "kept" : "as it is \\u00e9 \u{1F600}", "n": 9007199254740991 }`;
      const sealed = { ...plain, bytes };
      await log.append(ID, start, [sealed]);
      const [read] = await log.read(ID, 1, 1);
      expect(read?.bytes).toBe(bytes);
      expect(read?.tail).toBe(plain.tail);
    });

    it('L6 an append on an older head is a conflict with exactly what is missing, and changes nothing', async () => {
      const events = await host();
      const first = after(start, 3);
      await log.append(ID, start, first);
      const between = headAfter(first.slice(0, 1));
      expect(await log.append(ID, between, after(between, 1, 'b'))).toEqual({
        kind: 'conflict',
        entries: first.slice(1),
      });
      expect(await log.append(ID, start, [])).toEqual({ kind: 'conflict', entries: first });
      await under.delivered();
      expect(events).toHaveLength(3);
      expect(versions(await log.read(ID, 1, 10))).toEqual([2, 3, 4]);
    });

    it('L7 the same append again is a conflict with itself, so that an unknown outcome can be resolved', async () => {
      await host();
      const entries = after(start, 2);
      await log.append(ID, start, entries);
      expect(await log.append(ID, start, entries)).toEqual({ kind: 'conflict', entries });
    });

    it('L8 an append without entries confirms the head, and publishes nothing', async () => {
      const events = await host();
      expect(await log.append(ID, start, [])).toEqual({ kind: 'appended' });
      await under.delivered();
      expect(events).toEqual([]);
    });

    it('L9 an expected head that is not on the current timeline is lost: another tail, another epoch, a version ahead', async () => {
      await host();
      const entries = after(start, 3);
      await log.append(ID, start, entries);
      const head = headAfter(entries);
      expect(await log.append(ID, { ...head, tail: 'other' }, [])).toEqual({ kind: 'lost' });
      expect(await log.append(ID, { ...head, epoch: 'e2' }, [])).toEqual({ kind: 'lost' });
      expect(await log.append(ID, headAfter(after(head, 1)), [])).toEqual({ kind: 'lost' });
      // The same version with other content, behind which the log has gone on: a stale copy must not append.
      const fork = headAfter(after(start, 2, 'b'));
      expect(await log.append(ID, fork, after(fork, 1, 'b'))).toEqual({ kind: 'lost' });
      expect(await log.append('unknown', start, [])).toEqual({ kind: 'lost' });
      // Also where the entry at that version has been trimmed.
      await log.markDurable(ID, 'e1', 3);
      expect(await log.append(ID, fork, after(fork, 1, 'b'))).toEqual({ kind: 'lost' });
      expect(await log.open(ID, 1, fork, ignore)).toEqual({ kind: 'absent' });
    });

    it('L10 reads go from a version on, in order, up to the limit', async () => {
      await host();
      await log.append(ID, start, after(start, 5));
      expect(versions(await log.read(ID, 1, 10))).toEqual([2, 3, 4, 5, 6]);
      expect(versions(await log.read(ID, 3, 2))).toEqual([4, 5]);
      expect(await log.read(ID, 6, 10)).toEqual([]);
      expect(await log.read(ID, 9, 10)).toEqual([]);
      expect(await log.read('unknown', 0, 10)).toEqual([]);
    });

    it('L11 entries wait for the archive from the watermark on, oldest campaign first, within the limit', async () => {
      const other = campaignEntries('autumn');
      await host();
      await log.seed('autumn', 1, other.start);
      opened(await log.open('autumn', 1, other.start, ignore));
      expect(await log.pending(10)).toEqual([]);
      const mine = after(start, 3);
      const others = other.after(other.start, 2);
      await log.append(ID, start, mine);
      await log.append('autumn', other.start, others);
      await under.delivered();
      expect(await log.pending(10)).toEqual([
        { campaignId: ID, entries: mine },
        { campaignId: 'autumn', entries: others },
      ]);
      expect(await log.pending(4)).toEqual([
        { campaignId: ID, entries: mine },
        { campaignId: 'autumn', entries: others.slice(0, 1) },
      ]);
      expect(await log.pending(2)).toEqual([{ campaignId: ID, entries: mine.slice(0, 2) }]);
      expect(await log.pending(10, new Set([ID]))).toEqual([{ campaignId: 'autumn', entries: others }]);
      expect(log.backlog()).toEqual({ entries: 5, oldestAt: mine[0]?.record.at });
    });

    it('G8 L12 the watermark moves forward only, never past the head, and is published', async () => {
      const events = await host();
      const entries = after(start, 3);
      await log.append(ID, start, entries);
      await log.markDurable(ID, 'e1', 3);
      await log.markDurable(ID, 'e1', 2);
      await log.markDurable(ID, 'other', 4);
      await under.delivered();
      expect(events.filter(({ kind }) => kind === 'durable')).toEqual([{ kind: 'durable', epoch: 'e1', version: 3 }]);
      expect(await log.pending(10)).toEqual([{ campaignId: ID, entries: entries.slice(2) }]);
      expect(log.backlog().entries).toBe(1);
      await log.markDurable(ID, 'e1', 99);
      await under.delivered();
      expect(events.at(-1)).toEqual({ kind: 'durable', epoch: 'e1', version: 4 });
      expect(await log.pending(10)).toEqual([]);
      expect(log.backlog()).toEqual({ entries: 0, oldestAt: undefined });
      await log.markDurable('unknown', 'e1', 4);
    });

    it('L13 a busy campaign does not keep the archiver from the others', async () => {
      const other = campaignEntries('autumn');
      await host();
      await log.seed('autumn', 1, other.start);
      opened(await log.open('autumn', 1, other.start, ignore));
      await log.append(ID, start, after(start, 5));
      await log.append('autumn', other.start, other.after(other.start, 1));
      await log.markDurable(ID, 'e1', 3);
      expect((await log.pending(1))[0]?.campaignId).toBe('autumn');
    });

    it('L14 an archive that was read before it took what the log has trimmed since has to be read again', async () => {
      await host();
      const entries = after(start, 3);
      await log.append(ID, start, entries);
      await log.markDurable(ID, 'e1', 4);
      const stale = await log.open(ID, 1, start, ignore);
      // A log that keeps some durable entries can still bridge it; it must never leave a gap.
      if (stale.kind === 'opened') expect(versions(stale.entries)).toEqual([2, 3, 4]);
      else expect(stale).toEqual({ kind: 'stale-archive' });
      expect(opened(await log.open(ID, 1, headAfter(entries), ignore)).entries).toEqual([]);
    });

    it('L15 new entries wake the archiver', async () => {
      let woken = 0;
      log.onPending(() => (woken += 1));
      await host();
      await log.append(ID, start, []);
      await under.delivered();
      expect(woken).toBe(0);
      await log.append(ID, start, after(start, 1));
      await under.delivered();
      expect(woken).toBeGreaterThan(0);
    });

    it('L16 a campaign leaves the log when all of it is durable, and not before', async () => {
      const events = await host();
      const entries = after(start, 1);
      await log.append(ID, start, entries);
      expect(await log.close(ID, { leave: true })).toBe(false);
      expect(await log.pending(10)).toEqual([{ campaignId: ID, entries }]);
      opened(await log.open(ID, 1, start, (event) => events.push(event)));
      await log.markDurable(ID, 'e1', 2);
      expect(await log.close(ID, { leave: false })).toBe(false);
      opened(await log.open(ID, 1, headAfter(entries), ignore));
      expect(await log.close(ID, { leave: true })).toBe(true);
      expect(await log.open(ID, 1, headAfter(entries), ignore)).toEqual({ kind: 'absent' });
      expect(await log.append(ID, headAfter(entries), [])).toEqual({ kind: 'lost' });
      expect(log.backlog().entries).toBe(0);
    });

    it('L17 a listener gets nothing after a close, and a second open takes the place of the first', async () => {
      const first = await host();
      const second: LogEvent[] = [];
      opened(await log.open(ID, 1, start, (event) => second.push(event)));
      const entries = after(start, 1);
      await log.append(ID, start, entries);
      await under.delivered();
      expect(first).toEqual([]);
      expect(second).toHaveLength(1);
      await log.close(ID, { leave: false });
      await log.append(ID, headAfter(entries), after(headAfter(entries), 1));
      await under.delivered();
      expect(second).toHaveLength(1);
    });

    it('L18 the remainder is what follows on a head by its tails, whatever the generation', async () => {
      await host();
      const entries = after(start, 3);
      await log.append(ID, start, entries);
      expect(await log.remainder(ID, start)).toEqual(entries);
      expect(await log.remainder(ID, headAfter(entries.slice(0, 2)))).toEqual(entries.slice(2));
      expect(await log.remainder(ID, { ...start, tail: 'other' })).toEqual([]);
      expect(await log.remainder(ID, headAfter(entries))).toEqual([]);
      expect(await log.remainder('unknown', start)).toEqual([]);
    });

    it('L19 after a stop the log accepts nothing any more', async () => {
      await host();
      await log.stop();
      await expect(log.append(ID, start, after(start, 1))).rejects.toThrow();
      await expect(log.open(ID, 1, start, ignore)).rejects.toThrow();
      await expect(log.seed(ID, 2, start)).rejects.toThrow();
    });

    const row = (lockId: string, path: string[], leaseMs = 60_000): LockChange['set'][number] => ({
      lockId,
      state: 'held',
      fence: emptyLockTable(1).revision + 1,
      path,
      holder: 'ada',
      ttlMs: leaseMs,
      leaseMs,
    });
    const change = (table: LockTable, given: Partial<LockChange> = {}): LockChange => ({
      condition: { revision: table.revision },
      set: [],
      removed: [],
      ...given,
    });
    /** Makes a change that has to pass. */
    const locks = async (table: LockTable, given: Partial<LockChange>, on = log): Promise<LockReading> => {
      const outcome = await on.changeLocks(ID, change(table, given));
      if (outcome.kind !== 'changed') throw new Error(`it is ${outcome.kind}`);
      return outcome.reading;
    };
    const ids = ({ rows }: LockTable): string[] => rows.map(({ lockId }) => lockId).sort();

    it('L90 a change of locks passes on its revision alone, raises it by one, is stamped by the log, published, and opened with', async () => {
      const events = await host();
      const first = await locks(emptyLockTable(1), { set: [row('a', ['x']), row('b', ['y', 'z"\n '], 1_000)] });
      expect(first.table.revision).toBe(emptyLockTable(1).revision + 1);
      expect(first.table.rows.map(({ expiresAt }) => expiresAt - first.now)).toEqual([60_000, 1_000]);
      expect(first.table.rows[1]?.path).toEqual(['y', 'z"\n ']);
      const stale = await log.changeLocks(ID, change(emptyLockTable(1), { set: [row('c', [])] }));
      expect(stale).toMatchObject({ kind: 'stale', reading: { table: { revision: first.table.revision } } });
      const second = await locks(first.table, { removed: ['a'], set: [row('d', [])] });
      expect(ids(second.table)).toEqual(['b', 'd']);
      expect(second.table.revision).toBe(first.table.revision + 1);
      await under.delivered();
      expect(events).toEqual([first, second].map(({ table }) => ({ kind: 'locks', table })));
      expect(opened(await log.open(ID, 1, start, ignore)).locks).toEqual(second.table);
    });

    it('L91 a change without rows confirms revision and time, and publishes nothing', async () => {
      const events = await host();
      const none = emptyLockTable(1);
      const { now } = await locks(none, {});
      expect(
        (await log.changeLocks(ID, change(none, { condition: { revision: none.revision, notBefore: now } }))).kind,
      ).toBe('changed');
      const late = { revision: none.revision, notAfter: now };
      expect((await log.changeLocks(ID, change(none, { condition: late }))).kind).toBe('stale');
      const early = { revision: none.revision, notBefore: now + 60_000 };
      expect((await log.changeLocks(ID, change(none, { condition: early, set: [row('a', [])] }))).kind).toBe('stale');
      await under.delivered();
      expect(events).toEqual([]);
    });

    it('L92 an append decided under another lock table, or outside of its times, is refused with the table, and appends nothing', async () => {
      const events = await host();
      const none = emptyLockTable(1);
      const entries = after(start, 1);
      const { table, now } = await locks(none, { set: [row('a', ['x'])] });
      const stale = await log.append(ID, start, entries, { revision: none.revision });
      expect(stale).toMatchObject({ kind: 'locks', reading: { table } });
      const { revision } = table;
      expect((await log.append(ID, start, entries, { revision, notAfter: now })).kind).toBe('locks');
      expect((await log.append(ID, start, [], { revision, notAfter: now })).kind).toBe('locks');
      expect((await log.append(ID, start, entries, { revision, notBefore: now + 60_000 })).kind).toBe('locks');
      expect(await log.read(ID, 1, 10)).toEqual([]);
      const passing = { revision, notBefore: now, notAfter: now + 60_000 };
      expect(await log.append(ID, start, entries, passing)).toEqual({ kind: 'appended' });
      // The head comes first: the same append again is recognised, whatever has become of the locks.
      expect(await log.append(ID, start, entries, { revision: none.revision })).toEqual({ kind: 'conflict', entries });
      await under.delivered();
      expect(events.map(({ kind }) => kind)).toEqual(['locks', 'entry']);
    });

    it('L93 locks end with the generation, and revisions go on rising', async () => {
      const events = await host();
      const { table } = await locks(emptyLockTable(1), { set: [row('a', [])] });
      await log.seed(ID, 2, { ...start, epoch: 'e2' });
      await under.delivered();
      expect(events.at(-1)).toEqual({ kind: 'reset' });
      const again = opened(await log.open(ID, 2, { ...start, epoch: 'e2' }, ignore));
      expect(again.locks).toEqual(emptyLockTable(2));
      expect(again.locks.revision).toBeGreaterThan(table.revision);
      expect((await log.changeLocks('unknown', change(emptyLockTable(1)))).kind).toBe('lost');
    });

    it('L94 a campaign with a lock that is alive does not leave the log', async () => {
      await host();
      const { table } = await locks(emptyLockTable(1), { set: [row('a', [])] });
      expect(await log.close(ID, { leave: true })).toBe(false);
      expect(opened(await log.open(ID, 1, start, ignore)).locks).toEqual(table);
      await locks(table, { removed: ['a'] });
      expect(await log.close(ID, { leave: true })).toBe(true);
    });

    it('L95 of instances that change the same table one wins, and all see what it made', async ({ skip }) => {
      if (!under.join) return skip();
      const other = await under.join();
      await host();
      const there = await host([], other);
      const none = emptyLockTable(1);
      const outcomes = await Promise.all([
        log.changeLocks(ID, change(none, { set: [row('here', [])] })),
        other.changeLocks(ID, change(none, { set: [row('there', [])] })),
      ]);
      expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['changed', 'stale']);
      const winner = outcomes[0].kind === 'changed' ? 'here' : 'there';
      for (const outcome of outcomes) if (outcome.kind !== 'lost') expect(ids(outcome.reading.table)).toEqual([winner]);
      await under.delivered();
      expect(there.at(-1)).toMatchObject({ kind: 'locks', table: { rows: [{ lockId: winner }] } });
      const again = await log.append(ID, start, after(start, 1), { revision: none.revision });
      expect(again.kind).toBe('locks');
    });

    it('L96 what an instance says of who is there is heard by the others that have the campaign open, and read by who comes', async ({
      skip,
    }) => {
      if (!under.join) return skip();
      const other = await under.join();
      await host();
      await host([], other);
      const heard: unknown[] = [];
      log.presence.onPublished((...said) => heard.push(['own', ...said]));
      other.presence.onPublished((...said) => heard.push(said));
      await log.presence.publish(ID, '[{"id":"ada é"}]');
      await under.delivered();
      expect(heard).toEqual([[ID, expect.any(String), '[{"id":"ada é"}]']]);
      expect([...(await other.presence.read(ID)).values()]).toEqual(['[{"id":"ada é"}]']);
      expect([...(await log.presence.read(ID)).values()]).toEqual([]);
      await log.presence.publish(ID, undefined);
      await under.delivered();
      expect(heard[1]).toEqual([ID, expect.any(String), undefined]);
      expect([...(await other.presence.read(ID)).values()]).toEqual([]);
    });

    /** Makes a change of the jobs' table that has to pass. */
    const jobs = async (revision: number, given: Partial<LockChange>, on = log): Promise<LockReading> => {
      const outcome = await on.jobLocks.change({ condition: { revision }, set: [], removed: [], ...given });
      if (outcome.kind !== 'changed') throw new Error(`it is ${outcome.kind}`);
      return outcome.reading;
    };
    const jobRevision = async (): Promise<number> => {
      const { reading } = await log.jobLocks.change({ condition: { revision: 0 }, set: [], removed: [] });
      return reading.table.revision;
    };

    it('L100 jobs have a table of their own, of no campaign: changed on its revision alone, stamped, and told', async () => {
      const told: LockTable[] = [];
      log.jobLocks.onTable((table) => told.push(table));
      const revision = await jobRevision();
      expect(Number.isSafeInteger(revision)).toBe(true);
      const first = await jobs(revision, { set: [row('a', ['nightly'], 1_000)] });
      expect(first.table).toMatchObject({ revision: revision + 1, rows: [{ lockId: 'a', path: ['nightly'] }] });
      expect(first.table.rows[0]?.expiresAt).toBe(first.now + 1_000);
      const stale = await log.jobLocks.change({ condition: { revision }, set: [row('b', ['nightly'])], removed: [] });
      expect(stale).toMatchObject({ kind: 'stale', reading: { table: first.table } });
      const early = { revision: revision + 1, notBefore: first.now + 60_000 };
      expect((await log.jobLocks.change({ condition: early, set: [], removed: ['a'] })).kind).toBe('stale');
      const second = await jobs(revision + 1, { removed: ['a'] });
      expect(second.table).toEqual({ revision: revision + 2, rows: [] });
      await under.delivered();
      expect(told.slice(-2)).toEqual([first.table, second.table]);
      // It concerns no campaign.
      const events = await host();
      await jobs(revision + 2, { set: [row('c', ['nightly'])] });
      await under.delivered();
      expect(events).toEqual([]);
      expect(opened(await log.open(ID, 1, start, ignore)).locks).toEqual(emptyLockTable(1));
    });

    it('L101 instances share the table of jobs: one wins, and all are told', async ({ skip }) => {
      if (!under.join) return skip();
      const other = await under.join();
      const told: LockTable[] = [];
      other.jobLocks.onTable((table) => told.push(table));
      const revision = await jobRevision();
      const conflict = { condition: { revision }, set: [], removed: [] };
      await other.jobLocks.change(conflict);
      const outcomes = await Promise.all([
        log.jobLocks.change({ ...conflict, set: [row('here', ['nightly'])] }),
        other.jobLocks.change({ ...conflict, set: [row('there', ['nightly'])] }),
      ]);
      expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['changed', 'stale']);
      const winner = outcomes[0].kind === 'changed' ? 'here' : 'there';
      for (const { reading } of outcomes) expect(ids(reading.table)).toEqual([winner]);
      await under.delivered();
      expect(told.at(-1)).toEqual(outcomes[0].reading.table);
      const { table } = await jobs(revision + 1, { removed: [winner] });
      await under.delivered();
      expect(told.at(-1)).toEqual(table);
    });

    it('L102 who knows of a later table of jobs than the log has, ends that one: the next is empty, and higher', async ({
      skip,
    }) => {
      // In one process there is no later one.
      if (!under.join) return skip();
      const revision = await jobRevision();
      await jobs(revision, { set: [row('a', ['nightly'])] });
      const later = revision + 2 ** 40;
      const answer = await log.jobLocks.change({ condition: { revision: later }, set: [], removed: [] });
      expect(answer).toMatchObject({ kind: 'stale', reading: { table: { revision: later + 1, rows: [] } } });
    });

    it('L110 a campaign is removed at its head, when all of it is durable; from then on nothing is appended to it', async () => {
      const events = await host();
      const entries = after(start, 2);
      await log.append(ID, start, entries);
      const head = headAfter(entries);
      expect(await log.remove(ID, 1, head)).toBe(false);
      await log.markDurable(ID, 'e1', 3);
      const wrong = [start, { ...head, epoch: 'e2' }, headAfter(after(start, 2, 'b'))];
      for (const other of wrong) expect(await log.remove(ID, 1, other)).toBe(false);
      expect(await log.remove(ID, 2, head)).toBe(false);
      expect(await log.append(ID, head, [])).toEqual({ kind: 'appended' });
      await under.delivered();
      const told = events.length;

      expect(await log.remove(ID, 1, head)).toBe(true);
      expect(await log.append(ID, head, after(head, 1))).toEqual({ kind: 'lost' });
      const change: LockChange = { condition: { revision: emptyLockTable(1).revision }, set: [], removed: [] };
      expect(await log.changeLocks(ID, change)).toEqual({ kind: 'lost' });
      expect(await log.remainder(ID, start)).toEqual([]);
      expect(await log.pending(10)).toEqual([]);
      expect(await log.remove(ID, 1, head)).toBe(false);
      await under.delivered();
      // Nobody is told yet: whether it is deleted is the archive's to say.
      expect(events).toHaveLength(told);
      expect(await log.open(ID, 1, head, ignore)).toEqual({ kind: 'absent' });
    });

    it('L111 what is left of a campaign is cleared up to a generation, and whoever has it open is told reset', async () => {
      const events = await host();
      await log.append(ID, start, after(start, 2));
      await log.clear(ID, 0);
      expect(await log.append(ID, start, [])).toMatchObject({ kind: 'conflict' });
      await log.clear(ID, 1);
      await under.delivered();
      expect(events.at(-1)).toEqual({ kind: 'reset' });
      expect(await log.remainder(ID, start)).toEqual([]);
      expect(await log.pending(10)).toEqual([]);
      // Once more, and of one that was never there.
      await log.clear(ID, 1);
      await log.clear('unknown', 9);
      await log.seed(ID, 2, start);
      expect(opened(await log.open(ID, 2, start, ignore)).head).toEqual(start);
    });

    it('L20 instances on one log order each other, receive each other’s entries, and share the watermark', async ({
      skip,
    }) => {
      if (!under.join) return skip();
      const other = await under.join();
      const here = await host();
      const there = await host([], other);
      const mine = after(start, 1, 'mine');
      const theirs = after(start, 1, 'theirs');
      const answers = await Promise.all([log.append(ID, start, mine), other.append(ID, start, theirs)]);
      expect(answers.map(({ kind }) => kind).sort()).toEqual(['appended', 'conflict']);
      const winner = answers[0].kind === 'appended' ? mine : theirs;
      expect(answers).toContainEqual({ kind: 'conflict', entries: winner });
      await under.delivered();
      expect(here).toEqual(winner.map((sealed) => ({ kind: 'entry', sealed })));
      expect(there).toEqual(here);
      await other.markDurable(ID, 'e1', 2);
      await under.delivered();
      expect(here.at(-1)).toEqual({ kind: 'durable', epoch: 'e1', version: 2 });
      expect(await log.pending(10)).toEqual([]);
      // A campaign that another instance hosts stays in the log.
      expect(await log.close(ID, { leave: true })).toBe(false);
      expect(await other.close(ID, { leave: true })).toBe(true);
    });

    it('L112 entries that were redacted are dropped once they are durable, and nothing else is lost', async () => {
      await host();
      const entries = after(start, 5);
      const head = headAfter(entries);
      await log.append(ID, start, entries);
      expect(await log.forget(ID, 3)).toBe(false);
      expect(versions(await log.read(ID, 1, 10))).toEqual([2, 3, 4, 5, 6]);
      await log.markDurable(ID, start.epoch, 4);
      expect(await log.forget(ID, 3)).toBe(true);
      expect(JSON.stringify(await log.read(ID, 0, 10))).not.toContain(entries[1]?.tail);
      expect(versions(await log.read(ID, 4, 10))).toEqual([5, 6]);
      expect(await log.append(ID, head, after(head, 1))).toEqual({ kind: 'appended' });
      const archived = headAfter(entries.slice(0, 3));
      expect(opened(await log.open(ID, 1, archived, ignore)).entries).toHaveLength(3);
      expect(await log.forget('unknown', 3)).toBe(true);
    });
  });
}
