import { describe, expect, it } from 'vitest';
import type { ChangeCommand } from '../../../server/core/commands/command.ts';
import type { RuleInput } from '../../../server/core/document/targeting-fields.ts';
import type { JsonObject } from '../../../server/core/json.ts';
import type { Identity } from '../../../server/core/permissions.ts';
import { TARGETING_LIMITS } from '../../../server/core/document/targeting-fields.ts';
import type { Caller } from '../../../server/engine/service.ts';
import { CALLERS, CAMPAIGN, engineWorld, refusal, setTitle, type EngineWorld } from '../../support/engine-world.ts';
import { testReader, watch as watchBy, WAYS, type Watching, type Way } from '../../support/watching.ts';

/** Words that stand in rules, segments and arms; what a viewer is sent holds those of its own arms alone. */
const SECRET = 'not for viewers';

const rule = (given: Partial<RuleInput> = {}): RuleInput => ({
  order: 1,
  description: SECRET,
  status: 'running',
  unit: 'id',
  coverage: 1,
  arms: {
    plain: { weight: 1, change: { merge: { description: 'the plain arm' } } },
    loud: { weight: 1, change: { merge: { description: 'the loud arm', theme: { color: 'loud' } } } },
  },
  ...given,
});

const put = (key: string, given: Partial<RuleInput> = {}): ChangeCommand => ({
  type: 'updateRule',
  key,
  rule: rule(given),
});
const onlyIn = (country: string, description: string): Partial<RuleInput> => ({
  when: { country },
  arms: { only: { weight: 1, change: { merge: { description } } } },
});

interface Given {
  readonly attributes?: JsonObject;
  readonly identity?: Identity;
  readonly lastEventId?: string | undefined;
}

function watcher(way: Way) {
  return (world: EngineWorld, { attributes, identity, lastEventId }: Given = {}): Watching =>
    watchBy(world.manager, { ...(attributes && { viewer: { attributes } }), lastEventId }, testReader(identity), way);
}

/** What a call shows a viewer with these attributes, at the present version. */
async function seen(world: EngineWorld, attributes: JsonObject, caller: Caller = CALLERS.viewer) {
  const { state, assignments = {} } = await world.clock.until(
    world.manager.get({ ...caller, viewer: { attributes } }, CAMPAIGN),
  );
  return { state: JSON.parse(JSON.stringify(state)) as JsonObject, assignments };
}

async function expectToSee(world: EngineWorld, watching: Watching, attributes: JsonObject): Promise<void> {
  await world.clock.settle();
  expect(watching.end).toBeUndefined();
  const { state, assignments } = await seen(world, attributes);
  expect(watching.mirror.content.state).toEqual(state);
  expect(watching.mirror.assignments).toEqual(assignments);
}

describe.each(WAYS)('cohorts, by %s', (way) => {
  const watch = watcher(way);

  it('T40 G6 each viewer is sent the document as its own arms leave it, through edits of the document and of the rules', async () => {
    const world = engineWorld();
    await world.create();
    const viewers = Array.from({ length: 30 }, (_none, index) => ({
      id: `user-${index}`,
      country: index % 3 === 0 ? 'NG' : 'DE',
    }));
    const watchings = viewers.map((attributes) => ({ attributes, watching: watch(world, { attributes }) }));
    const all = async (): Promise<void> => {
      for (const { watching, attributes } of watchings) await expectToSee(world, watching, attributes);
    };
    await all();
    const steps: ChangeCommand[] = [
      put('price', { coverage: 0.3 }),
      setTitle('one'),
      put('price', { coverage: 1 }),
      { type: 'updateSegment', key: 'lagos', segment: { description: SECRET, when: { country: 'NG' } } },
      put('local', {
        order: 2,
        when: { $savedGroup: { id: 'lagos' } },
        arms: { only: { weight: 1, change: { remove: [['theme']], features: { add: ['local'] } } } },
      }),
      { type: 'update', updates: { description: 'under the arms', theme: { color: 'base', gap: 1 } } },
      { type: 'updateSegment', key: 'lagos', segment: { when: { country: 'DE' } } },
      { type: 'updateHoldout', key: 'never', holdout: { unit: 'id', share: 0.2 } },
      { type: 'shipRule', key: 'price', winner: 'loud' },
      { type: 'rollback', toVersion: 4 },
      { type: 'updateRule', key: 'price', rule: null },
      { type: 'archive' },
      { type: 'restore' },
    ];
    for (const step of steps) {
      await world.change(step);
      await all();
    }
    for (const { watching } of watchings) {
      expect(watching.mirror.snapshots).toEqual(['start']);
      expect(watching.mirror.entries).toBe(steps.length);
      expect(JSON.stringify(watching.events)).not.toMatch(
        new RegExp(`${SECRET}|"ranges"|"weight"|"segments"|"holdouts"|updateRule|shipRule`),
      );
    }
  });

  it('T41 G11 an arm is sent to those who have it, and to nobody else, not even the fact that it was changed', async () => {
    const world = engineWorld();
    await world.create();
    await world.change(put('local', onlyIn('NG', 'the NG arm')), { comment: SECRET, mutationId: 'secret-id' });
    const [inside, outside] = [
      watch(world, { attributes: { country: 'NG' } }),
      watch(world, { attributes: { country: 'DE' } }),
    ];
    await world.change(put('local', onlyIn('NG', 'the new NG arm')), { comment: SECRET, mutationId: 'secret-id-2' });
    await expectToSee(world, inside, { country: 'NG' });
    await expectToSee(world, outside, { country: 'DE' });
    const entry = { version: 3, change: {}, at: expect.any(Number) };
    expect(outside.events.at(-1)).toMatchObject({ event: { entries: [entry] } });
    const [last] = outside.events.slice(-1);
    expect(last?.event.type === 'entries' && Object.keys(last.event.entries[0] ?? {}).sort()).toEqual([
      'at',
      'change',
      'version',
    ]);
    expect(inside.events.at(-1)).toMatchObject({
      event: { entries: [{ ...entry, change: { description: 'the new NG arm' } }] },
    });
    expect(JSON.stringify([inside.events, outside.events])).not.toMatch(/secret-id|not for viewers|ed"|updateRule/);
    expect(JSON.stringify(outside.events)).not.toContain('NG');
  });

  it('T42 an edit that a cohort does not see is its version alone, and one that it sees says who made it', async () => {
    const world = engineWorld();
    await world.create();
    await world.change(put('local', onlyIn('NG', 'the NG arm')));
    const inside = watch(world, { attributes: { country: 'NG' } });
    await world.change({ type: 'update', updates: { description: 'hidden under the arm' } }, { comment: 'why' });
    expect(inside.events.at(-1)).toMatchObject({ event: { entries: [{ version: 3, change: {} }] } });
    expect(JSON.stringify(inside.events.at(-1))).not.toMatch(/hidden|why|actor/);
    await world.title('shown', { comment: 'why' });
    expect(inside.events.at(-1)).toMatchObject({
      event: { entries: [{ version: 4, type: 'update', comment: 'why', actor: { id: 'ada' } }] },
    });
    await expectToSee(world, inside, { country: 'NG' });
  });

  it('T43 editors are sent the document as it is, and what any viewer would see where they ask for it', async () => {
    const world = engineWorld();
    await world.create();
    const identity: Identity = { id: 'ed', grants: { '*': 'editor' }, attributes: { country: 'FR' } };
    const [raw, asViewer] = [watch(world, { identity }), watch(world, { identity, attributes: { country: 'NG' } })];
    await world.change(put('local', onlyIn('NG', 'the NG arm')));
    await world.clock.settle();
    expect(raw.mirror.content.state).toEqual(await world.state());
    expect(raw.events.at(-1)).toMatchObject({ event: { entries: [{ type: 'updateRule', actor: { id: 'ada' } }] } });
    expect(asViewer.mirror.content.state).toMatchObject({ description: 'the NG arm' });
    expect(asViewer.mirror.content.state).not.toHaveProperty('rules');
    await expectToSee(world, asViewer, { country: 'NG' });
  });

  it("T44 a token's claims take precedence over what a viewer says of itself", async () => {
    const world = engineWorld();
    await world.create();
    await world.change(put('local', onlyIn('NG', 'the NG arm')));
    const identity: Identity = { id: 'vera', grants: { '*': 'viewer' }, attributes: { country: 'DE' } };
    const watching = watch(world, { identity, attributes: { country: 'NG' } });
    await world.clock.settle();
    expect(watching.mirror.content.state).not.toHaveProperty('description');
    watching.reader.become({ ...identity, attributes: { country: 'NG' } });
    await expectToSee(world, watching, { country: 'NG' });
    expect(watching.mirror.snapshots).toEqual(['start', 'view']);
    const caller = { identity, correlationId: 'c', viewer: { attributes: { country: 'NG' } } };
    expect((await world.clock.until(world.manager.get(caller, CAMPAIGN))).assignments).toEqual({});
  });

  it('T45 another viewer on a live connection is a snapshot where its outcome is another one, and nothing else', async () => {
    const world = engineWorld();
    await world.create();
    await world.change(put('local', onlyIn('NG', 'the NG arm')));
    const watching = watch(world, { attributes: { country: 'NG', visits: 1 } });
    await world.clock.settle();
    watching.reader.setViewer({ attributes: { country: 'NG', visits: 2 } });
    await world.clock.settle();
    expect(watching.events).toHaveLength(1);
    watching.reader.setViewer({ attributes: { country: 'DE' } });
    await expectToSee(world, watching, { country: 'DE' });
    expect(watching.mirror.snapshots).toEqual(['start', 'view']);
    // The new one counts when the rules change.
    await world.change(put('local', onlyIn('DE', 'the DE arm')));
    await expectToSee(world, watching, { country: 'DE' });
    expect(watching.mirror.content.state).toMatchObject({ description: 'the DE arm' });
    watching.reader.setViewer(undefined);
    await expectToSee(world, watching, {});
  });

  it('T46 a stream resumes with entries in its cohort, and with one snapshot in another', async () => {
    const world = engineWorld();
    await world.create();
    await world.change(put('local', onlyIn('NG', 'the NG arm')));
    const attributes = { country: 'NG' };
    const first = watch(world, { attributes });
    await world.clock.settle();
    const { resumeId } = first.mirror;
    first.leave();
    await world.title('missed');
    await world.change(put('local', onlyIn('NG', 'another arm')));
    await world.title('missed too');

    const back = watch(world, { attributes, lastEventId: resumeId });
    await world.clock.settle();
    expect(back.events.every(({ event }) => event.type === 'entries')).toBe(true);
    expect(back.mirror.entries).toBe(3);
    expect(back.mirror.version).toBe(5);
    const fresh = watch(world, { attributes });
    await world.clock.settle();
    expect(back.mirror.resumeId).toBe(fresh.mirror.resumeId);

    const other = watch(world, { attributes: { country: 'DE' }, lastEventId: resumeId });
    await expectToSee(world, other, { country: 'DE' });
    expect(other.mirror.snapshots).toEqual(['view']);
    const editor = watch(world, { identity: CALLERS.editor.identity, lastEventId: resumeId });
    await world.clock.settle();
    expect(editor.mirror.snapshots).toEqual(['view']);
  });

  it('T46 the key of a cohort is the same on another server of the same archive, and tells nothing of arms', async () => {
    const one = engineWorld();
    const two = engineWorld();
    for (const world of [one, two]) {
      await world.create();
      await world.change(put('local', onlyIn('NG', 'the NG arm')));
    }
    const keys = await Promise.all(
      [one, two].map(async (world) => {
        const watching = watch(world, { attributes: { country: 'NG' } });
        await world.clock.settle();
        return watching.mirror.resumeId?.split('.')[1];
      }),
    );
    expect(keys[0]).toMatch(/^[\w-]{16}$/);
    expect(keys[0]).toBe(keys[1]);
  });

  it('T47 after a reload of the campaign a stream goes on where it stood, or with one snapshot, and never with a guess', async () => {
    const world = engineWorld();
    await world.create();
    await world.change(put('local', onlyIn('NG', 'the NG arm')));
    const first = watch(world, { attributes: { country: 'NG' } });
    await world.clock.settle();
    const { resumeId } = first.mirror;
    first.leave();
    await world.change(put('local', onlyIn('NG', 'another arm')));
    const { resumeId: head } = await (async () => {
      const watching = watch(world, { attributes: { country: 'NG' } });
      await world.clock.settle();
      const at = watching.mirror;
      watching.leave();
      return at;
    })();
    // Idle for so long that it is loaded again from the archive, which knows entries and not the documents behind them.
    await world.clock.advance(900_000);
    const behind = watch(world, { attributes: { country: 'NG' }, lastEventId: resumeId });
    const atHead = watch(world, { attributes: { country: 'NG' }, lastEventId: head });
    await expectToSee(world, behind, { country: 'NG' });
    expect(behind.mirror.snapshots).toEqual(['too-old']);
    expect(atHead.mirror.snapshots).toEqual([]);
    await world.title('goes on');
    expect(atHead.mirror.entries).toBe(1);
  });

  it('T48 a campaign has at most 1,000 cohorts: the stream that would make one more is refused, and the others go on', async () => {
    const world = engineWorld();
    await world.create();
    const codes = Array.from({ length: TARGETING_LIMITS.cohorts / 20 }, (_none, index) => index);
    const arms = Object.fromEntries(
      Array.from({ length: 20 }, (_none, index) => [`arm-${index}`, { weight: 1, change: {} }]),
    );
    for (const code of codes.slice(0, 51)) await world.change(put(`rule-${code}`, { when: { code }, arms }));
    await world.change(put('last', { when: { code: 'last' }, arms: { only: { weight: 1, change: {} } } }));
    const seenKeys = new Set<string>();
    const watchings: Watching[] = [];
    for (let index = 0; seenKeys.size < TARGETING_LIMITS.cohorts; index += 1) {
      const attributes = { id: `user-${index}`, code: codes[index % codes.length] ?? 0 };
      const { assignments } = await seen(world, attributes);
      const key = JSON.stringify(assignments);
      if (seenKeys.has(key)) continue;
      seenKeys.add(key);
      watchings.push(watch(world, { attributes }));
    }
    await world.clock.settle();
    expect(watchings.filter(({ end }) => end !== undefined)).toEqual([]);
    const refused = watch(world, { attributes: { code: 'last' } });
    await world.clock.settle();
    expect(refused.end).toMatchObject({ refusal: { reason: 'OVERLOADED', limit: 1_000 } });
    const joins = watch(world, { attributes: { id: 'user-0', code: 0 } });
    await world.clock.settle();
    expect(joins.end).toBeUndefined();
    watchings[0]?.leave();
    joins.leave();
    await world.clock.settle();
    const fits = watch(world, { attributes: { code: 'last' } });
    await world.clock.settle();
    expect(fits.end).toBeUndefined();
  });
});

describe('reads of a campaign with rules', () => {
  const NG: Caller = { ...CALLERS.viewer, viewer: { attributes: { country: 'NG' } } };
  const DE: Caller = { ...CALLERS.viewer, viewer: { attributes: { country: 'DE' } } };

  async function prepared(): Promise<EngineWorld> {
    const world = engineWorld();
    await world.create();
    await world.change(put('local', onlyIn('NG', 'the NG arm')), { comment: SECRET, mutationId: 'secret' });
    await world.change({ type: 'update', updates: { description: 'base' } });
    await world.change(put('local', onlyIn('NG', 'another NG arm')), { comment: SECRET });
    await world.title('four');
    return world;
  }

  it('T50 G11 history, differences and states are those that the stream showed the viewer', async () => {
    const world = await prepared();
    const { manager, clock } = world;
    const history = async (caller: Caller) =>
      (await clock.until(manager.history(caller, CAMPAIGN, { limit: 10 }))).items;
    expect((await history(NG)).map(({ version, change }) => [version, change])).toEqual([
      [5, { title: 'four' }],
      [4, { description: 'another NG arm' }],
      [3, {}],
      [2, { description: 'the NG arm' }],
      [1, expect.objectContaining({ title: 'Summer' })],
    ]);
    expect((await history(DE)).map(({ change }) => change).slice(1, 4)).toEqual([{}, { description: 'base' }, {}]);
    expect(JSON.stringify([await history(NG), await history(DE)])).not.toMatch(
      /not for viewers|secret|updateRule|"rules"/,
    );
    expect(JSON.stringify(await history(DE))).not.toContain('NG');
    expect(await clock.until(manager.diff(NG, CAMPAIGN, 1, 4))).toMatchObject({
      change: { description: 'another NG arm' },
    });
    expect(await clock.until(manager.diff(DE, CAMPAIGN, 1, 4))).toMatchObject({ change: { description: 'base' } });
    expect(await clock.until(manager.at(NG, CAMPAIGN, 2))).toMatchObject({
      state: { description: 'the NG arm' },
      assignments: { local: { arm: 'only' } },
    });
    expect((await clock.until(manager.at(DE, CAMPAIGN, 2))).state).not.toHaveProperty('description');
    // From the archive too.
    await clock.advance(900_000);
    expect((await history(NG)).map(({ change }) => change).slice(0, 3)).toEqual([
      { title: 'four' },
      { description: 'another NG arm' },
      {},
    ]);
    const pages = await clock.until(manager.history(NG, CAMPAIGN, { limit: 2, cursor: 4 }));
    expect(pages.items.map(({ change }) => change)).toEqual([{}, { description: 'the NG arm' }]);
  });

  it('T51 explain says of each rule what the stream shows, now and at any position of the history, to editors alone', async () => {
    const world = await prepared();
    const { manager, clock } = world;
    await world.change(put('split', { order: 2 }));
    await world.change({ type: 'updateSegment', key: 'lagos', segment: { when: { country: 'NG' } } });
    const explained = (viewer: JsonObject, position?: number) =>
      clock.until(manager.explain(CALLERS.editor, CAMPAIGN, { attributes: viewer }, position));
    for (let index = 0; index < 20; index += 1) {
      const attributes = { id: `user-${index}`, country: index % 2 === 0 ? 'NG' : 'DE' };
      const now = await explained(attributes);
      expect(now.assignments).toEqual((await seen(world, attributes)).assignments);
      expect(now.segments).toEqual(index % 2 === 0 ? ['lagos'] : []);
      for (const version of [1, 2, 4, 6]) {
        const then = await clock.until(manager.at({ ...CALLERS.viewer, viewer: { attributes } }, CAMPAIGN, version));
        expect((await explained(attributes, version)).assignments).toEqual(then.assignments ?? {});
      }
    }
    const { rules } = await explained({ id: 'user-1', country: 'DE' });
    expect(rules).toEqual([
      { rule: 'local', status: 'running', phase: 1, reason: 'NO_MATCH', matches: false },
      {
        rule: 'split',
        status: 'running',
        phase: 1,
        reason: 'SPLIT',
        arm: expect.any(String),
        unit: 'id',
        bucket: expect.any(Number),
        range: expect.any(Array),
      },
    ]);
    for (const caller of [CALLERS.viewer, CALLERS.anonymous, CALLERS.stranger])
      expect(await refusal(manager.explain(caller, CAMPAIGN, { attributes: {} }))).toMatchObject({
        reason: 'FORBIDDEN',
      });
  });

  it('T52 G11 who may not read a field sees nothing that arms do to it, in any view', async () => {
    const world = engineWorld({ rights: { commerce: { read: 'admin' } } });
    await world.create();
    const editor = watchBy(world.manager, {}, testReader(CALLERS.editor.identity), 'push');
    await world.change(
      put('local', {
        arms: {
          only: {
            weight: 1,
            change: { merge: { commerce: { price: SECRET }, description: 'shown' }, remove: [['commerce', 'old']] },
          },
        },
      }),
    );
    await world.clock.settle();
    const state = await world.clock.until(world.manager.get(CALLERS.editor, CAMPAIGN));
    const viewer = await seen(world, {});
    expect(JSON.stringify([editor.events, state, viewer])).not.toMatch(/price|commerce/);
    expect(editor.mirror.content.state).toEqual(JSON.parse(JSON.stringify(state.state)));
    expect(viewer.state).toMatchObject({ description: 'shown' });
  });
});
