import fc, { type Arbitrary } from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TargetingCommand } from '../../../server/core/commands/command.ts';
import { decide, type Decision, type ResolvedCommand } from '../../../server/core/commands/decide.ts';
import { BUCKETS, TARGETING_LIMITS, type RuleInput } from '../../../server/core/document/targeting-fields.ts';
import { mergePatch } from '../../../server/core/document/merge-patch.ts';
import { jsonBytes } from '../../../server/core/document/plain-json.ts';
import type { Refusal } from '../../../server/core/errors.ts';
import type { JsonObject, JsonValue } from '../../../server/core/json.ts';
import { rightsOf, type FieldRights, type Role } from '../../../server/core/permissions.ts';
import { createDocumentCheck } from '../../../server/core/targeting/check-document.ts';
import { evaluate, explain, prepareTargeting, type Assignments } from '../../../server/core/targeting/evaluate.ts';
import { measureOf, movedShare, type Ranges } from '../../../server/core/targeting/ranges.ts';
import { resolve } from '../../../server/core/targeting/resolve.ts';
import { targetingEffect } from '../../../server/core/targeting/targeting-effect.ts';
import { readTargeting, type Targeting } from '../../../server/core/targeting/targeting.ts';
import { createGrowthBookEngine } from '../../../server/targeting/growthbook-engine.ts';
import { campaignStates } from '../arbitraries.ts';

const engine = createGrowthBookEngine();
const check = createDocumentCheck({}, engine);
const STATE: JsonObject = { slug: 'summer', title: 'Summer', features: ['chat'], theme: { color: 'red', gap: 8 } };

/** A running rule at full coverage of one arm that changes the title, with that in other places. */
function rule(given: Partial<RuleInput> = {}): RuleInput {
  return {
    order: 1,
    status: 'running',
    unit: 'id',
    coverage: 1,
    arms: { only: { weight: 1, change: { merge: { title: 'Other' } } } },
    ...given,
  };
}

const TWO_ARMS: RuleInput['arms'] = {
  plain: { weight: 1, change: {} },
  loud: { weight: 1, change: { merge: { title: 'Loud' } } },
};

function decideOn(
  state: JsonObject,
  command: ResolvedCommand,
  { role = 'editor' as Role, rights = {} as FieldRights } = {},
): Decision {
  const content = { state, archivedAt: undefined };
  const at = { campaignId: 'summer', epoch: 'e1', version: 7, lineage: [], content, documentBytes: jsonBytes(state) };
  return decide(at, { command, identity: { id: 'ed', grants: { summer: role } } }, check, rightsOf(rights));
}

/** The state after these commands; what is refused fails the test. */
function after(...commands: readonly ResolvedCommand[]): JsonObject {
  return commands.reduce<JsonObject>((state, command) => {
    const decision = decideOn(state, command);
    if (decision.kind === 'rejected') throw new Error(decision.refusal.message);
    return decision.kind === 'entry' ? mergePatch(state, decision.change) : state;
  }, STATE);
}

function refused(state: JsonObject, command: ResolvedCommand, given?: Parameters<typeof decideOn>[2]): Refusal {
  const decision = decideOn(state, command, given);
  if (decision.kind !== 'rejected') throw new Error(`should have been refused: ${decision.kind}`);
  return decision.refusal;
}

const put = (key: string, given: Partial<RuleInput> = {}): TargetingCommand => ({
  type: 'updateRule',
  key,
  rule: rule(given),
});

function targetingOf(state: JsonObject): Targeting {
  const targeting = readTargeting(state);
  if (!targeting) throw new Error('there is no targeting');
  return targeting;
}

function assignmentsIn(state: JsonObject, attributes: JsonObject): Assignments {
  const targeting = readTargeting(state);
  return targeting ? evaluate(prepareTargeting(targeting, engine), attributes, engine) : {};
}

/** What a viewer sees. */
function seenBy(state: JsonObject, attributes: JsonObject): JsonObject {
  return mergePatch(
    {},
    JSON.parse(JSON.stringify(resolve(state, readTargeting(state), assignmentsIn(state, attributes)))),
  );
}

function rangesIn(state: JsonObject, key: string): Ranges {
  return targetingOf(state).rules.find((one) => one.key === key)?.ranges ?? {};
}

/** Any JSON; a document has been cleaned. */
const json = fc.jsonValue() as Arbitrary<JsonValue>;
const names = fc.constantFrom('a', 'b', 'c');
const groups = fc.constantFrom('g', 'h');
const shares = fc.constantFrom(0, 0.05, 0.2, 0.5, 0.8, 1);
const ruleInputs: Arbitrary<RuleInput> = fc.record(
  {
    order: fc.integer({ min: 0, max: 3 }),
    status: fc.constantFrom('draft', 'running', 'running', 'paused', 'ended'),
    unit: fc.constant('id'),
    coverage: shares,
    arms: fc.dictionary(
      fc.constantFrom('x', 'y', 'z'),
      fc.record({
        weight: fc.nat(4),
        change: fc.record(
          {
            merge: fc.constantFrom<JsonObject>({ title: 'New' }, { theme: { color: 'blue' } }, { status: 'paused' }),
            remove: fc.constantFrom([['theme', 'gap']], [['theme']], [['title']]),
            features: fc.constantFrom({ add: ['sale'] }, { remove: ['chat'] }),
          },
          { requiredKeys: [], noNullPrototype: true },
        ),
      }),
      { noNullPrototype: true },
    ),
    group: groups,
    ignoresHoldouts: fc.boolean(),
    requires: fc.record({ rule: names, arms: fc.constant(['x']) }),
    when: fc.constantFrom<JsonObject>({ country: 'NG' }, { $savedGroup: { id: 's' } }, { country: { $regex: '(' } }),
    phase: fc.integer({ min: 1, max: 3 }),
  },
  { requiredKeys: ['order', 'status', 'unit', 'coverage', 'arms'], noNullPrototype: true },
);

const commands: Arbitrary<TargetingCommand> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('updateRule' as const),
      key: names,
      rule: fc.option(ruleInputs, { freq: 6 }),
    }),
  },
  fc.record({
    type: fc.constant('updateSegment' as const),
    key: fc.constantFrom('s', 't'),
    segment: fc.option(fc.constantFrom({ when: { country: 'NG' } }, { when: { $savedGroup: { id: 't' } } })),
  }),
  fc.record({
    type: fc.constant('updateGroup' as const),
    key: groups,
    group: fc.option(fc.constant({ unit: 'id' }), { freq: 9 }),
  }),
  fc.record({
    type: fc.constant('updateHoldout' as const),
    key: fc.constantFrom('h1', 'h2'),
    holdout: fc.option(fc.record({ unit: fc.constant('id'), share: fc.constantFrom(0, 0.1, 0.3) })),
  }),
  fc.record({ type: fc.constant('shipRule' as const), key: names, winner: fc.constantFrom('x', 'y') }),
);

describe('targeting', () => {
  it('T20 a rule is stored whole, with ranges that measure what it says, a seed, a hash version and a phase', () => {
    const state = after(put('price', { arms: TWO_ARMS, coverage: 0.5 }));
    expect(state['rules']).toEqual({
      price: {
        ...rule({ arms: TWO_ARMS, coverage: 0.5 }),
        ranges: { loud: [[0, 2_500]], plain: [[2_500, 5_000]] },
        seed: 'summer/price/1',
        hashVersion: 2,
        phase: 1,
      },
    });
    const again = after(
      put('price', { arms: TWO_ARMS, coverage: 0.5 }),
      put('price', { arms: TWO_ARMS, coverage: 0.5 }),
    );
    expect(again).toEqual(state);
  });

  it('T21 what is given stands whole: a condition is never merged with the one before', () => {
    const first = after(put('price', { when: { country: 'NG', age: { $gt: 18 } } }));
    const second = mergePatch(first, targetingEffect(first, put('price', { when: { country: 'DE' } })));
    expect(targetingOf(second).rules[0]?.when).toEqual({ country: 'DE' });
    const third = mergePatch(second, targetingEffect(second, put('price')));
    expect(targetingOf(third).rules[0]).not.toHaveProperty('when');
  });

  it('T22 weights, coverage and arms move the fewest people, by the commands that write them', () => {
    const one = after(put('price', { arms: TWO_ARMS }));
    const three = mergePatch(
      one,
      targetingEffect(one, put('price', { arms: { ...TWO_ARMS, new: { weight: 1, change: {} } } })),
    );
    expect(movedShare(rangesIn(one, 'price'), rangesIn(three, 'price'))).toBeCloseTo(1 / 3, 4);
    const half = after(put('price', { arms: TWO_ARMS, coverage: 0.3 }));
    const ramped = mergePatch(half, targetingEffect(half, put('price', { arms: TWO_ARMS, coverage: 0.9 })));
    expect(movedShare(rangesIn(half, 'price'), rangesIn(ramped, 'price'))).toBe(0);
  });

  it('T23 over 100,000 units the share that moves is that of the ranges, and a ramp moves none', () => {
    // Ten units of every bucket: else the share would be that of a sample.
    const units: string[] = [];
    const filled = new Map<number, number>();
    const before = after(put('price', { arms: TWO_ARMS, coverage: 0.8 }));
    for (let index = 0; units.length < 10 * BUCKETS; index += 1) {
      const bucket = engine.bucketOf('summer/price/1', `user-${index}`, 2);
      const count = filled.get(bucket) ?? 0;
      if (count === 10) continue;
      filled.set(bucket, count + 1);
      units.push(`user-${index}`);
    }
    const armsIn = (state: JsonObject): (string | undefined)[] => {
      const prepared = prepareTargeting(targetingOf(state), engine);
      return units.map((id) => evaluate(prepared, { id }, engine)['price']?.arm);
    };
    const share = (one: readonly (string | undefined)[], other: readonly (string | undefined)[]): number =>
      one.filter((arm, index) => arm !== undefined && arm !== other[index]).length / units.length;
    const old = armsIn(before);
    const reweighed = after(
      put('price', { arms: TWO_ARMS, coverage: 0.8 }),
      put('price', {
        arms: { plain: { weight: 3, change: {} }, loud: { weight: 1, change: {} }, third: { weight: 1, change: {} } },
        coverage: 0.9,
      }),
    );
    // 0.4 and 0.4 before; 0.54, 0.18 and 0.18 after.
    expect(Math.abs(share(old, armsIn(reweighed)) - 0.22)).toBeLessThanOrEqual(1e-4);
    const ramped = after(
      put('price', { arms: TWO_ARMS, coverage: 0.8 }),
      put('price', { arms: TWO_ARMS, coverage: 1 }),
    );
    expect(share(old, armsIn(ramped))).toBe(0);
  });

  it('T24 for any history of commands nothing throws, and exclusion, holdouts and measures hold in what is accepted', () => {
    const viewers = Array.from({ length: 40 }, (_none, index) => ({
      id: `user-${index}`,
      country: index % 2 === 0 ? 'NG' : 'DE',
    }));
    const began = after(
      { type: 'updateGroup', key: 'g', group: { unit: 'id' } },
      { type: 'updateHoldout', key: 'h1', holdout: { unit: 'id', share: 0.3 } },
      { type: 'updateSegment', key: 's', segment: { when: { country: 'NG' } } },
      put('a', { group: 'g', coverage: 0.5, arms: TWO_ARMS }),
      put('b', { group: 'g', coverage: 0.3, ignoresHoldouts: true }),
    );
    let accepted = 0;
    fc.assert(
      fc.property(fc.array(commands, { minLength: 1, maxLength: 12 }), (history) => {
        let state = began;
        for (const command of history) {
          const decision = decideOn(state, command);
          if (decision.kind !== 'entry') continue;
          accepted += 1;
          state = mergePatch(state, decision.change);
          const targeting = readTargeting(state);
          if (!targeting) continue;
          for (const { key, arms, ranges, coverage } of targeting.rules) {
            expect(measureOf(Object.values(ranges).flat()), key).toBe(Math.round(coverage * BUCKETS));
            expect(Object.keys(arms).length).toBeGreaterThan(0);
          }
          const prepared = prepareTargeting(targeting, engine);
          for (const viewer of viewers) {
            const explained = explain(prepared, viewer, engine);
            const held = [...targeting.holdouts.values()].some(({ seed, ranges }) => {
              const bucket = engine.bucketOf(seed, viewer.id, 2);
              return ranges.some(([from, to]) => bucket >= from && bucket < to);
            });
            const inGroup = new Map<string, number>();
            for (const { rule: name, arm, group } of explained) {
              if (arm === undefined) continue;
              const about = targeting.rules.find(({ key }) => key === name);
              expect(about?.status).toBe('running');
              if (held) expect(about?.ignoresHoldouts).toBe(true);
              if (group !== undefined) inGroup.set(group, (inGroup.get(group) ?? 0) + 1);
            }
            for (const count of inGroup.values()) expect(count).toBe(1);
            const seen = resolve(state, targeting, evaluate(prepared, viewer, engine));
            expect(
              Object.keys(seen).filter((field) => ['segments', 'rules', 'groups', 'holdouts'].includes(field)),
            ).toEqual([]);
            expect(seen).toMatchObject({ slug: 'summer' });
          }
        }
      }),
      { numRuns: 150 },
    );
    expect(accepted).toBeGreaterThan(100);
  });

  it('T25 whatever stands in the four fields, and whatever a document holds, nothing throws and nobody is let in by it', () => {
    fc.assert(
      fc.property(campaignStates, json, json, commands, (state, rules, segments, command) => {
        const odd: JsonObject = { ...state, rules, segments };
        expect(() => targetingEffect(odd, command)).not.toThrow();
        expect(() => check(odd, odd, 0)).not.toThrow();
        expect(Object.values(assignmentsIn(odd, { id: 'x' }))).toEqual([]);
      }),
    );
  });

  it('T26 arms apply in order, each on the result of those before: merged, then removed, then features', () => {
    const state = after(
      put('second', {
        order: 2,
        arms: {
          only: {
            weight: 1,
            change: {
              merge: { theme: { color: 'green' } },
              remove: [
                ['theme', 'gap'],
                ['not', 'there'],
              ],
            },
          },
        },
      }),
      put('first', {
        order: 1,
        arms: {
          only: {
            weight: 1,
            change: {
              merge: { title: 'First', theme: { color: 'blue' } },
              features: { add: ['sale', 'chat'], remove: ['chat'] },
            },
          },
        },
      }),
    );
    expect(seenBy(state, {})).toEqual({
      slug: 'summer',
      title: 'First',
      theme: { color: 'green' },
      features: ['sale', 'chat'],
    });
  });

  it('T27 one arm at full coverage needs no unit; any other without one is the base document, and says NO_UNIT', () => {
    const state = after(
      put('segment'),
      put('split', { order: 2, arms: TWO_ARMS }),
      put('rollout', { order: 3, coverage: 0.5 }),
    );
    expect(assignmentsIn(state, {})).toEqual({
      segment: { arm: 'only', reason: 'TARGETING_MATCH', phase: 1 },
      split: { reason: 'NO_UNIT', phase: 1 },
      rollout: { reason: 'NO_UNIT', phase: 1 },
    });
    for (const nobody of ['', true, null, ['x'], { a: 1 }]) {
      expect(assignmentsIn(state, { id: nobody })['split']).toEqual({ reason: 'NO_UNIT', phase: 1 });
      expect(seenBy(state, { id: nobody })).toMatchObject({ title: 'Other' });
    }
    expect(assignmentsIn(state, { id: 7 })['split']).toEqual(assignmentsIn(state, { id: '7' })['split']);
  });

  it('T28 a fallback unit holds the arm over a login', () => {
    const state = after(put('split', { arms: TWO_ARMS, unit: 'user', fallbackUnit: 'device' }));
    for (let index = 0; index < 100; index += 1) {
      const anonymous = assignmentsIn(state, { device: `d${index}` })['split'];
      expect(assignmentsIn(state, { device: `d${index}`, user: `u${index}` })['split']).toEqual(anonymous);
    }
    const byUser = new Set(
      Array.from({ length: 50 }, (_none, index) => assignmentsIn(state, { user: `u${index}` })['split']?.arm),
    );
    expect(byUser).toEqual(new Set(['loud', 'plain']));
  });

  it('T29 a rule applies to nobody unless it runs; it starts anew in its next phase, with other people', () => {
    const arms = { arms: TWO_ARMS };
    const running = after(put('split', arms));
    const pausedAndBack = after(put('split', arms), put('split', { ...arms, status: 'paused' }), put('split', arms));
    expect(assignmentsIn(after(put('split', { ...arms, status: 'paused' })), { id: '1' })).toEqual({});
    expect(pausedAndBack).toEqual(running);
    const restarted = after(put('split', arms), put('split', { ...arms, status: 'ended' }), put('split', arms));
    expect(targetingOf(restarted).rules[0]).toMatchObject({ phase: 2, seed: 'summer/split/2' });
    const asked = after(put('split', arms), put('split', { ...arms, phase: 5 }), put('split', { ...arms, phase: 2 }));
    expect(targetingOf(asked).rules[0]).toMatchObject({ phase: 5, seed: 'summer/split/5' });
  });

  it('T30 a shipped arm becomes the document in one entry, and the rule ends with its winner', () => {
    const before = after(put('price', { arms: TWO_ARMS, coverage: 0.2 }));
    const shipped = mergePatch(before, targetingEffect(before, { type: 'shipRule', key: 'price', winner: 'loud' }));
    expect(shipped).toMatchObject({ title: 'Loud', rules: { price: { status: 'ended', winner: 'loud' } } });
    expect(refused(before, { type: 'shipRule', key: 'none', winner: 'loud' })).toMatchObject({
      reason: 'NOT_FOUND',
      path: ['key'],
    });
    expect(refused(before, { type: 'shipRule', key: 'price', winner: 'toString' })).toMatchObject({
      reason: 'NOT_FOUND',
      path: ['winner'],
    });
  });

  it('T31 rules of a group share its line: a claim beyond what is left is CONFLICT, and an ended rule gives its part back', () => {
    const group: TargetingCommand = { type: 'updateGroup', key: 'g', group: { unit: 'id' } };
    const two = after(
      group,
      put('one', { group: 'g', coverage: 0.6 }),
      put('two', { group: 'g', coverage: 0.4, arms: TWO_ARMS }),
    );
    const units = Array.from(
      { length: 500 },
      (_none, index) => Object.keys(assignmentsIn(two, { id: `user-${index}` })).length,
    );
    expect(units.every((count) => count === 1)).toBe(true);
    expect(refused(two, put('three', { group: 'g', coverage: 0.01 }))).toMatchObject({
      reason: 'CONFLICT',
      path: ['groups', 'g'],
    });
    const ended = after(
      group,
      put('one', { group: 'g', coverage: 0.6, status: 'ended' }),
      put('three', { group: 'g', coverage: 1 }),
    );
    expect(Object.keys(assignmentsIn(ended, { id: 'x' }))).toEqual(['three']);
    expect(refused(two, put('one', { group: 'g', coverage: 0.6, unit: 'other' }))).toMatchObject({
      reason: 'INVALID',
      path: ['rules', 'one', 'unit'],
    });
  });

  it('T38 no rule reaches who is in a holdout, but those that say so; its share is that of the units, and a ramp keeps who is in it', () => {
    const held = (share: number): TargetingCommand => ({
      type: 'updateHoldout',
      key: 'never',
      holdout: { unit: 'id', share },
    });
    const rules = [put('one'), put('all', { order: 2, ignoresHoldouts: true })];
    const heldOut = (state: JsonObject): string[] => {
      const prepared = prepareTargeting(targetingOf(state), engine);
      return Array.from({ length: 2_000 }, (_none, index) => `user-${index}`).filter((id) => {
        const explained = explain(prepared, { id }, engine);
        const [one, all] = explained;
        expect(all).toMatchObject({ arm: 'only' });
        if (one?.reason !== 'HOLDOUT') expect(one).toMatchObject({ arm: 'only' });
        else expect(one).toEqual({ rule: 'one', status: 'running', phase: 1, reason: 'HOLDOUT', holdout: 'never' });
        return one?.reason === 'HOLDOUT';
      });
    };
    const few = heldOut(after(...rules, held(0.1)));
    const more = heldOut(after(...rules, held(0.1), held(0.3)));
    expect([few.length / 2_000, more.length / 2_000]).toEqual([expect.closeTo(0.1, 1), expect.closeTo(0.3, 1)]);
    expect(few.filter((id) => !more.includes(id))).toEqual([]);
    expect(assignmentsIn(after(...rules, held(1)), {})).toHaveProperty('one');
  });

  it('T32 a rule that requires an arm of another reaches only those who have it', () => {
    const state = after(
      put('split', { arms: TWO_ARMS, order: 9 }),
      put('next', { requires: { rule: 'split', arms: ['loud'] } }),
    );
    for (let index = 0; index < 50; index += 1) {
      const assigned = assignmentsIn(state, { id: `user-${index}` });
      expect(assigned['next'] !== undefined).toBe(assigned['split']?.arm === 'loud');
    }
  });

  const base = after(
    put('price', { arms: TWO_ARMS }),
    { type: 'updateSegment', key: 's', segment: { when: { country: 'NG' } } },
    put('user', { order: 2, when: { $savedGroup: { id: 's' } } }),
    put('needs', { order: 3, requires: { rule: 'price', arms: ['loud'] } }),
  );

  it.each<[string, ResolvedCommand, Partial<Refusal>]>([
    [
      'a general update of rules',
      { type: 'update', updates: { rules: {} } },
      { reason: 'INVALID', path: ['updates', 'rules'] },
    ],
    [
      'a general update in a batch',
      { type: 'batch', commands: [{ type: 'update', updates: { segments: null } }] },
      { path: ['updates', 'segments'] },
    ],
    [
      'an arm that touches the rules',
      put('x', { arms: { only: { weight: 1, change: { merge: { rules: {} } } } } }),
      { path: ['rules', 'x', 'arms', 'only', 'change'] },
    ],
    [
      'an arm that removes the slug',
      put('x', { arms: { only: { weight: 1, change: { remove: [['slug']] } } } }),
      { reason: 'INVALID' },
    ],
    [
      'an arm that touches the status',
      put('x', { arms: { only: { weight: 1, change: { merge: { status: 'draft' } } } } }),
      { reason: 'INVALID' },
    ],
    [
      'an arm that removes the title',
      put('x', { arms: { only: { weight: 1, change: { remove: [['title']] } } } }),
      { path: ['rules', 'x', 'arms', 'only', 'change'] },
    ],
    [
      'an arm that makes the document invalid',
      put('x', { arms: { only: { weight: 1, change: { merge: { features: 'all' } } } } }),
      { path: ['rules', 'x', 'arms', 'only', 'change'] },
    ],
    [
      'null in a condition',
      { type: 'updateSegment', key: 'x', segment: { when: { a: { b: null } } } },
      { path: ['segment', 'when', 'a', 'b'] },
    ],
    [
      'an expression that is none',
      put('x', { when: { a: { $regex: '(' } } }),
      { path: ['rules', 'x', 'when', 'a', '$regex'] },
    ],
    [
      'a segment that is not there',
      put('x', { when: { $savedGroup: { id: 'none' } } }),
      { path: ['rules', 'x', 'when'] },
    ],
    [
      'a segment that is in use',
      { type: 'updateSegment', key: 's', segment: null },
      { path: ['rules', 'user', 'when'] },
    ],
    [
      'a segment in a circle',
      { type: 'updateSegment', key: 's', segment: { when: { $savedGroup: { id: 's' } } } },
      { path: ['segments', 's', 'when'] },
    ],
    ['a group that is not there', put('x', { group: 'none' }), { path: ['rules', 'x', 'group'] }],
    [
      'a rule that is required',
      { type: 'updateRule', key: 'price', rule: null },
      { path: ['rules', 'needs', 'requires', 'rule'] },
    ],
    ['an arm that is required', put('price'), { path: ['rules', 'needs', 'requires', 'arms'] }],
    [
      'rules that require each other',
      put('price', { arms: TWO_ARMS, requires: { rule: 'needs', arms: ['only'] } }),
      { reason: 'INVALID' },
    ],
    ['no arms', put('x', { arms: {} }), { path: ['rules', 'x', 'arms'] }],
    ['no weight', put('x', { arms: { only: { weight: 0, change: {} } } }), { path: ['rules', 'x', 'arms'] }],
    [
      '21 arms',
      put('x', {
        arms: Object.fromEntries(
          Array.from({ length: 21 }, (_none, index) => [`a${index}`, { weight: 1, change: {} }]),
        ),
      }),
      { reason: 'TOO_LARGE', limit: 20 },
    ],
    ['a name that is none', put('a b'), { path: ['key'] }],
    [
      'the name of an arm that is none',
      put('x', { arms: { 'a b': { weight: 1, change: {} } } }),
      { path: ['rules', 'x', 'arms', 'a b'] },
    ],
    [
      'ranges that overlap',
      put('x', { arms: TWO_ARMS, ranges: { plain: [[0, 5_000]], loud: [[4_000, 9_000]] } }),
      { path: ['rules', 'x', 'ranges'] },
    ],
    [
      'ranges that measure something else',
      put('x', { ranges: { only: [[0, 9_999]] } }),
      { path: ['rules', 'x', 'ranges', 'only'] },
    ],
    [
      'ranges out of order',
      put('x', {
        coverage: 0.2,
        ranges: {
          only: [
            [5_000, 6_000],
            [0, 1_000],
          ],
        },
      }),
      { path: ['rules', 'x', 'ranges'] },
    ],
    ['a winner that is no arm', put('x', { status: 'ended', winner: 'none' }), { path: ['rules', 'x', 'winner'] }],
  ])('T33 is refused by its place: %s', (_what, command, expected) => {
    expect(refused(base, command)).toMatchObject({ reason: 'INVALID', ...expected });
  });

  it('T34 a campaign has at most 100 rules and 100 segments', () => {
    const { rules, segments } = TARGETING_LIMITS;
    const only = { weight: 1, change: {} };
    const all = after(...Array.from({ length: rules }, (_none, index) => put(`r${index}`, { arms: { only } })));
    expect(refused(all, put('more'))).toMatchObject({ reason: 'TOO_LARGE', limit: rules, path: ['rules'] });
    const many = after(
      ...Array.from({ length: segments }, (_none, index): TargetingCommand => ({
        type: 'updateSegment',
        key: `s${index}`,
        segment: { when: {} },
      })),
    );
    expect(refused(many, { type: 'updateSegment', key: 'more', segment: { when: {} } })).toMatchObject({
      reason: 'TOO_LARGE',
      limit: segments,
    });
  });

  it('T35 ranges, seed and hash version that are given stand, so that what others have assigned is carried over', () => {
    const given = {
      arms: TWO_ARMS,
      ranges: { plain: [[0, 3_334] as [number, number]], loud: [[3_334, 6_667] as [number, number]] },
      coverage: 0.6667,
      seed: 'old',
      hashVersion: 1 as const,
    };
    const state = after(
      put('x', { ...given, arms: { plain: { weight: 3_334, change: {} }, loud: { weight: 3_333, change: {} } } }),
    );
    expect(targetingOf(state).rules[0]).toMatchObject({ ranges: given.ranges, seed: 'old', hashVersion: 1 });
  });

  it('T36 G11 an arm is written with the rights that its fields need, by whatever command', () => {
    const rights: FieldRights = { theme: { write: 'admin' } };
    const arms = { only: { weight: 1, change: { merge: { theme: { color: 'blue' } } } } };
    expect(refused(STATE, put('x', { arms }), { rights })).toMatchObject({ reason: 'FORBIDDEN', path: ['theme'] });
    const state = after(put('x', { arms }));
    const shipping: ResolvedCommand = { type: 'shipRule', key: 'x', winner: 'only' };
    expect(refused(state, shipping, { rights })).toMatchObject({ reason: 'FORBIDDEN', path: ['winner'] });
    expect(refused(STATE, { type: 'rollback', toVersion: 3, target: state }, { rights })).toMatchObject({
      reason: 'FORBIDDEN',
      path: ['toVersion'],
    });
    expect(decideOn(state, shipping, { rights, role: 'admin' }).kind).toBe('entry');
  });

  it('T37 what was assigned at any version is computed again from its state, also after the rules have changed', () => {
    const history = [
      put('split', { arms: TWO_ARMS, coverage: 0.4 }),
      put('split', { arms: TWO_ARMS, coverage: 0.9 }),
      put('split', { arms: { ...TWO_ARMS, new: { weight: 2, change: {} } } }),
      put('split', { status: 'ended', arms: TWO_ARMS }),
      put('split', { arms: TWO_ARMS }),
    ];
    const states = history.map((_command, index) => after(...history.slice(0, index + 1)));
    const ids = Array.from({ length: 10_000 }, (_none, index) => ({ id: `user-${index}` }));
    const recorded = states.map((state) => {
      const prepared = prepareTargeting(targetingOf(state), engine);
      return ids.map((viewer) => evaluate(prepared, viewer, engine));
    });
    // 50,000 assignments, computed again from what a document says as it is stored.
    const other = createGrowthBookEngine();
    for (const [index, state] of states.entries()) {
      const stored: JsonObject = JSON.parse(JSON.stringify(state));
      const prepared = prepareTargeting(targetingOf(stored), other);
      expect(ids.map((viewer) => evaluate(prepared, viewer, other))).toEqual(recorded[index]);
    }
    expect(new Set(recorded.map((one) => JSON.stringify(one))).size).toBe(states.length);
  });
});
