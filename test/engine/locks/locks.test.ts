import { describe, expect, it } from 'vitest';
import { JOBS, LOCK_LIMITS } from '../../../server/core/locks/lock-table.ts';
import { createMemoryArchive, createMemoryStore } from '../../../server/archive/memory-archive.ts';
import type { GrantedLock, LockList } from '../../../server/core/locks/lock-view.ts';
import { createManager, type Manager } from '../../../server/engine/manager.ts';
import type { Caller, Reader } from '../../../server/engine/service.ts';
import {
  asReceipt,
  CALLERS,
  CAMPAIGN,
  engineWorld,
  FIRST_STATE,
  refusal,
  setTitle,
} from '../../support/engine-world.ts';
import { connectSharedLog, createSharedLogStore } from '../../support/shared-log.ts';
import { simulatedClock } from '../../support/simulated-clock.ts';

const { editor, admin, viewer, stranger } = CALLERS;
const TTL = { ttlMs: 10_000 };
const here = {};

const token = ({ lockId, fence }: GrantedLock) => ({ lock: { lockId, fence } });

function readerOf({ identity }: Caller): Reader {
  return {
    identity: () => identity,
    bufferedBytes: () => 0,
    onIdentity: () => () => undefined,
    disconnect: () => undefined,
  };
}

async function world(options = {}) {
  const made = engineWorld(options);
  await made.create();
  const { manager, clock } = made;
  return {
    ...made,
    locks: manager.locks,
    acquire: (given = {}, caller: Caller = editor, owner: object = here) =>
      clock.until(manager.locks.acquire(caller, owner, CAMPAIGN, { ...TTL, ...given }), 600_000),
    edit: (title: string, given = {}, caller: Caller = editor) =>
      clock.until(manager.mutate(caller, CAMPAIGN, setTitle(title), given)),
  };
}

/** Two instances over one log, with clocks of their own. */
async function instances(skew = 0) {
  const clock = simulatedClock();
  const store = createSharedLogStore();
  const archive = createMemoryStore();
  const managers = [0, 1].map((index): Manager => {
    const own = { ...clock, now: () => clock.now() + (index === 1 ? skew : 0) };
    const log = connectSharedLog(store, { clock: own, instance: `i${index}`, logNow: clock.now });
    return createManager({ log, archive: createMemoryArchive({ store: archive, soleUser: false }), clock: own });
  });
  const [a, b] = managers;
  if (!a || !b) throw new Error('there are two');
  await clock.until(a.create(admin, CAMPAIGN, FIRST_STATE, {}), 30_000);
  await clock.until(b.get(admin, CAMPAIGN), 30_000);
  return { clock, store, a, b, stop: () => clock.until(Promise.all(managers.map((each) => each.stop(1_000))), 30_000) };
}

describe('locks of the engine', () => {
  it('J30 an edit of a locked path is LOCKED, under its lock it is taken, and after the lock is over it is LOCK_LOST', async () => {
    const { acquire, edit, locks, clock } = await world();
    const lock = await acquire({ path: ['title'], note: 'the launch' });
    expect(await refusal(edit('a'))).toMatchObject({
      reason: 'LOCKED',
      holder: 'ed',
      note: 'the launch',
      path: ['title'],
      expiresAt: lock.expiresAt,
    });
    expect(await refusal(edit('a', {}, admin))).toMatchObject({ reason: 'LOCKED' });
    expect(await refusal(edit('a', { ...token(lock), dryRun: true as const }, admin))).toMatchObject({
      reason: 'LOCK_LOST',
    });
    expect(await refusal(edit('a', { dryRun: true as const }))).toMatchObject({ reason: 'LOCKED' });
    expect(asReceipt(await edit('a', token(lock))).version).toBe(2);
    await clock.until(locks.release(editor, here, CAMPAIGN, lock.lockId));
    expect(await refusal(edit('b', token(lock)))).toMatchObject({ reason: 'LOCK_LOST' });
    expect(asReceipt(await edit('b')).version).toBe(3);
  });

  it('J31 a lock ends with its time, a renewal begins it anew, and only its holder can renew it', async () => {
    const { acquire, edit, locks, clock } = await world();
    const lock = await acquire({ path: [] });
    await clock.advance(6_000);
    const renewal = { lockId: lock.lockId, fence: lock.fence };
    expect(await refusal(clock.until(locks.renew(admin, here, CAMPAIGN, renewal)))).toMatchObject({
      reason: 'LOCK_LOST',
    });
    const renewed = await clock.until(locks.renew(editor, here, CAMPAIGN, renewal));
    expect([renewed.fence, renewed.expiresAt]).toEqual([lock.fence, lock.expiresAt + 6_000]);
    await clock.advance(6_000);
    await edit('a', token(lock));
    await clock.advance(4_000);
    expect(await refusal(edit('b', token(lock)))).toMatchObject({ reason: 'LOCK_LOST' });
    expect(await refusal(clock.until(locks.renew(editor, here, CAMPAIGN, renewal)))).toMatchObject({
      reason: 'LOCK_LOST',
    });
    await edit('c');
  });

  it('J32 an edit that was applied under a lock is answered so to a retry, whatever has become of the lock', async () => {
    const { acquire, edit, clock } = await world();
    const lock = await acquire({ path: ['title'] });
    const options = { ...token(lock), mutationId: 'm1' };
    const first = asReceipt(await edit('a', options));
    await clock.advance(20_000);
    expect(asReceipt(await edit('a', options)).position).toBe(first.position);
  });

  it('J33 in a push each edit carries its own locks; a refused one is not sent again by itself, and what follows is decided', async () => {
    const { acquire, manager, clock } = await world();
    const lock = await acquire({ path: ['title'] });
    const outcomes = await clock.until(
      manager.push(editor, CAMPAIGN, [
        { mutationId: 'm1', command: setTitle('a') },
        { mutationId: 'm2', command: setTitle('b'), ...token(lock) },
        { mutationId: 'm3', command: { type: 'updateFeatures', features: ['x'], action: 'set' } },
        { mutationId: 'm4', command: setTitle('c'), lock: { lockId: lock.lockId, fence: lock.fence - 1 } },
      ]),
    );
    expect(outcomes.map((outcome) => (outcome.ok ? 'ok' : outcome.error.reason))).toEqual([
      'LOCKED',
      'ok',
      'ok',
      'LOCK_LOST',
    ]);
    expect(outcomes.map((outcome) => outcome.ok || outcome.error.retryable)).toEqual([false, true, true, false]);
  });

  it('G7 J34 a refused copy of a pushed edit is refused for good, so that it cannot pass behind later ones', async () => {
    const { acquire, manager, clock, locks } = await world();
    const lock = await acquire({ path: ['title'] });
    const push = () => manager.push(editor, CAMPAIGN, [{ mutationId: 'm1', command: setTitle('a'), isRetry: true }]);
    expect((await clock.until(push()))[0]).toMatchObject({ ok: false, error: { reason: 'LOCKED' } });
    await clock.until(locks.release(editor, here, CAMPAIGN, lock.lockId));
    expect((await clock.until(push()))[0]).toMatchObject({ ok: false, error: { reason: 'CONFLICT' } });
  });

  it('J35 who waits is granted when the lock is released, and when it expires, in order', async () => {
    const { acquire, locks, clock, manager } = await world();
    const first = await acquire();
    const order: string[] = [];
    const wait = (caller: Caller) =>
      manager.locks.acquire(caller, {}, CAMPAIGN, { ...TTL, wait: true }).then((lock) => {
        order.push(lock.holder);
        return lock;
      });
    const [second, third] = [wait(admin), wait(editor)];
    await clock.advance(4_000);
    expect(order).toEqual([]);
    await clock.until(locks.release(editor, here, CAMPAIGN, first.lockId));
    expect((await second).fence).toBeGreaterThan(first.fence);
    await clock.advance(10_100);
    await third;
    expect(order).toEqual(['ada', 'ed']);
  });

  it('J36 who goes away leaves the queue, and is not granted what becomes free', async () => {
    const { acquire, locks, clock, manager } = await world();
    const first = await acquire();
    const gone = new AbortController();
    const left = refusal(
      manager.locks.acquire({ ...admin, signal: gone.signal }, {}, CAMPAIGN, { ...TTL, wait: true }),
    );
    const stays = manager.locks.acquire(admin, {}, CAMPAIGN, { ...TTL, wait: true });
    await clock.advance(100);
    gone.abort();
    await clock.until(locks.release(editor, here, CAMPAIGN, first.lockId));
    expect(await clock.until(left)).toMatchObject({ reason: 'LOCK_LOST' });
    const { locks: held } = await clock.until(locks.list(editor, CAMPAIGN));
    expect(held.map(({ lockId }) => lockId)).toEqual([(await clock.until(stays)).lockId]);
  });

  it('J47 a place in the queue stays the same for as long as its caller waits', async () => {
    const { acquire, locks, clock, manager, log } = await world();
    const lock = await acquire({ ttlMs: 60_000 });
    const waits = manager.locks.acquire(admin, {}, CAMPAIGN, { ...TTL, wait: true });
    const place = async () => {
      const outcome = await log.changeLocks(CAMPAIGN, { condition: { revision: 0 }, set: [], removed: [] });
      if (outcome.kind !== 'stale') throw new Error('there is no such revision');
      return outcome.reading.table.rows.find(({ state }) => state === 'waiting')?.fence;
    };
    await clock.advance(100);
    const before = await place();
    expect(before).toBeGreaterThan(lock.fence);
    await clock.advance(30_000);
    expect(await place()).toBe(before);
    await clock.until(locks.release(editor, here, CAMPAIGN, lock.lockId));
    await clock.until(waits);
  });

  it('J46 who gives up its place while it waits is not granted the lock', async () => {
    const { acquire, locks, clock, manager } = await world();
    const first = await acquire();
    const waits = refusal(manager.locks.acquire(admin, here, CAMPAIGN, { ...TTL, wait: true, lockId: 'mine' }));
    await clock.advance(100);
    await clock.until(locks.release(admin, here, CAMPAIGN, 'mine'));
    expect(await clock.until(waits)).toMatchObject({ reason: 'LOCK_LOST' });
    await clock.until(locks.release(editor, here, CAMPAIGN, first.lockId));
    await clock.advance(1_000);
    expect((await clock.until(locks.list(editor, CAMPAIGN))).locks).toEqual([]);
  });

  it('J37 who has waited for too long is told who has the lock', async () => {
    const { acquire, manager, clock, locks } = await world();
    const lock = await acquire({ ttlMs: 300_000 });
    const waits = refusal(manager.locks.acquire(admin, {}, CAMPAIGN, { ...TTL, wait: true }));
    for (let time = 0; time < LOCK_LIMITS.waitMs; time += 100_000) {
      await clock.advance(100_000);
      await clock.until(locks.renew(editor, here, CAMPAIGN, { lockId: lock.lockId, fence: lock.fence }));
    }
    expect(await waits).toMatchObject({ reason: 'LOCKED', holder: 'ed' });
  });

  it('J38 admins take locks over, editors only where the policy says so or it is their own', async () => {
    const { acquire, edit, clock, manager } = await world();
    const lock = await acquire({ path: ['title'] }, admin);
    const steal = (on: Manager, caller: Caller) => on.locks.steal(caller, here, CAMPAIGN, { ...TTL, path: ['title'] });
    expect(await refusal(clock.until(steal(manager, editor)))).toMatchObject({ reason: 'LOCKED', holder: 'ada' });
    const taken = await clock.until(steal(manager, admin));
    expect(await refusal(edit('a', token(lock), admin))).toMatchObject({ reason: 'LOCK_LOST' });
    await edit('b', token(taken), admin);
    const open = await world({ lockPolicy: 'editors' });
    await open.acquire({ path: ['title'] }, admin);
    expect((await open.clock.until(steal(open.manager, editor))).holder).toBe('ed');
  });

  it('J39 only editors lock, and only what their role may change; they see the locks that they may read', async () => {
    const { acquire, locks, clock } = await world({
      rights: { scripts: { write: 'admin' }, budget: { read: 'admin' } },
    });
    expect(await refusal(acquire({}, viewer))).toMatchObject({ reason: 'FORBIDDEN' });
    expect(await refusal(acquire({}, stranger))).toMatchObject({ reason: 'FORBIDDEN' });
    expect(await refusal(acquire({ path: ['scripts', 'a'] }))).toMatchObject({
      reason: 'FORBIDDEN',
      path: ['path', 0],
    });
    await acquire({ path: ['budget'] }, admin);
    await acquire({ path: ['title'] }, admin);
    const seen = async (caller: Caller) =>
      (await clock.until(locks.list(caller, CAMPAIGN))).locks.map(({ path }) => path[0]);
    expect(await seen(admin)).toEqual(['budget', 'title']);
    expect(await seen(editor)).toEqual(['title']);
    expect(await refusal(clock.until(locks.list(viewer, CAMPAIGN)))).toMatchObject({ reason: 'FORBIDDEN' });
  });

  it(`J40 a connection has at most ${LOCK_LIMITS.perOwner} locks, those that ended not counted`, async () => {
    const { acquire, locks, clock } = await world();
    const held: GrantedLock[] = [];
    for (let index = 0; index < LOCK_LIMITS.perOwner; index += 1) held.push(await acquire({ path: [`x${index}`] }));
    expect(await refusal(acquire({ path: ['more'] }))).toMatchObject({
      reason: 'RATE_LIMITED',
      limit: LOCK_LIMITS.perOwner,
    });
    await acquire({ path: ['more'] }, editor, {});
    await clock.until(locks.release(editor, here, CAMPAIGN, held[0]?.lockId ?? ''));
    await acquire({ path: ['x0'] });
    expect(await refusal(acquire({ path: ['more'] }))).toMatchObject({ reason: 'RATE_LIMITED' });
    await clock.advance(10_000);
    await acquire({ path: ['again'] });
  });

  it('J118 a lock goes on being counted whatever is asked for under its id elsewhere', async () => {
    const { acquire, locks, clock, create } = await world();
    await create('another');
    for (let index = 0; index < LOCK_LIMITS.perOwner; index += 1)
      await acquire({ path: [`x${index}`], lockId: `l${index}` });
    await clock.until(locks.acquire(admin, {}, 'another', TTL));
    const elsewhere = clock.until(locks.acquire(editor, {}, 'another', { ...TTL, lockId: 'l0' }));
    expect(await refusal(elsewhere)).toMatchObject({ reason: 'LOCKED' });
    const refused = clock.until(locks.acquire(editor, here, 'another', { ...TTL, lockId: 'l0' }));
    expect((await refusal(refused)).reason).toMatch(/LOCKED|RATE_LIMITED/);
    await clock.until(locks.release(editor, here, 'another', 'l1'));
    await clock.until(locks.release(editor, here, JOBS, 'l2'));
    expect(await refusal(acquire({ path: ['more'] }))).toMatchObject({ reason: 'RATE_LIMITED' });
    // The same attempt again is no second lock.
    expect((await acquire({ path: ['x3'], lockId: 'l3' })).lockId).toBe('l3');
    expect(await refusal(acquire({ path: ['more'] }))).toMatchObject({ reason: 'RATE_LIMITED' });
  });

  it('J41 a watch gives the list, then each change of it, an expiry included', async () => {
    const { acquire, locks, clock } = await world();
    const stop = new AbortController();
    const lists: LockList[] = [];
    const watching = (async () => {
      const stream = locks.watch({ ...editor, signal: stop.signal }, readerOf(editor), CAMPAIGN);
      for await (const list of stream) lists.push(list);
    })();
    await clock.advance(10);
    const lock = await acquire({ path: ['title'] }, admin);
    await clock.advance(10_050);
    expect(lists.map(({ locks: held }) => held.map(({ lockId }) => lockId))).toEqual([[], [lock.lockId], []]);
    stop.abort();
    await clock.until(watching);
    await clock.advance(1);
    expect(await refusal((async () => locks.watch(viewer, readerOf(viewer), CAMPAIGN))())).toMatchObject({
      reason: 'FORBIDDEN',
    });
  });

  it('J42 a campaign with a lock that is alive is not evicted, and its lock holds', async () => {
    const { acquire, edit, clock } = await world({ idleTtl: 1_000 });
    const lock = await acquire({ path: ['title'], ttlMs: 60_000 });
    await clock.advance(30_000);
    expect(await refusal(edit('a'))).toMatchObject({ reason: 'LOCKED' });
    expect(asReceipt(await edit('a', token(lock))).version).toBe(2);
  });

  it('J43 locks hold over instances, whose clocks may be wrong', async () => {
    for (const skew of [-60_000, 60_000]) {
      const { clock, a, b, stop } = await instances(skew);
      const lock = await clock.until(a.locks.acquire(editor, here, CAMPAIGN, TTL));
      expect(await refusal(clock.until(b.mutate(editor, CAMPAIGN, setTitle('a'), {})))).toMatchObject({
        reason: 'LOCKED',
      });
      expect(await refusal(clock.until(b.locks.acquire(admin, here, CAMPAIGN, TTL)))).toMatchObject({
        reason: 'LOCKED',
      });
      await clock.until(b.mutate(editor, CAMPAIGN, setTitle('b'), token(lock)));
      await clock.advance(10_000);
      expect(await refusal(clock.until(b.mutate(editor, CAMPAIGN, setTitle('c'), token(lock))))).toMatchObject({
        reason: 'LOCK_LOST',
      });
      await clock.until(b.locks.acquire(admin, here, CAMPAIGN, TTL));
      await stop();
    }
  });

  it('J44 who waits on one instance is granted what is released on another, or expires there', async () => {
    const { clock, a, b, stop } = await instances();
    const lock = await clock.until(a.locks.acquire(editor, here, CAMPAIGN, TTL));
    const waits = b.locks.acquire(admin, here, CAMPAIGN, { ...TTL, wait: true });
    await clock.advance(3_500);
    await clock.until(a.locks.release(editor, here, CAMPAIGN, lock.lockId));
    const second = await clock.until(waits);
    const third = a.locks.acquire(editor, here, CAMPAIGN, { ...TTL, wait: true });
    await clock.advance(second.expiresAt - clock.now() - 1);
    expect((await clock.until(a.locks.list(editor, CAMPAIGN))).locks.map(({ holder }) => holder)).toEqual(['ada']);
    await clock.advance(100);
    expect((await clock.until(third)).holder).toBe('ed');
    await stop();
  });

  it('J45 the end of an epoch voids all locks; fences go on rising', async () => {
    const { clock, store, a, b, stop } = await instances();
    const lock = await clock.until(a.locks.acquire(editor, here, CAMPAIGN, { ...TTL, ttlMs: 300_000 }));
    store.flush();
    await clock.advance(5_000);
    expect(await refusal(clock.until(a.mutate(editor, CAMPAIGN, setTitle('a'), token(lock)), 30_000))).toMatchObject({
      reason: 'LOCK_LOST',
    });
    expect((await clock.until(b.locks.list(editor, CAMPAIGN))).locks).toEqual([]);
    const again = await clock.until(b.locks.acquire(admin, here, CAMPAIGN, TTL));
    expect(again.fence).toBeGreaterThan(lock.fence);
    await stop();
  });
});

describe('locks of jobs', () => {
  const NIGHTLY = { ...TTL, path: ['nightly'] };

  it('J110 who may edit every campaign locks a job by its name, beside all campaigns and the rights by field', async () => {
    const { clock, locks, acquire, edit } = await world({ rights: { nightly: { read: 'admin' } } });
    const ask = (caller: Caller, given = {}) => clock.until(locks.acquire(caller, {}, JOBS, { ...NIGHTLY, ...given }));
    const lock = await ask(editor, { note: 'of tonight' });
    expect(lock).toEqual({
      lockId: lock.lockId,
      fence: lock.fence,
      path: ['nightly'],
      holder: 'ed',
      note: 'of tonight',
      ttlMs: 10_000,
      expiresAt: lock.now + 10_000,
      now: lock.now,
    });
    expect(await refusal(ask(admin))).toMatchObject({
      reason: 'LOCKED',
      holder: 'ed',
      note: 'of tonight',
      path: ['nightly'],
    });
    expect((await ask(admin, { path: ['nightly-2'] })).holder).toBe('ada');
    const ofOne = { identity: { id: 'one', grants: { [CAMPAIGN]: 'admin' } }, correlationId: 'one' } as const;
    for (const caller of [viewer, stranger, ofOne])
      expect(await refusal(ask(caller, { path: ['other'] }))).toMatchObject({ reason: 'FORBIDDEN' });
    expect(await refusal(clock.until(locks.list(ofOne, JOBS)))).toMatchObject({ reason: 'FORBIDDEN' });
    // No campaign is locked by it, nor is a job by a campaign's lock.
    await acquire({ path: [] });
    expect(await refusal(edit('a'))).toMatchObject({ reason: 'LOCKED', path: [] });
    const { locks: held, campaignId } = await clock.until(locks.list(editor, JOBS));
    expect([campaignId, held.map(({ path }) => path)]).toEqual([undefined, [['nightly'], ['nightly-2']]]);
    expect(await refusal(edit('a', token(lock)))).toMatchObject({ reason: 'LOCK_LOST' });
  });

  it('J111 the lock of a job is renewed, ends with its time, is released and taken over, and its fence rises', async () => {
    const { clock, locks } = await world();
    const ask = (caller: Caller) => clock.until(locks.acquire(caller, here, JOBS, NIGHTLY));
    const lock = await ask(editor);
    await clock.advance(6_000);
    await clock.until(locks.renew(editor, here, JOBS, { lockId: lock.lockId, fence: lock.fence }));
    await clock.advance(6_000);
    expect(await refusal(ask(admin))).toMatchObject({ reason: 'LOCKED' });
    await clock.advance(4_000);
    const second = await ask(admin);
    expect(second.fence).toBeGreaterThan(lock.fence);
    const late = locks.renew(editor, here, JOBS, { lockId: lock.lockId, fence: lock.fence });
    expect(await refusal(clock.until(late))).toMatchObject({ reason: 'LOCK_LOST' });
    const steal = (caller: Caller) => clock.until(locks.steal(caller, here, JOBS, NIGHTLY));
    expect(await refusal(steal(editor))).toMatchObject({ reason: 'LOCKED', holder: 'ada' });
    const stolen = await steal(admin);
    await clock.until(locks.release(admin, here, JOBS, stolen.lockId));
    expect((await ask(editor)).fence).toBeGreaterThan(stolen.fence);
  });

  it('J112 who waits for a job on one instance is granted what is released on another, expires there, or was held by one that died', async () => {
    const { clock, a, b, stop } = await instances(60_000);
    const lock = await clock.until(a.locks.acquire(editor, here, JOBS, NIGHTLY));
    const order: string[] = [];
    const fences: number[] = [lock.fence];
    const wait = async (on: Manager, caller: Caller): Promise<void> => {
      const { holder, fence } = await on.locks.acquire(caller, {}, JOBS, { ...NIGHTLY, wait: true });
      order.push(holder);
      fences.push(fence);
    };
    const first = wait(b, admin);
    await clock.advance(4_000);
    const second = wait(a, editor);
    await clock.advance(4_000);
    expect(order).toEqual([]);
    await clock.until(a.locks.release(editor, here, JOBS, lock.lockId));
    await clock.until(first);
    expect(order).toEqual(['ada']);
    // Its instance is gone, and with it who would release the lock.
    await clock.until(b.stop(1_000), 30_000);
    await clock.until(second, 10_100);
    expect(order).toEqual(['ada', 'ed']);
    expect(fences).toEqual(fences.toSorted((one, other) => one - other));
    await stop();
  });

  it('J113 a log that is flushed, restarted or replaced by a stale replica voids the locks of jobs; fences go on rising', async () => {
    for (const loss of ['flush', 'restart', 'promote'] as const) {
      const { clock, store, a, b, stop } = await instances();
      store.replicate();
      const lock = await clock.until(a.locks.acquire(editor, here, JOBS, { ...NIGHTLY, ttlMs: 300_000 }));
      expect((await clock.until(b.locks.list(editor, JOBS))).locks).toHaveLength(1);
      store[loss]();
      await clock.advance(2_000);
      expect((await clock.until(b.locks.list(editor, JOBS))).locks).toEqual([]);
      const renewal = a.locks.renew(editor, here, JOBS, { lockId: lock.lockId, fence: lock.fence });
      expect(await refusal(clock.until(renewal))).toMatchObject({ reason: 'LOCK_LOST' });
      const again = await clock.until(b.locks.acquire(admin, here, JOBS, NIGHTLY));
      expect(again.fence).toBeGreaterThan(lock.fence);
      await stop();
    }
  });

  it('J114 a watch of jobs gives the list, then each change of it, those of other instances included', async () => {
    const { clock, a, b, stop } = await instances();
    const end = new AbortController();
    const lists: LockList[] = [];
    const watching = (async () => {
      const stream = a.locks.watch({ ...editor, signal: end.signal }, readerOf(editor), JOBS);
      for await (const list of stream) lists.push(list);
    })();
    await clock.advance(10);
    await clock.until(b.locks.acquire(admin, here, JOBS, NIGHTLY));
    await clock.advance(10_100);
    expect(lists.map(({ locks }) => locks.map(({ path }) => path))).toEqual([[], [['nightly']], []]);
    end.abort();
    await clock.until(watching);
    await stop();
  });
});
