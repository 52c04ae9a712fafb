import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../server/core/json.ts';
import { CALLERS, CAMPAIGN, refusal } from '../../support/engine-world.ts';
import { testReader, WAYS } from '../../support/watching.ts';
import {
  ANONYMOUS,
  ARMS,
  armOf,
  bucketOf,
  DEVICE,
  ELSEWHERE,
  explained,
  HOUR,
  LOGGED_IN,
  named,
  OTHER_DEVICE,
  price,
  SEED,
  seen,
  USER,
  watch,
  world,
} from './held-world.ts';

describe.each(WAYS)('places that are held, for readers that are %s', (way) => {
  it('T73 who logs in keeps the arm of its device, and has it from then on everywhere, after a restart too', async () => {
    const one = await world();
    expect([armOf(USER), armOf(DEVICE)]).toEqual(['now', 'lower']);
    expect((await seen(one, ELSEWHERE))?.arm).toBe('now');
    const page = watch(one, way, ANONYMOUS);
    await one.clock.settle();
    expect(page.mirror.assignments['price']).toEqual({ arm: 'lower', reason: 'SPLIT', phase: 1 });
    const loggedIn = watch(one, way, LOGGED_IN);
    await one.clock.settle();
    expect(loggedIn.mirror.assignments['price']).toEqual({ arm: 'lower', reason: 'SPLIT', phase: 1 });
    for (const attributes of [LOGGED_IN, ELSEWHERE, { userId: USER, deviceId: OTHER_DEVICE }])
      expect(await seen(one, attributes)).toEqual({ arm: 'lower', reason: 'SPLIT', phase: 1 });
    const away = watch(one, way, ELSEWHERE);
    await one.clock.settle();
    expect(away.mirror.assignments['price']?.arm).toBe('lower');
    expect(away.mirror.content.state['description']).toBe('a lower price');
    // Whose device it was has no part in it.
    expect((await seen(one, { deviceId: OTHER_DEVICE }))?.arm).toBe('now');
    await one.clock.until(one.manager.stop(1_000));
    const next = await world({ store: one.store });
    expect((await seen(next, ELSEWHERE))?.arm).toBe('lower');
    expect([...one.store.heldPlaces.places.values()]).toHaveLength(1);
    expect(JSON.stringify([...one.store.heldPlaces.places.values()])).not.toContain(USER);
  });

  it('T74 a page that becomes somebody whose arm is held begins anew with it, without another arm in between', async () => {
    const here = await world();
    await seen(here, LOGGED_IN);
    const reader = testReader();
    const page = watch(here, way, {}, reader);
    await here.clock.settle();
    expect(page.mirror.assignments['price']?.reason).toBe('NO_UNIT');
    reader.setViewer({ attributes: ELSEWHERE });
    await here.clock.settle();
    expect(page.mirror.assignments['price']?.arm).toBe('lower');
    const arms = page.events.flatMap(({ event }) =>
      event.type === 'snapshot' ? [event.assignments?.['price']?.arm] : [],
    );
    expect(arms).toEqual([undefined, 'lower']);
  });

  it('T75 a page that is open keeps its arm when another device of its user comes to hold another one', async () => {
    const here = await world();
    const other = { userId: USER, deviceId: OTHER_DEVICE };
    const open = watch(here, way, other);
    await here.clock.settle();
    expect(open.mirror.assignments['price']?.arm).toBe('now');
    await seen(here, LOGGED_IN);
    await here.change({ type: 'update', updates: { title: 'another' } });
    await here.change(price({ description: 'edited' }));
    await here.clock.settle();
    expect(open.mirror.assignments['price']?.arm).toBe('now');
    expect(open.events.filter(({ event }) => event.type === 'snapshot')).toHaveLength(1);
    const joined = watch(here, way, other);
    await here.clock.settle();
    expect(joined.mirror.assignments['price']?.arm).toBe('lower');
  });

  it('T76 a store that hangs holds no join: for a second the first waits, then nobody, and what the device has shows', async () => {
    const answers: (() => void)[] = [];
    let hangs = false;
    const here = await world({
      around: (archive) => ({
        ...archive,
        findHeldPlaces: (units) =>
          hangs
            ? new Promise((resolve, reject) => answers.push(() => archive.findHeldPlaces(units).then(resolve, reject)))
            : archive.findHeldPlaces(units),
      }),
    });
    await seen(here, LOGGED_IN);
    await here.clock.advance(120_000);
    hangs = true;
    const first = watch(here, way, { userId: USER, deviceId: OTHER_DEVICE });
    await here.clock.settle();
    expect(first.events).toEqual([]);
    await here.clock.advance(1_000);
    expect(first.mirror.assignments['price']?.arm).toBe('now');
    const second = watch(here, way, ELSEWHERE);
    await here.clock.settle();
    expect(second.mirror.assignments['price']?.arm).toBe('now');
    // An explanation that may be wrong is none.
    expect((await refusal(explained(here, ELSEWHERE))).reason).toBe('UNAVAILABLE');
    hangs = false;
    for (const answer of answers) answer();
    await here.clock.settle();
    // Nothing that is on a screen changes by that.
    expect(first.events).toHaveLength(1);
    expect((await seen(here, ELSEWHERE))?.arm).toBe('lower');
  });
});

describe('places that are held', () => {
  it('T77 an explanation says that an arm is held, tells what the stream told, and at a version what was held then', async () => {
    const here = await world();
    const { epoch, version } = await here.clock.until(here.manager.get(CALLERS.editor, CAMPAIGN));
    await here.change({ type: 'update', updates: { title: 'later' } });
    const told = await seen(here, LOGGED_IN);
    const bucket = bucketOf(SEED, DEVICE, 2);
    const now = await explained(here, ELSEWHERE);
    expect(now).toMatchObject({ reason: 'HELD', arm: 'lower', held: true, unit: 'userId', bucket, told });
    expect(now.range).toEqual([0, 5_000]);
    expect(await explained(here, LOGGED_IN)).toMatchObject({ reason: 'HELD', unit: 'deviceId', bucket, told });
    expect(await explained(here, ELSEWHERE, `${epoch}:${version}`)).toMatchObject({ reason: 'SPLIT', arm: 'now' });
    expect(await explained(here, ELSEWHERE, `${epoch}:${version + 1}`)).toMatchObject({ reason: 'HELD' });
    const caller = { ...CALLERS.viewer, viewer: { attributes: ELSEWHERE } };
    const then = await here.clock.until(here.manager.at(caller, CAMPAIGN, version));
    expect(then.assignments?.['price']?.arm).toBe('now');
  });

  it('T78 an editor who looks as somebody holds nothing for it', async () => {
    const here = await world();
    expect((await seen(here, LOGGED_IN, CALLERS.editor.identity))?.arm).toBe('lower');
    await explained(here, LOGGED_IN);
    watch(here, 'pull', LOGGED_IN, testReader(CALLERS.editor.identity));
    await here.clock.settle();
    expect(here.store.heldPlaces.places.size).toBe(0);
    expect((await seen(here, ELSEWHERE))?.arm).toBe('now');
  });

  it('T79 where both units lead to one arm nothing is stored, and of a rule that does not reach its viewer neither', async () => {
    const here = await world();
    await seen(here, { userId: USER, deviceId: OTHER_DEVICE });
    await here.change(price({ when: { country: 'NG' } }));
    await seen(here, LOGGED_IN);
    await here.change(price({ status: 'paused' }));
    await seen(here, LOGGED_IN);
    expect(here.store.heldPlaces.places.size).toBe(0);
    await here.change(price());
    await seen(here, LOGGED_IN);
    expect(here.store.heldPlaces.places.size).toBe(1);
  });

  it('T350 a page that is open when a rule begins holds what it is shown', async () => {
    const here = await world();
    await here.change({ type: 'updateRule', key: 'price', rule: null });
    const page = watch(here, 'push', LOGGED_IN);
    await here.clock.settle();
    await here.change(price());
    await here.clock.settle();
    expect(page.mirror.assignments['price']?.arm).toBe('lower');
    expect((await seen(here, ELSEWHERE))?.arm).toBe('lower');
  });

  it('T351 a new phase begins without what was held; a rule that is brought back has it again', async () => {
    const here = await world();
    await seen(here, LOGGED_IN);
    await here.change({ type: 'updateRule', key: 'price', rule: null });
    await here.change(price());
    expect((await seen(here, ELSEWHERE))?.arm).toBe('lower');
    await here.change(price({ phase: 2 }));
    const anew = await explained(here, ELSEWHERE);
    expect(anew).toMatchObject({ reason: 'SPLIT', phase: 2 });
    expect(anew.held).toBeUndefined();
    // With the seed of the phase before, too.
    await here.change(price({ phase: 3, seed: SEED }));
    expect(await explained(here, ELSEWHERE)).toMatchObject({ reason: 'SPLIT', arm: 'now', phase: 3 });
  });

  it('T352 weights move who holds a place as they move its device', async () => {
    const here = await world();
    await seen(here, LOGGED_IN);
    const { now, lower } = ARMS;
    for (const weight of [3, 1, 9]) {
      await here.change(
        price({ arms: { now: { change: {}, ...now, weight }, lower: { change: {}, ...lower, weight: 1 } } }),
      );
      const [device, person] = [await seen(here, ANONYMOUS), await seen(here, ELSEWHERE)];
      expect(person).toEqual(device);
    }
  });

  it('T353 who is forgotten holds nothing any more, nor does anybody in a campaign that is forgotten or deleted', async () => {
    const here = await world();
    const { manager, clock, store } = here;
    const places = () => store.heldPlaces.places.size;
    await seen(here, LOGGED_IN);
    expect((await seen(here, ELSEWHERE))?.arm).toBe('lower');
    expect(places()).toBe(1);
    await clock.until(
      manager.analytics?.forget(CALLERS.admin, CAMPAIGN, { attribute: 'userId', value: USER }) ??
        Promise.reject(new Error('no analytics')),
    );
    expect(places()).toBe(0);
    expect((await seen(here, ELSEWHERE))?.arm).toBe('now');
    await seen(here, LOGGED_IN);
    await clock.until(manager.analytics?.forget(CALLERS.admin, CAMPAIGN) ?? Promise.reject(new Error('no analytics')));
    expect(places()).toBe(0);
    expect((await seen(here, ELSEWHERE))?.arm).toBe('now');
    await seen(here, LOGGED_IN);
    expect(places()).toBe(1);
    await clock.until(manager.mutate(CALLERS.admin, CAMPAIGN, { type: 'archive' }, { durability: 'durable' }));
    await clock.until(manager.delete(CALLERS.admin, CAMPAIGN, { now: true }));
    await clock.advance(10_000);
    expect(places()).toBe(0);
    expect(store.heldPlaces.lines.size).toBe(0);
  });

  it('T354 an exposure to an arm that is held is verified, and one of a page that was open before it was held', async () => {
    const here = await world();
    const { manager, clock, store } = here;
    const { epoch, version } = await clock.until(manager.get(CALLERS.editor, CAMPAIGN));
    await seen(here, LOGGED_IN);
    const track = (batchId: string, attributes: JsonObject, arm: string) => {
      const caller = { ...CALLERS.viewer, viewer: { attributes } };
      const events = [
        { kind: 'exposure', rule: 'price', arm, phase: 1, position: `${epoch}:${version}`, at: clock.now() } as const,
        { kind: 'goal', name: 'lead', position: `${epoch}:${version}`, at: clock.now() } as const,
      ];
      return clock.until(
        manager.analytics?.track(caller, CAMPAIGN, { batchId, events }) ?? Promise.reject(new Error('none')),
      );
    };
    const rows = () => [...store.analytics.exposures.values()];
    await track('anonymous', ANONYMOUS, 'lower');
    await track('login', LOGGED_IN, 'lower');
    // The device is one unit, before its login and after.
    expect(rows()).toMatchObject([{ arm: 'lower', verified: true, multiple: false }]);
    await track('elsewhere', ELSEWHERE, 'lower');
    expect(rows()).toMatchObject([{ verified: true }, { arm: 'lower', verified: true }]);
    await track('before', ELSEWHERE, 'now');
    expect(rows().every(({ verified }) => verified)).toBe(true);
    await track('a lie', { userId: named('user', 'now', 1) }, 'lower');
    expect(rows().filter(({ verified }) => !verified)).toHaveLength(1);
    const units = new Set(rows().map(({ unit }) => unit));
    expect([...store.analytics.goals.values()].every(({ unit }) => units.has(unit))).toBe(true);
  });

  it('T360 the places of a rule that is gone, or in its next phase, go with its units, after the time for which these are kept', async () => {
    const here = await world({ keepUnitsMs: 6 * HOUR });
    const places = () => here.store.heldPlaces.places.size;
    await seen(here, LOGGED_IN);
    await here.clock.advance(8 * HOUR);
    expect(places()).toBe(1);
    await here.change({ type: 'updateRule', key: 'price', rule: null }, { durability: 'durable' });
    await here.clock.advance(3 * HOUR);
    // Brought back in time, it has them.
    await here.change(price(), { durability: 'durable' });
    await here.clock.advance(8 * HOUR);
    expect((await seen(here, ELSEWHERE))?.arm).toBe('lower');
    await here.change(price({ phase: 2 }), { durability: 'durable' });
    await here.clock.advance(8 * HOUR);
    expect(places()).toBe(0);
    expect(here.store.heldPlaces.lines.size).toBe(0);
  });

  it('T355 however many join at once, the store is asked for all of them together', async () => {
    let statements = 0;
    const here = await world({
      around: (archive) => ({
        ...archive,
        findHeldPlaces: (units) => {
          statements += 1;
          return archive.findHeldPlaces(units);
        },
      }),
    });
    for (let index = 0; index < 1_200; index += 1)
      watch(here, 'push', { userId: `user${index}`, deviceId: `device${index}` });
    await here.clock.settle();
    expect(statements).toBeLessThanOrEqual(4);
    expect(here.store.heldPlaces.places.size).toBeGreaterThan(400);
    // Who brings no unit, or looks where nothing can be held, asks nobody.
    const before = statements;
    await seen(here, ANONYMOUS);
    await here.change(price({ coverage: 1 }));
    expect(statements).toBe(before);
  });
});
