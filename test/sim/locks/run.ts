import { createMemoryArchive, createMemoryStore } from '../../../server/archive/memory-archive.ts';
import { REVISIONS_PER_GENERATION, type LockTable } from '../../../server/core/locks/lock-table.ts';
import type { GrantedLock } from '../../../server/core/locks/lock-view.ts';
import { RefusalError } from '../../../server/core/errors.ts';
import { createManager, type Manager } from '../../../server/engine/manager.ts';
import type { Clock, OrderedLog } from '../../../server/engine/ports.ts';
import type { Caller } from '../../../server/engine/service.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { connectSharedLog, createSharedLogStore, type SharedLogStore } from '../../support/shared-log.ts';
import { simulatedClock } from '../../support/simulated-clock.ts';
import { checkLockHistory, conflict, type LockOperation } from './history.ts';

/** A rule of locks that is broken from outside. */
export interface LockMutant {
  readonly name: string;
  /** Puts something between an instance and its log. */
  readonly log?: (log: OrderedLog, store: SharedLogStore) => OrderedLog;
  /** Leases are stamped and judged by the clocks of instances. */
  readonly instanceClocks?: boolean;
}

export interface LockRun {
  readonly violation: string | undefined;
  readonly journal: readonly string[];
  readonly counts: Readonly<Record<'grants' | 'edits' | 'locked' | 'lost' | 'faults', number>>;
}

const ID = 'summer';
const PATHS = [[], ['title'], ['ui_content'], ['ui_content', 'banner'], ['ui_content', 'hero']] as const;
const ACTORS = 5;
const INSTANCES = 3;
const RUN_MS = 90_000;
/** Callers that wait at an instance when it dies, and the ttl of each, in milliseconds. */
const DOOMED = 5;
const DOOMED_TTL_MS = 5_000;
/** Beyond that ttl nobody is locked out for longer, in milliseconds. */
const LOCKOUT_MS = 3_000;

interface Intent {
  readonly path: readonly string[];
  readonly lock: GrantedLock | undefined;
}

/**
 * Plays one history: actors that lock, edit, pause for longer than their leases, take over and wait, on instances whose
 * clocks jump, whose calls are held up and whose answers are lost, and one of which dies, over a log that is flushed,
 * restarted and replaced by a stale replica. Every append is looked at when the log makes it, by the log's own table
 * and time, without any code of what is being looked at; what the clients saw is checked afterwards.
 */
export async function runLocks(seed: number, mutant?: LockMutant): Promise<LockRun> {
  const clock = simulatedClock(seed);
  const { next: random, pick } = seededRandom(seed * 7_919);
  const store = createSharedLogStore();
  const archive = createMemoryStore();
  const journal: string[] = [];
  const history: LockOperation[] = [];
  const voidedAt: number[] = [];
  const intents = new Map<string, Intent>();
  const tables = new Map<number, string>();
  const counts = { grants: 0, edits: 0, locked: 0, lost: 0, faults: 0 };
  let violation: string | undefined;
  let orders = 0;
  const orderOf = new Map<string, number>();
  let isOver = false;

  const startedAt = clock.now();
  const note = (text: string): void => void journal.push(`${clock.now() - startedAt} ${text}`);
  const fail = (what: string): void => {
    note(`VIOLATION ${what}`);
    violation ??= what;
  };
  const sleep = (milliseconds: number): Promise<void> => new Promise((resolve) => clock.after(milliseconds, resolve));
  /** The oracle: looks at what the log appended, by the locks that it had at that moment. */
  const observeAppend = (
    there: { readonly generation: number; readonly locks: LockTable } | undefined,
    at: number,
    mutationIds: readonly string[],
  ): void => {
    if (!there) return;
    const alive = there.locks.rows.filter(({ state, expiresAt }) => state === 'held' && expiresAt > at);
    for (const mutationId of mutationIds) {
      const intent = intents.get(mutationId);
      if (!intent) continue;
      orderOf.set(mutationId, (orders += 1));
      const { lock, path } = intent;
      const row = lock && alive.find(({ lockId, fence }) => lockId === lock.lockId && fence === lock.fence);
      if (lock && !row) fail(`${mutationId} was ordered under fence ${lock.fence}, which is not current`);
      if (lock && Math.floor(lock.fence / REVISIONS_PER_GENERATION) !== there.generation)
        fail(`${mutationId} was ordered under a lock of another epoch`);
      const other = alive.find((held) => held.lockId !== lock?.lockId && conflict(held.path, path));
      if (other) fail(`${mutationId} was ordered past the lock ${other.fence} of ${other.path.join('.')}`);
    }
  };

  const observeTable = ({ revision, rows }: LockTable): void => {
    const text = JSON.stringify(rows);
    const seen = tables.get(revision);
    if (seen !== undefined && seen !== text) fail(`two observers saw different tables at revision ${revision}`);
    tables.set(revision, text);
    const held = rows.filter(({ state }) => state === 'held');
    for (const [index, a] of held.entries())
      for (const b of held.slice(index + 1))
        if (conflict(a.path, b.path) && a.expiresAt > clock.now() && b.expiresAt > clock.now())
          fail(`two conflicting locks at revision ${revision}`);
  };

  /** Locks that were asked for over the heads of those who wait. */
  const thefts = new Set<string>();
  /** The oracle of the queue: looks at who is granted what, by who had been waiting for longer. */
  const observeGrants = (before: LockTable, after: LockTable, at: number): void => {
    for (const granted of after.rows.filter(({ state }) => state === 'held')) {
      const earlier = before.rows.find(({ lockId }) => lockId === granted.lockId);
      if (earlier?.state === 'held' || thefts.has(granted.lockId)) continue;
      const since = earlier?.fence ?? granted.fence;
      const overtaken = after.rows.find(
        ({ state, fence, path, expiresAt }) =>
          state === 'waiting' && expiresAt > at && fence < since && conflict(path, granted.path),
      );
      if (overtaken) fail(`${granted.lockId} was granted before ${overtaken.lockId}, which has waited for longer`);
    }
  };

  const skews = Array.from({ length: INSTANCES }, () => 0);
  let dead: number | undefined;
  const instance = (index: number): Manager => {
    const own: Clock = { ...clock, now: () => clock.now() + (skews[index] ?? 0) };
    const plain = connectSharedLog(store, {
      clock: own,
      instance: `i${index}`,
      logNow: mutant?.instanceClocks ? own.now : clock.now,
      publicationDelay: () => (random() < 0.1 ? undefined : Math.floor(random() * 50)),
    });
    const watched: OrderedLog = {
      ...plain,
      open: (campaignId, generation, archived, listener) =>
        plain.open(campaignId, generation, archived, (event) => {
          if (event.kind === 'locks') observeTable(event.table);
          listener(event);
        }),
      async append(campaignId, expected, entries, locks) {
        // The log appends within the call: a moment later its locks may be others.
        const [there, at] = [store.campaigns.get(campaignId), clock.now()];
        const answer = await plain.append(campaignId, expected, entries, locks);
        if (answer.kind === 'appended')
          observeAppend(
            there,
            at,
            entries.map(({ record }) => record.mutationId),
          );
        return answer;
      },
    };
    const observed: OrderedLog = {
      ...watched,
      async changeLocks(campaignId, change) {
        // Within the call, as in `append`.
        const [before, at] = [store.campaigns.get(campaignId)?.locks, clock.now()];
        const answer = await watched.changeLocks(campaignId, change);
        if (answer.kind === 'changed' && before) observeGrants(before, answer.reading.table, at);
        return answer;
      },
    };
    const sabotaged = mutant?.log?.(observed, store) ?? observed;
    /** Paused before and after, sometimes for longer than a lease; or carried out, and not answered. */
    const held = async <T>(call: () => Promise<T>): Promise<T> => {
      if (dead === index) return new Promise(() => undefined);
      if (isOver) return call();
      if (random() < 0.3) await sleep(random() < 0.15 ? random() * 6_000 : random() * 30);
      const answer = await call();
      if (random() < 0.05) throw new Error('the answer was lost');
      return answer;
    };
    const log: OrderedLog = {
      ...sabotaged,
      append: (...given) => held(() => sabotaged.append(...given)),
      changeLocks: (...given) => held(() => sabotaged.changeLocks(...given)),
    };
    return createManager({
      log,
      archive: createMemoryArchive({ store: archive, soleUser: false }),
      clock: own,
      lockPolicy: 'editors',
    });
  };
  const managers = Array.from({ length: INSTANCES }, (_, index) => instance(index));
  const [first] = managers;
  if (!first) throw new Error('there are some');
  const state = { slug: ID, title: 'Summer', ui_content: { banner: 'Hello' } };
  const caller = (id: string, signal?: AbortSignal): Caller => ({
    identity: { id, grants: { '*': 'admin' } },
    correlationId: id,
    ...(signal && { signal }),
  });
  await clock.until(first.create(caller('root'), ID, state, {}), 60_000);

  /** Carries out an operation, and notes what its client sees of it. */
  const operate = async <T>(
    base: Pick<LockOperation, 'kind' | 'client' | 'path'> & { readonly fence?: number },
    call: () => Promise<T>,
    seen: (answer: T) => Partial<LockOperation>,
  ): Promise<T | undefined> => {
    const invokedAt = clock.now();
    try {
      const answer = await call();
      history.push({ ...base, invokedAt, answeredAt: clock.now(), outcome: 'ok', ...seen(answer) });
      note(`${base.client} ${base.kind} ${base.path.join('.')} ok ${JSON.stringify(seen(answer))}`);
      return answer;
    } catch (error) {
      const reason = error instanceof RefusalError ? error.refusal.reason : 'none';
      if (reason === 'LOCKED') counts.locked += 1;
      if (reason === 'LOCK_LOST') counts.lost += 1;
      const outcome = ['LOCKED', 'LOCK_LOST'].includes(reason) ? 'refused' : 'unknown';
      history.push({ ...base, invokedAt, answeredAt: outcome === 'refused' ? clock.now() : undefined, outcome });
      note(`${base.client} ${base.kind} ${base.path.join('.')} ${reason}`);
      if (reason === 'none') throw error;
      return undefined;
    }
  };

  const edit = async (client: string, path: readonly string[], lock: GrantedLock | undefined): Promise<void> => {
    const mutationId = clock.id();
    intents.set(mutationId, { path, lock });
    const [field, key] = path;
    const value = `${client} ${mutationId}`;
    const updates =
      field === undefined || key === undefined ? { [field ?? 'title']: value } : { [field]: { [key]: value } };
    // Of a section that is one text, or a title: what is written is what is locked, or below it.
    const touched =
      field === 'ui_content' && key === undefined ? ['ui_content', 'note'] : path.length > 0 ? path : ['title'];
    const command =
      touched[1] === 'note'
        ? ({ type: 'update', updates: { ui_content: { note: value } } } as const)
        : ({ type: 'update', updates } as const);
    intents.set(mutationId, { path: touched, lock });
    const answered = await operate(
      { kind: 'edit', client, path: touched, ...(lock && { fence: lock.fence }) },
      () =>
        pick(managers).mutate(caller(client), ID, command, {
          mutationId,
          ...(lock && { lock: { lockId: lock.lockId, fence: lock.fence } }),
        }),
      () => ({ order: orderOf.get(mutationId) ?? 0 }),
    );
    if (answered) counts.edits += 1;
  };

  const actor = async (client: string): Promise<void> => {
    while (!isOver) {
      await sleep(random() * 1_500);
      const path = pick(PATHS);
      if (random() < 0.35) {
        await edit(client, path, undefined);
        continue;
      }
      const manager = pick(managers);
      const ttlMs = 1_000 + Math.floor(random() * 4_000);
      const lockId = clock.id();
      const kind = random() < 0.15 ? 'steal' : 'acquire';
      if (kind === 'steal') thefts.add(lockId);
      const given = new AbortController();
      const giveUp = clock.after(8_000, () => given.abort());
      const lock = await operate(
        { kind, client, path },
        () =>
          kind === 'steal'
            ? manager.locks.steal(caller(client), {}, ID, { path, ttlMs, lockId })
            : manager.locks.acquire(caller(client, given.signal), {}, ID, {
                path,
                ttlMs,
                lockId,
                wait: random() < 0.4,
              }),
        ({ fence, expiresAt }) => ({ fence, expiresAt }),
      );
      giveUp();
      if (!lock) continue;
      counts.grants += 1;
      for (let edits = Math.floor(random() * 3); edits >= 0; edits -= 1) {
        // Now and then beyond the lease.
        await sleep(random() < 0.3 ? random() * 2 * ttlMs : random() * 300);
        await edit(client, path, lock);
      }
      if (random() < 0.7)
        await operate(
          { kind: 'release', client, path, fence: lock.fence },
          () => pick(managers).locks.release(caller(client), {}, ID, lockId),
          () => ({}),
        );
    }
  };

  const faults = async (): Promise<void> => {
    for (;;) {
      await sleep(2_000 + random() * 8_000);
      if (isOver) return;
      counts.faults += 1;
      const fault = pick(['flush', 'restart', 'replicate', 'promote', 'jump', 'jump'] as const);
      note(fault);
      if (fault === 'jump') skews[Math.floor(random() * INSTANCES)] = (random() - 0.5) * 120_000;
      else {
        if (fault !== 'replicate') voidedAt.push(clock.now());
        store[fault]();
      }
    }
  };

  const acting = Promise.all([...Array.from({ length: ACTORS }, (_, index) => actor(`actor${index}`)), faults()]);
  acting.catch((error: unknown) => fail(`an actor failed: ${String(error)}`));
  await clock.advance(RUN_MS);
  isOver = true;
  await clock.until(
    acting.catch(() => undefined),
    120_000,
  );
  // Nobody is locked out: what was left behind ends by itself.
  await clock.advance(5_000 + 3_000);
  const last = first.locks.acquire(caller('last'), {}, ID, { path: [], ttlMs: 1_000, wait: true });
  try {
    await clock.until(last, 15_000);
  } catch (error) {
    fail(`somebody was locked out: ${String(error)}`);
  }
  // Nor by those who waited at an instance that dies, the holder among them: none of them takes its turn.
  const doomed = { path: [], ttlMs: DOOMED_TTL_MS, wait: true };
  for (let index = 0; index < DOOMED; index += 1)
    managers[INSTANCES - 1]?.locks.acquire(caller(`doomed${index}`), {}, ID, doomed).catch(() => undefined);
  await clock.advance(500);
  dead = INSTANCES - 1;
  try {
    const after = first.locks.acquire(caller('after'), {}, ID, { path: [], ttlMs: 1_000, wait: true });
    await clock.until(after, DOOMED_TTL_MS + LOCKOUT_MS);
  } catch (error) {
    fail(`somebody was locked out by an instance that died: ${String(error)}`);
  }
  const wrong = checkLockHistory(history, voidedAt);
  if (wrong !== undefined) fail(wrong);
  const living = managers.filter((_, index) => index !== dead);
  await clock.until(Promise.all(living.map((manager) => manager.stop(1_000))), 60_000);
  return { violation, journal, counts };
}
