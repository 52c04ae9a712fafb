import { describe, expect, it } from 'vitest';
import { createMemoryArchive, createMemoryStore, type MemoryStore } from '../../../server/archive/memory-archive.ts';
import { RefusalError } from '../../../server/core/errors.ts';
import type { LockList } from '../../../server/core/locks/lock-view.ts';
import { recoverCampaign } from '../../../server/engine/campaign/log-recovery.ts';
import { createManager, type Manager, type ManagerOptions } from '../../../server/engine/manager.ts';
import type { Archive, OrderedLog } from '../../../server/engine/ports.ts';
import { CALLERS, CAMPAIGN, engineWorld, FIRST_STATE, refusal, setTitle } from '../../support/engine-world.ts';
import { gate } from '../../support/gate.ts';
import { connectSharedLog, createSharedLogStore } from '../../support/shared-log.ts';
import { simulatedClock, type SimulatedClock } from '../../support/simulated-clock.ts';
import { testReader, watch, WAYS } from '../../support/watching.ts';

const { admin, editor, viewer, anonymous, stranger } = CALLERS;
const DAY = 24 * 60 * 60 * 1_000;

/** Two instances over one log and one archive; `around` may reach into the ports of the first. */
async function instances(
  around: {
    archive?: (archive: Archive) => Archive;
    log?: (log: OrderedLog) => OrderedLog;
    options?: Partial<ManagerOptions>;
  } = {},
) {
  const clock = simulatedClock();
  const store = createSharedLogStore();
  const disk = createMemoryStore();
  const [a, b] = [0, 1].map((index): Manager => {
    const log = connectSharedLog(store, { clock, instance: `i${index}` });
    const archive = createMemoryArchive({ store: disk, soleUser: false });
    return createManager({
      log: (index === 0 && around.log?.(log)) || log,
      archive: (index === 0 && around.archive?.(archive)) || archive,
      clock,
      instance: `i${index}`,
      ...around.options,
    });
  });
  if (!a || !b) throw new Error('there are two');
  await clock.until(a.create(admin, CAMPAIGN, FIRST_STATE, {}), 30_000);
  await clock.until(b.get(admin, CAMPAIGN), 30_000);
  return { clock, store, disk, a, b };
}

const isDeleted = (end: unknown): boolean =>
  end instanceof RefusalError && end.refusal.reason === 'NOT_FOUND' && end.refusal.deletedAt !== undefined;

/** Whether anything is left of a campaign but the record of its deletion. */
function leftOf({ campaigns, restores, audit }: MemoryStore, campaignId: string): boolean {
  const staged = [...restores.values()].some(
    ({ entries, states }) => entries.has(campaignId) || states.has(campaignId),
  );
  return campaigns.has(campaignId) || audit.signed.has(campaignId) || staged;
}

describe('deletion', () => {
  it('V1 a campaign is deleted seven days after it was archived, or at once with now, by its admins alone', async () => {
    const { clock, manager, create, change } = engineWorld();
    await create();
    const remove = (now?: boolean, caller = admin) =>
      clock.until(manager.delete(caller, CAMPAIGN, now === undefined ? {} : { now }), 60_000);
    expect(await refusal(remove())).toMatchObject({ reason: 'CONFLICT' });
    await change({ type: 'archive' });
    await clock.advance(7 * DAY - 60_000);
    expect(await refusal(remove())).toMatchObject({
      reason: 'CONFLICT',
      message: expect.stringContaining('2026-01-08'),
    });
    for (const caller of [editor, viewer, anonymous, stranger])
      expect(await refusal(remove(true, caller))).toMatchObject({ reason: 'FORBIDDEN' });
    await clock.advance(60_000);
    expect(await remove()).toMatchObject({ campaignId: CAMPAIGN, complete: true });
    const again = await refusal(remove());
    expect(again).toMatchObject({ reason: 'NOT_FOUND', deletedAt: expect.any(Number) });
    await create('other');
    expect(await clock.until(manager.delete(admin, 'other', { now: true }), 60_000)).toMatchObject({ complete: true });
  });

  it('V2 its id is free again, under a new epoch; what the log held of it is fenced off', async () => {
    const { clock, a, b } = await instances();
    const before = await clock.until(a.get(admin, CAMPAIGN));
    await clock.until(a.delete(admin, CAMPAIGN, { now: true }), 60_000);
    await clock.advance(100);
    expect(
      isDeleted(
        await clock.until(
          b.get(admin, CAMPAIGN).catch((error: unknown) => error),
          60_000,
        ),
      ),
    ).toBe(true);
    const created = await clock.until(b.create(admin, CAMPAIGN, { ...FIRST_STATE, title: 'Next' }, {}), 60_000);
    expect(created).toMatchObject({ version: 1 });
    for (const manager of [a, b]) {
      const now = await clock.until(manager.get(admin, CAMPAIGN), 60_000);
      expect(now).toMatchObject({ state: { title: 'Next' }, version: 1 });
      expect(now.epoch).not.toBe(before.epoch);
      await clock.until(manager.mutate(admin, CAMPAIGN, setTitle('goes on'), { durability: 'durable' }), 60_000);
      expect(await clock.until(manager.history(admin, CAMPAIGN, { limit: 10 }), 60_000)).toMatchObject({
        items: expect.not.arrayContaining([expect.objectContaining({ type: 'archive' })]),
      });
      await clock.until(manager.mutate(admin, CAMPAIGN, { type: 'rollback', toVersion: 1 }, {}), 60_000);
    }
  });

  it.each(WAYS)('V3 whoever watches it is told a typed end, on every instance: %s', async (way) => {
    const { clock, a, b } = await instances();
    const watching = [a, b].flatMap((manager) =>
      [viewer, anonymous].map(({ identity }) => watch(manager, {}, testReader(identity), way)),
    );
    await clock.advance(100);
    expect(watching.map(({ end }) => end)).toEqual([undefined, undefined, undefined, undefined]);
    await clock.until(a.delete(admin, CAMPAIGN, { now: true }), 60_000);
    await clock.advance(5_000);
    expect(watching.map(({ end }) => isDeleted(end))).toEqual([true, true, true, true]);
    expect(watching.map(({ reader }) => reader.listeners)).toEqual([0, 0, 0, 0]);
    expect([a, b].map((manager) => manager.stats())).toMatchObject([
      { campaigns: 0, subscribers: 0 },
      { campaigns: 0, subscribers: 0 },
    ]);
  });

  it('V4 a publication that is lost is made good by the head check: all instances end it', async () => {
    const clock = simulatedClock();
    const store = createSharedLogStore();
    const disk = createMemoryStore();
    const [a, b] = [() => 0, () => undefined].map((publicationDelay, index): Manager => {
      const log = connectSharedLog(store, { clock, instance: `i${index}`, publicationDelay });
      return createManager({ log, archive: createMemoryArchive({ store: disk, soleUser: false }), clock });
    });
    if (!a || !b) throw new Error('there are two');
    await clock.until(a.create(admin, CAMPAIGN, FIRST_STATE, {}), 30_000);
    const deaf = watch(b);
    await clock.advance(100);
    await clock.until(a.delete(admin, CAMPAIGN, { now: true }), 60_000);
    await clock.advance(5_000);
    expect(isDeleted(deaf.end)).toBe(true);
  });

  it('V5 locks end with it, waiting for them too, and so does presence', async () => {
    const { clock, store, a, b } = await instances();
    const ttl = { ttlMs: 100_000, path: ['title'] };
    const owner = {};
    await clock.until(b.locks.acquire(editor, owner, CAMPAIGN, ttl), 60_000);
    const waiting = b.locks.acquire(admin, owner, CAMPAIGN, { ...ttl, wait: true }).catch((error: unknown) => error);
    const heard: LockList[] = [];
    const drain = async (stream: AsyncIterable<LockList>): Promise<unknown> => {
      for await (const list of stream) heard.push(list);
      return undefined;
    };
    const locks = drain(b.locks.watch(editor, testReader(editor.identity), CAMPAIGN)).catch((error: unknown) => error);
    const presence = (async () => {
      for await (const _ of b.presence.watch(editor, testReader(editor.identity), CAMPAIGN));
    })().catch((error: unknown) => error);
    await clock.advance(1_000);
    expect(heard.at(-1)?.locks).toHaveLength(1);
    await clock.until(a.delete(admin, CAMPAIGN, { now: true }), 60_000);
    for (const ended of [waiting, locks, presence]) expect(isDeleted(await clock.until(ended, 60_000))).toBe(true);
    expect(store.campaigns.has(CAMPAIGN)).toBe(false);
    await clock.until(a.create(admin, CAMPAIGN, FIRST_STATE, {}), 60_000);
    expect((await clock.until(b.locks.list(editor, CAMPAIGN), 60_000)).locks).toEqual([]);
    await clock.advance(15_000);
    expect(store.presence.get(CAMPAIGN)?.size ?? 0).toBe(0);
  });

  it('V6 a command of another instance that is under way is refused, never lost in silence', async () => {
    const held = gate();
    const { clock, a, b } = await instances({
      archive: (archive) => ({
        ...archive,
        // Between the log and the archive: the log has removed it, and the archive has it still.
        async remove(deletion) {
          await held.pass();
          return archive.remove(deletion);
        },
      }),
    });
    await clock.until(a.mutate(admin, CAMPAIGN, { type: 'archive' }, {}), 60_000);
    held.shut();
    const deletion = a.delete(admin, CAMPAIGN, { now: true });
    await clock.advance(500);
    const commands = [
      b.mutate(admin, CAMPAIGN, { type: 'restore' }, { mutationId: 'back' }),
      b.push(editor, CAMPAIGN, [{ mutationId: 'edit', command: setTitle('lost?') }]),
    ].map((command) =>
      command.then(
        () => 'taken',
        (error: unknown) => error,
      ),
    );
    await clock.advance(200);
    held.open();
    expect(await clock.until(deletion, 60_000)).toMatchObject({ complete: true });
    for (const command of commands) expect(isDeleted(await clock.until(command, 60_000))).toBe(true);
  });

  it('V7 a deletion that was overtaken by a recovery of the campaign looks anew at what it has come to', async () => {
    let removals = 0;
    const world = await instances({
      archive: (archive) => ({
        ...archive,
        async remove(deletion) {
          removals += 1;
          // The other instance finds it missing in the log, and has it enter again, before the archive is asked.
          if (removals === 1) {
            const watching = watch(world.b);
            await world.clock.advance(4_000);
            watching.abort();
          }
          return archive.remove(deletion);
        },
      }),
    });
    const { clock, a, disk } = world;
    const deletion = a.delete(admin, CAMPAIGN, { now: true });
    expect(await clock.until(deletion, 120_000)).toMatchObject({ complete: true });
    expect(removals).toBe(2);
    expect(leftOf(disk, CAMPAIGN)).toBe(false);
  });

  it('V8 G3 an edit that was made on it is refused by the campaign that has its id now, and so is its stream', async () => {
    const { clock, a, b } = await instances();
    const watching = watch(a, {}, testReader(editor.identity));
    await clock.advance(100);
    const lastEventId = watching.events.at(-1)?.resumeId;
    const base = (await clock.until(a.mutate(editor, CAMPAIGN, setTitle('old'), {}))) as { position: string };
    await clock.until(a.delete(admin, CAMPAIGN, { now: true }), 60_000);
    await clock.until(a.create(admin, CAMPAIGN, { ...FIRST_STATE, title: 'Next' }, {}), 60_000);
    await clock.advance(100);

    const mutations = [
      { mutationId: 'old-edit', command: setTitle('from the grave'), base: base.position },
      { mutationId: 'new-edit', command: setTitle('Fresh') },
    ];
    const outcomes = await clock.until(b.push(editor, CAMPAIGN, mutations), 60_000);
    expect(outcomes).toMatchObject([
      { ok: false, mutationId: 'old-edit', error: { reason: 'NOT_FOUND', deletedAt: expect.any(Number) } },
      { ok: true },
    ]);
    for (const way of WAYS) {
      const old = watch(b, { lastEventId: lastEventId ?? '' }, testReader(editor.identity), way);
      await clock.advance(100);
      expect(isDeleted(old.end)).toBe(true);
      const fresh = watch(b, {}, testReader(editor.identity), way);
      await clock.advance(100);
      expect(fresh.events.at(-1)?.event).toMatchObject({ type: 'snapshot', state: { title: 'Fresh' } });
      fresh.abort();
    }
    // As long as the id is known: also after the window has forgotten, and after a reload.
    const direct = { mutationId: 'once more', base: base.position };
    expect(
      isDeleted(await clock.until(a.mutate(editor, CAMPAIGN, setTitle('x'), direct).catch((e: unknown) => e))),
    ).toBe(true);
  });

  it('V9 G11 a caller without a token learns of the deletion of what it could read, and of nothing else', async () => {
    const { clock, manager, create, change } = engineWorld();
    await create('seen');
    await create('draft', { ...FIRST_STATE, slug: 'draft', status: 'draft' });
    for (const campaignId of ['seen', 'draft']) {
      await change({ type: 'archive' }, {}, campaignId);
      await clock.until(manager.delete(admin, campaignId, { now: true }), 60_000);
    }
    const said = async (campaignId: string, caller = anonymous) =>
      refusal(clock.until(manager.get(caller, campaignId)));
    expect(await said('seen')).toMatchObject({ deletedAt: expect.any(Number) });
    const { message, ...unknown } = await said('nothing');
    expect(await said('draft')).toEqual({ ...unknown, message: message.replace('nothing', 'draft') });
    expect(await said('draft', viewer)).toMatchObject({ deletedAt: expect.any(Number) });
    expect(await said('seen', stranger)).toMatchObject({ reason: 'FORBIDDEN' });
  });

  it('V10 what a start file brings does not come back where it was deleted', async () => {
    const { clock, manager } = engineWorld();
    expect(await clock.until(manager.ensure(CAMPAIGN, FIRST_STATE))).toBe(true);
    await clock.until(manager.delete(admin, CAMPAIGN, { now: true }), 60_000);
    expect(await clock.until(manager.ensure(CAMPAIGN, FIRST_STATE))).toBe(false);
  });

  it('V11 as long as the rest of it is not gone, its id is not free, and the caller is asked to try again', async () => {
    const away = { is: true };
    const { clock, a, b, disk } = await instances({
      log: (log) => ({
        ...log,
        clear: (...args) => (away.is ? Promise.reject(new Error('away')) : log.clear(...args)),
      }),
      archive: (archive) => ({
        ...archive,
        openDeletions: () => (away.is ? Promise.reject(new Error('away')) : archive.openDeletions()),
      }),
    });
    const hold = disk.deletions;
    expect(await clock.until(a.delete(admin, CAMPAIGN, { now: true }), 60_000)).toMatchObject({ complete: false });
    expect(hold).toMatchObject([{ complete: false }]);
    const early = await refusal(clock.until(a.create(admin, CAMPAIGN, FIRST_STATE, {}), 60_000));
    expect(early).toMatchObject({ reason: 'UNAVAILABLE' });
    // The other instance completes it.
    await clock.advance(30_000);
    expect(hold).toMatchObject([{ complete: true }]);
    expect(await clock.until(b.create(admin, CAMPAIGN, FIRST_STATE, {}), 60_000)).toMatchObject({ version: 1 });
  });
});

it('V13 an instance that enters it in the log behind a deletion takes that back', async () => {
  const clock = simulatedClock();
  const redis = createSharedLogStore();
  const archive = createMemoryArchive({ soleUser: false });
  const log = connectSharedLog(redis, { clock, instance: 'late' });
  const world = createManager({ log: connectSharedLog(redis, { clock, instance: 'first' }), archive, clock });
  await clock.until(world.create(admin, CAMPAIGN, FIRST_STATE, {}), 30_000);
  await clock.until(world.mutate(admin, CAMPAIGN, { type: 'archive' }, {}), 30_000);
  await clock.until(world.stop(1_000), 30_000);
  redis.flush();
  const slow: OrderedLog = {
    ...log,
    // Between the two writes of an entry into the log it is deleted, with what the log had of it.
    async seed(campaignId, generation, head) {
      const deletion = { campaignId, at: 1, by: 'ada', correlationId: 'c', instance: 'i', epochs: [head.epoch] };
      expect(await archive.remove({ ...deletion, head, generation, wasPublished: true })).toBe(true);
      await archive.completeDeletion(campaignId);
      await log.seed(campaignId, generation, head);
    },
  };
  const parts = { log: slow, archive, clock, recentEntries: 10 };
  const recovered = recoverCampaign(CAMPAIGN, undefined, () => undefined, parts).catch((error: unknown) => error);
  expect(isDeleted(await clock.until(recovered, 30_000))).toBe(true);
  expect(redis.campaigns.has(CAMPAIGN)).toBe(false);
});

/** Calls of the ports at which a deletion can be cut off. */
type Cut = { readonly call: number; readonly side: 'before' | 'after' };

/** A port whose calls stop for ever at the cut, as a process does that is killed there. */
function dying<T extends object>(port: T, methods: readonly (keyof T)[], count: { calls: number }, cut: Cut): T {
  const dead = new Promise<never>(() => undefined);
  const wrapped = methods.map((name) => {
    const method = port[name] as unknown as (...args: unknown[]) => Promise<unknown>;
    return [
      name,
      async (...args: unknown[]) => {
        count.calls += 1;
        const mine = count.calls;
        if (mine > cut.call || (mine === cut.call && cut.side === 'before')) return dead;
        const answer = await method.call(port, ...args);
        return mine === cut.call ? dead : answer;
      },
    ] as const;
  });
  // The same port, with these methods replaced.
  return Object.assign({}, port, Object.fromEntries(wrapped));
}

describe('a deletion that is cut off', () => {
  it('V12 is done or not begun, wherever it is cut off, and completed by a restart; old clients are told, and nothing of it comes back', async () => {
    let cuts = 0;
    for (let call = 1; call <= 12; call += 1) {
      for (const side of ['before', 'after'] as const) {
        const clock: SimulatedClock = simulatedClock(call);
        const disk = createMemoryStore();
        const redis = createSharedLogStore();
        const open = (index: number, cut?: Cut): Manager => {
          const log = connectSharedLog(redis, { clock, instance: `i${index}` });
          const archive = createMemoryArchive({ store: disk, soleUser: false });
          if (!cut) return createManager({ log, archive, clock });
          const count = { calls: 0 };
          return createManager({
            log: dying(log, ['remove', 'clear'], count, cut),
            archive: dying(archive, ['remove', 'removeRows', 'completeDeletion'], count, cut),
            clock,
          });
        };
        const doomed = open(0, { call, side });
        const other = open(1);
        await clock.until(other.create(admin, CAMPAIGN, { ...FIRST_STATE, title: 'Old' }, {}), 30_000);
        await clock.until(doomed.mutate(admin, CAMPAIGN, { type: 'archive' }, {}), 30_000);
        const client = watch(other, {}, testReader(editor.identity));
        await clock.advance(100);
        const base = client.events.at(-1)?.resumeId ?? '';
        void doomed.delete(admin, CAMPAIGN, { now: true }).then(
          () => undefined,
          () => undefined,
        );
        await clock.advance(60_000);
        const after = open(2);
        await clock.advance(60_000);

        const record = disk.deletions[0];
        if (record) {
          cuts += 1;
          expect(record.complete).toBe(true);
          expect(leftOf(disk, CAMPAIGN)).toBe(false);
          expect(redis.campaigns.has(CAMPAIGN)).toBe(false);
          expect(isDeleted(client.end)).toBe(true);
          await clock.until(after.create(admin, CAMPAIGN, { ...FIRST_STATE, title: 'Next' }, {}), 30_000);
        } else {
          // Nothing has happened, but that it may have entered the log again in a new epoch.
          expect(client.end).toBeUndefined();
          await clock.until(after.mutate(admin, CAMPAIGN, { type: 'restore' }, {}), 60_000);
        }
        const sent = await clock.until(
          other
            .push(editor, CAMPAIGN, [{ mutationId: 'old', command: setTitle('Edited'), base }])
            .catch(() => 'failed'),
          60_000,
        );
        const { state } = await clock.until(other.get(admin, CAMPAIGN), 30_000);
        if (record) {
          expect(sent).toMatchObject([{ ok: false, error: { deletedAt: expect.any(Number) } }]);
          expect(state).toMatchObject({ title: 'Next' });
        } else {
          expect(sent).toMatchObject([{ ok: true }]);
          expect(state).toMatchObject({ title: 'Edited' });
        }
        client.abort();
      }
    }
    expect(cuts).toBeGreaterThan(4);
  });
});
