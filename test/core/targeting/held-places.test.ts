import fc, { type Arbitrary } from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TargetingCommand } from '../../../server/core/commands/command.ts';
import { mergePatch } from '../../../server/core/document/merge-patch.ts';
import { jsonBytes } from '../../../server/core/document/plain-json.ts';
import type { RuleInput } from '../../../server/core/document/targeting-fields.ts';
import type { JsonObject } from '../../../server/core/json.ts';
import { createDocumentCheck } from '../../../server/core/targeting/check-document.ts';
import {
  assignmentsOf,
  judge,
  prepareTargeting,
  type Assignments,
  type Judgement,
  type PreparedTargeting,
} from '../../../server/core/targeting/evaluate.ts';
import { heldAt, lineOf, NO_PLACES, placeOn, type HeldPlace } from '../../../server/core/targeting/held-places.ts';
import { targetingEffect } from '../../../server/core/targeting/targeting-effect.ts';
import { readTargeting } from '../../../server/core/targeting/targeting.ts';
import { createGrowthBookEngine } from '../../../server/targeting/growthbook-engine.ts';

const engine = createGrowthBookEngine();
const check = createDocumentCheck({}, engine);
const FIRST: JsonObject = { slug: 'summer', title: 'Summer' };
const UNITS = { unit: 'user', fallbackUnit: 'device' };

const one = { weight: 1, change: {} };
const ruleInputs: Arbitrary<RuleInput> = fc
  .record({
    order: fc.nat(2),
    status: fc.constantFrom('running', 'running', 'running', 'paused', 'ended'),
    coverage: fc.constantFrom(0.1, 0.5, 0.5, 1),
    arms: fc.constantFrom<RuleInput['arms']>(
      { a: one },
      { a: one, b: one },
      { a: one, b: one, c: { ...one, weight: 3 } },
    ),
    group: fc.constantFrom(undefined, 'g'),
    ignoresHoldouts: fc.boolean(),
    hashVersion: fc.constantFrom(1, 2),
  })
  .map(({ group, ...rule }) => ({ ...rule, ...UNITS, ...(group !== undefined && { group }) }));

const commands: Arbitrary<TargetingCommand> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ type: fc.constant('updateRule'), key: fc.constantFrom('p', 'q', 'r'), rule: ruleInputs }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('updateRule'),
      key: fc.constantFrom('p', 'q', 'r'),
      rule: fc.constant(null),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('updateHoldout'),
      key: fc.constant('h'),
      holdout: fc.record({ ...fixed(UNITS), share: fc.constantFrom(0, 0.3) }),
    }),
  },
);

function fixed<T extends object>(values: T): { [K in keyof T]: Arbitrary<T[K]> } {
  const entries = Object.entries(values).map(([key, value]) => [key, fc.constant(value)]);
  // The same keys, each with its own value.
  return Object.fromEntries(entries) as { [K in keyof T]: Arbitrary<T[K]> };
}

type Step =
  | { readonly command: TargetingCommand }
  | { readonly user: number | undefined; readonly device: number | undefined };

const steps: Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    commands.map((command) => ({ command })),
    fc.record({ user: fc.option(fc.nat(5), { nil: undefined }), device: fc.option(fc.nat(5), { nil: undefined }) }),
  ),
  { minLength: 5, maxLength: 40 },
);

const GROUP: TargetingCommand = { type: 'updateGroup', key: 'g', group: UNITS };

/** The state after a command; the same where it is refused. */
function afterCommand(state: JsonObject, command: TargetingCommand): JsonObject {
  const change = targetingEffect(state, command);
  const next = mergePatch(state, change);
  return check(next, change, jsonBytes(next)).ok ? next : state;
}

function preparedOf(state: JsonObject): PreparedTargeting {
  const targeting = readTargeting(state);
  if (!targeting) throw new Error('there is no targeting');
  return prepareTargeting(targeting, engine);
}

function viewerOf(user: number | undefined, device: number | undefined): JsonObject {
  return { ...(user !== undefined && { user: `u-${user}` }), ...(device !== undefined && { device: `d-${device}` }) };
}

const told = ({ explanations }: Judgement): Assignments => assignmentsOf(explanations);

/** Holds what a viewer was shown; of a line the first place stays. */
function hold(held: Map<string, HeldPlace>, { unheld }: Judgement, since: number): void {
  for (const { line, bucket } of unheld) if (!held.has(line)) held.set(line, { bucket, since });
}

describe('places that are held', () => {
  it('T356 a login changes no arm, and what it holds is shown everywhere, for any history of edits and logins', () => {
    let logins = 0;
    fc.assert(
      fc.property(steps, (history) => {
        let state = afterCommand(FIRST, GROUP);
        const held = new Map<number, Map<string, HeldPlace>>();
        for (const [version, step] of history.entries()) {
          if ('command' in step) {
            state = afterCommand(state, step.command);
            continue;
          }
          const prepared = preparedOf(state);
          const { user, device } = step;
          if (user === undefined || device === undefined) continue;
          const own = held.get(user) ?? new Map<string, HeldPlace>();
          held.set(user, own);
          const isNew = own.size === 0;
          const shown = judge(prepared, viewerOf(user, device), engine, own);
          if (isNew) expect(told(shown)).toEqual(told(judge(prepared, viewerOf(undefined, device), engine)));
          hold(own, shown, version);
          // On any device, known or not, and on the same one again.
          for (const elsewhere of [undefined, device])
            expect(told(judge(prepared, viewerOf(user, elsewhere), engine, own))).toEqual(told(shown));
          logins += Number(own.size > 0);
        }
      }),
      { numRuns: 300 },
    );
    expect(logins).toBeGreaterThan(100);
  });

  it('T357 exclusion and holdouts hold for who holds places, too, and who holds one moves as its device does', () => {
    let holding = 0;
    fc.assert(
      fc.property(steps, (history) => {
        let state = afterCommand(FIRST, GROUP);
        const held = new Map<number, Map<string, HeldPlace>>();
        const devices = new Map<number, number>();
        for (const [version, step] of history.entries()) {
          if ('command' in step) state = afterCommand(state, step.command);
          const prepared = preparedOf(state);
          const { rules, holdouts } = prepared.targeting;
          const byKey = new Map(rules.map((rule) => [rule.key, rule]));
          if (!('command' in step) && step.user !== undefined && step.device !== undefined) {
            const own = held.get(step.user) ?? new Map<string, HeldPlace>();
            held.set(step.user, own);
            if (own.size === 0) devices.set(step.user, step.device);
            if (devices.get(step.user) === step.device)
              hold(own, judge(prepared, viewerOf(step.user, step.device), engine, own), version);
          }
          for (const [user, own] of held) {
            const { explanations } = judge(prepared, viewerOf(user, undefined), engine, own);
            const inGroup = explanations.filter(({ arm, group }) => arm !== undefined && group === 'g');
            expect(inGroup.length).toBeLessThanOrEqual(1);
            const isOut = explanations.some(({ reason }) => reason === 'HOLDOUT');
            for (const { rule, arm } of isOut ? explanations : [])
              expect(arm === undefined || byKey.get(rule)?.ignoresHoldouts === true || holdouts.size === 0).toBe(true);
            for (const rule of rules) {
              const line = lineOf(rule, prepared.targeting);
              const place = line && placeOn(line.line, line.key, viewerOf(user, undefined), own, engine);
              if (!line || !place?.isHeld) continue;
              holding += 1;
              const ofDevice = placeOn(line.line, line.key, viewerOf(undefined, devices.get(user)), NO_PLACES, engine);
              expect(place.bucket).toBe(ofDevice?.bucket);
            }
          }
        }
      }),
      { numRuns: 300 },
    );
    expect(holding).toBeGreaterThan(200);
  });

  it('T358 50,000 recorded assignments of people who log in are computed again from the history and what is stored, all equal', () => {
    const arms = { a: one, b: one };
    const rule = (given: Partial<RuleInput>): TargetingCommand => ({
      type: 'updateRule',
      key: 'p',
      rule: { order: 1, status: 'running', coverage: 1, arms, ...UNITS, ...given },
    });
    const history = [
      rule({ coverage: 0.4 }),
      rule({ coverage: 0.9 }),
      rule({ arms: { ...arms, c: { ...one, weight: 2 } } }),
      rule({ status: 'ended' }),
      rule({}),
    ];
    const stored: (readonly [string, string, HeldPlace])[] = [];
    const held = new Map<number, Map<string, HeldPlace>>();
    let state = FIRST;
    const states: JsonObject[] = [];
    const recorded: (readonly [version: number, user: number, attributes: JsonObject, shown: Assignments])[] = [];
    for (const [version, command] of history.entries()) {
      state = afterCommand(state, command);
      states.push(state);
      const prepared = preparedOf(state);
      for (let user = 0; user < 10_000; user += 1) {
        // Another one of its three devices at each version; sometimes none.
        const device = (user + version) % 4 === 3 ? undefined : user * 3 + (version % 3);
        const own = held.get(user) ?? new Map<string, HeldPlace>();
        held.set(user, own);
        const attributes = viewerOf(user, device);
        const shown = judge(prepared, attributes, engine, own);
        hold(own, shown, version);
        recorded.push([version, user, attributes, told(shown)]);
      }
    }
    for (const [user, own] of held) for (const [line, place] of own) stored.push([String(user), line, place]);
    const rows = Map.groupBy(JSON.parse(JSON.stringify(stored)) as typeof stored, ([user]) => user);
    const other = createGrowthBookEngine();
    const prepared = states.map((one_) => {
      const targeting = readTargeting(JSON.parse(JSON.stringify(one_)) as JsonObject);
      return targeting && prepareTargeting(targeting, other);
    });
    const wrong = recorded.filter(([version, user, attributes, shown]) => {
      const own = new Map((rows.get(String(user)) ?? []).map(([, line, place]) => [line, place]));
      const then = prepared[version];
      const again = then && judge(then, attributes, other, heldAt(own, version));
      return JSON.stringify(again && told(again)) !== JSON.stringify(shown);
    });
    expect(wrong).toEqual([]);
    expect(recorded).toHaveLength(50_000);
    expect(stored.length).toBeGreaterThan(5_000);
  });

  it('T359 what is stored is data: a place beyond the line, of another line or another seed is none', () => {
    const state = afterCommand(afterCommand(FIRST, GROUP), {
      type: 'updateRule',
      key: 'p',
      rule: { order: 1, status: 'running', coverage: 1, arms: { a: one, b: one }, ...UNITS },
    });
    const prepared = preparedOf(state);
    const plain = told(judge(prepared, viewerOf(1, undefined), engine));
    const [line = ''] = prepared.holding.keys();
    for (const bucket of [-1, 10_000, Number.NaN]) {
      const held = new Map([[line, { bucket, since: 1 }]]);
      expect(told(judge(prepared, viewerOf(1, undefined), engine, held))).toEqual(plain);
    }
    const all = Array.from({ length: 100 }, (_, index) => index * 100);
    const ofOthers = new Map(all.map((bucket) => [`${line} ${bucket}`, { bucket, since: 1 }]));
    expect(told(judge(prepared, viewerOf(1, undefined), engine, ofOthers))).toEqual(plain);
    // Nobody keeps a place without a unit, or where the line has no fallback.
    expect(judge(prepared, viewerOf(undefined, 1), engine).unheld).toEqual([]);
    expect(judge(prepared, viewerOf(1, undefined), engine).unheld).toEqual([]);
  });
});
