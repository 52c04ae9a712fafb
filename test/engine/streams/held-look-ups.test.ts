import { describe, expect, it } from 'vitest';
import type { AnalyticsEvent } from '../../../server/core/analytics/analytics-event.ts';
import type { ChangeCommand } from '../../../server/core/commands/command.ts';
import type { RuleInput } from '../../../server/core/document/targeting-fields.ts';
import type { JsonObject } from '../../../server/core/json.ts';
import { lineKey } from '../../../server/core/targeting/held-places.ts';
import { CALLERS, CAMPAIGN, refusal } from '../../support/engine-world.ts';
import { testReader, WAYS } from '../../support/watching.ts';
import {
  ARMS,
  bucketOf,
  ELSEWHERE,
  LOGGED_IN,
  named,
  OTHER_DEVICE,
  price,
  seen,
  signed,
  USER,
  watch,
  world,
  type Held,
} from './held-world.ts';

const NO_PRICE: ChangeCommand = { type: 'updateRule', key: 'price', rule: null };
const arm = (title: string) => ({ weight: 1, change: { merge: { title } } });
const colour = (given: Partial<RuleInput> = {}): ChangeCommand => ({
  type: 'updateRule',
  key: 'colour',
  rule: {
    order: 2,
    status: 'running',
    unit: 'userId',
    fallbackUnit: 'deviceId',
    coverage: 1,
    arms: { blue: arm('blue'), red: arm('red') },
    ...given,
  },
});
const COLOUR_SEED = `${CAMPAIGN}/colour/1`;
const COLOUR_LINE = lineKey('rule', 'colour', { unit: 'userId', seed: COLOUR_SEED, hashVersion: 2 }, 1);
const PLACES = 10;

/** As another instance does it: this one hears nothing of it. */
async function holdElsewhere({ archive, store }: Held, line: string, bucket: number): Promise<void> {
  const [{ unit = '' } = {}] = store.heldPlaces.places.values();
  await archive.holdPlaces([{ campaignId: CAMPAIGN, unit, line, bucket, since: 1 }], PLACES);
}

function forgettingUser({ manager }: Held): Promise<void> {
  const unit = { attribute: 'userId', value: USER };
  return manager.analytics?.forget(CALLERS.admin, CAMPAIGN, unit) ?? Promise.reject(new Error('none'));
}

async function forgetUser(here: Held): Promise<void> {
  await here.clock.until(forgettingUser(here));
}

describe.each(WAYS)('the look-up of places, for readers that are %s', (way) => {
  it('T361 that somebody holds a place on one line says nothing of another line', async () => {
    const here = await world();
    await seen(here, LOGGED_IN);
    expect((await seen(here, ELSEWHERE))?.arm).toBe('lower');
    await here.change(colour());
    const own = bucketOf(COLOUR_SEED, USER, 2) < 5_000 ? 'blue' : 'red';
    const held = own === 'blue' ? { arm: 'red', bucket: 9_999 } : { arm: 'blue', bucket: 0 };
    const before = watch(here, way, ELSEWHERE);
    await here.clock.settle();
    expect(before.mirror.assignments['colour']?.arm).toBe(own);
    await holdElsewhere(here, COLOUR_LINE, held.bucket);
    const after = watch(here, way, ELSEWHERE);
    await here.clock.settle();
    expect(after.mirror.assignments).toMatchObject({ colour: { arm: held.arm }, price: { arm: 'lower' } });
  });

  it('T362 a page that was open before a rule is brought back has the arm that is held, and no other in between', async () => {
    const before = await world();
    await seen(before, LOGGED_IN);
    const { version } = await before.clock.until(before.manager.get(CALLERS.editor, CAMPAIGN));
    await before.change(NO_PRICE, { durability: 'durable' });
    await before.clock.until(before.manager.stop(1_000));
    const here = await world({ store: before.store });
    const pages = [watch(here, way, ELSEWHERE)];
    const reader = testReader(signed(ELSEWHERE));
    pages.push(watch(here, way, {}, reader));
    await here.clock.settle();
    // One that becomes somebody meanwhile.
    reader.setViewer({ attributes: { country: 'NG' } });
    await here.clock.settle();
    await here.change({ type: 'rollback', toVersion: version });
    await here.clock.settle();
    for (const { events, mirror } of pages) {
      expect(mirror.assignments['price']?.arm).toBe('lower');
      const told = events.flatMap(({ event }) =>
        event.type === 'entries'
          ? event.entries.map((entry) => ('assignments' in entry ? entry.assignments['price']?.arm : undefined))
          : [],
      );
      expect(told).toEqual(['lower']);
    }
  });
});

describe('the look-up of places', () => {
  it('T363 an old version, a difference and the history know what was held by a rule that is gone', async () => {
    const here = await world();
    await seen(here, LOGGED_IN);
    const { version } = await here.clock.until(here.manager.get(CALLERS.editor, CAMPAIGN));
    const { now } = ARMS;
    const cheaper = { weight: 1, change: { merge: { description: 'cheaper' } } };
    await here.change(price({ arms: { now: { change: {}, ...now, weight: 1 }, lower: cheaper } }));
    await here.change(NO_PRICE);
    const caller = { ...CALLERS.viewer, viewer: { attributes: ELSEWHERE } };
    const then = await here.clock.until(here.manager.at(caller, CAMPAIGN, version));
    expect(then.assignments?.['price']?.arm).toBe('lower');
    expect(then.state.description).toBe('a lower price');
    const { change } = await here.clock.until(here.manager.diff(caller, CAMPAIGN, version, version + 1));
    expect(change).toEqual({ description: 'cheaper' });
    const { items } = await here.clock.until(here.manager.history(caller, CAMPAIGN, { limit: 2 }));
    expect(items.map((entry) => entry.change)).toEqual([{ description: null }, { description: 'cheaper' }]);
  });

  it('T364 a place is held for a unit that the token claims, and for nobody of whom a caller only speaks', async () => {
    const here = await world();
    const places = () => here.store.heldPlaces.places.size;
    const callers = [CALLERS.anonymous.identity, CALLERS.viewer.identity, signed({ userId: named('user', 'now', 1) })];
    for (const identity of callers) {
      // What a token claims counts before what its caller says, so that the last one is not the user that it names.
      await seen(here, { ...LOGGED_IN, userId: USER }, identity);
      const page = watch(here, 'push', LOGGED_IN, testReader(identity));
      await here.clock.settle();
      expect(page.mirror.assignments['price']?.arm).toBe('lower');
    }
    expect(places()).toBe(1);
    expect((await seen(here, ELSEWHERE))?.arm).toBe('now');
    for (let index = 0; index < 50; index += 1)
      await seen(here, { ...LOGGED_IN, userId: `user${index}` }, CALLERS.anonymous.identity);
    expect(places()).toBe(1);
    await seen(here, LOGGED_IN);
    expect(places()).toBe(2);
    expect((await seen(here, ELSEWHERE, CALLERS.viewer.identity))?.arm).toBe('lower');
  });

  it('T365 a goal counts for what a page shows that was open before a place was held, and for what pages show after it', async () => {
    const here = await world();
    const { manager, clock, store } = here;
    const { epoch, version } = await clock.until(manager.get(CALLERS.editor, CAMPAIGN));
    const position = `${epoch}:${version}` as const;
    const onOther = { userId: USER, deviceId: OTHER_DEVICE };
    const track = (batchId: string, attributes: JsonObject, ...events: readonly AnalyticsEvent[]) => {
      const caller = { ...CALLERS.viewer, viewer: { attributes } };
      const tracked = manager.analytics?.track(caller, CAMPAIGN, { batchId, events });
      return clock.until(tracked ?? Promise.reject(new Error('none')));
    };
    const exposure = (name: string): AnalyticsEvent => {
      return { kind: 'exposure', rule: 'price', arm: name, phase: 1, position, at: clock.now() };
    };
    const lead = (): AnalyticsEvent => ({ kind: 'goal', name: 'lead', position, at: clock.now() });
    await track('open', onOther, exposure('now'));
    await seen(here, LOGGED_IN);
    await track('goal of the open one', onOther, lead());
    const [shown] = store.analytics.exposures.values();
    expect([...store.analytics.goals.values()].map(({ unit }) => unit)).toContain(shown?.unit);
    await track('after', onOther, exposure('lower'));
    await track('goal of the one after', onOther, lead());
    const units = [...store.analytics.exposures.values()].map(({ unit }) => unit);
    expect(new Set(units).size).toBe(2);
    const last = [...store.analytics.goals.values()].filter(({ id }) => id.startsWith('goal of the one after'));
    expect(new Set(last.map(({ unit }) => unit))).toEqual(new Set(units));
  });

  it('T366 what is forgotten does not come back by what was on its way to the store, or from it', async () => {
    const gates: (() => void)[] = [];
    let hangs = false;
    const here = await world({
      around: (archive) => ({
        ...archive,
        async findHeldPlaces(units) {
          const rows = await archive.findHeldPlaces(units);
          if (hangs) await new Promise<void>((resolve) => gates.push(resolve));
          return rows;
        },
      }),
    });
    const open = (): void => {
      hangs = false;
      for (const gate of gates.splice(0)) gate();
    };
    // From the store.
    await seen(here, LOGGED_IN);
    await here.clock.advance(120_000);
    hangs = true;
    watch(here, 'push', ELSEWHERE);
    await here.clock.settle();
    expect(gates).toHaveLength(1);
    await forgetUser(here);
    open();
    await here.clock.settle();
    expect((await seen(here, ELSEWHERE))?.arm).toBe('now');
    // To the store, behind a look-up that takes its time.
    await here.change(colour({ status: 'paused' }));
    await here.change(NO_PRICE);
    const page = watch(here, 'push', LOGGED_IN);
    await here.clock.settle();
    hangs = true;
    watch(here, 'push', { userId: 'somebody' });
    await here.clock.settle();
    expect(gates).toHaveLength(1);
    await here.change(price());
    expect(page.mirror.assignments['price']?.arm).toBe('lower');
    await forgetUser(here);
    open();
    await here.clock.settle();
    expect(here.store.heldPlaces.places.size).toBe(0);
  });

  it('T367 what is being stored while somebody is forgotten does not come behind the erasure', async () => {
    const gates: (() => void)[] = [];
    const here = await world({
      around: (archive) => ({
        ...archive,
        async holdPlaces(rows, max) {
          await new Promise<void>((resolve) => gates.push(resolve));
          await archive.holdPlaces(rows, max);
        },
      }),
    });
    await seen(here, LOGGED_IN);
    expect(gates).toHaveLength(1);
    const forgetting = forgettingUser(here);
    await here.clock.settle();
    for (const gate of gates) gate();
    await here.clock.until(forgetting);
    await here.clock.settle();
    expect(here.store.heldPlaces.places.size).toBe(0);

    // A store that hangs has erased nothing, and says so.
    await seen(here, LOGGED_IN);
    expect(gates).toHaveLength(2);
    expect(await refusal(forgetUser(here))).toMatchObject({ reason: 'UNAVAILABLE' });
  });
});
