import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RuleInput } from '../../../server/core/document/targeting-fields.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../../server/core/json.ts';
import type { ImportPlan } from '../../../server/targeting/import/import-plan.ts';
import { readUnleash } from '../../../server/targeting/import/unleash.ts';
import { createUnleashOracle, readUnleashSpecification, type UnleashContext } from '../../tools/unleash.ts';
import { engine, imported, rulesAbout, type Imported } from './support.ts';

const RUNS = Number(process.env['TARGETING_RUNS'] ?? 2_000);
const TIMEOUT_MS = 30_000 + RUNS * 10;

/** An Unleash context as the attributes of a viewer. */
function attributesOf({ properties, ...fields }: UnleashContext): JsonObject {
  return Object.fromEntries(
    // Contexts are plain JSON.
    Object.entries({ ...(properties as JsonObject | undefined), ...(fields as JsonObject) }).filter(
      ([, value]) => value !== null && value !== undefined,
    ),
  );
}

type Seen = ReturnType<Imported['see']>;

/**
 * Whether a place on a number line decides about a flag, or its value: who has it is drawn anew by an import, because
 * the services hash differently. Somebody without a unit is drawn, too, where Unleash then takes a random one.
 */
function isDrawn(plan: ImportPlan, { explanations }: Seen, flag: string, what: 'flag' | 'value'): boolean {
  const about = [...rulesAbout(plan, flag)].filter(([, { arms }]) =>
    Object.values(arms).some(({ change }) => (change.features !== undefined) === (what === 'flag')),
  );
  const reasonOf = (key: string) => explanations.find(({ rule }) => rule === key)?.reason ?? '';
  const dependsOnDraw = ({ requires }: RuleInput): boolean => {
    const required = requires && plan.rules.get(requires.rule);
    if (!required) return false;
    return ['SPLIT', 'NOT_COVERED', 'NO_UNIT'].includes(reasonOf(requires.rule)) || dependsOnDraw(required);
  };
  const isCertain = about.some(([key, rule]) => reasonOf(key) === 'TARGETING_MATCH' && !dependsOnDraw(rule));
  if (what === 'flag' && isCertain) return false;
  return about.some(([key, rule]) => {
    const reason = reasonOf(key);
    if (dependsOnDraw(rule)) return true;
    if (reason === 'NO_UNIT') return rule.fallbackUnit !== undefined || what === 'value';
    return rule.coverage > 0 && (reason === 'SPLIT' || reason === 'NOT_COVERED');
  });
}

const DRAWN = 'is decided by a draw, and who is drawn is another one here: the services hash differently';

function isOn({ state }: Seen, flag: string): boolean {
  const { features } = state;
  return Array.isArray(features) && features.includes(flag);
}

function valueOf({ state }: Seen, flag: string): JsonValue | undefined {
  const { flags } = state;
  return isJsonObject(flags) ? flags[flag] : undefined;
}

function payloadOf({ name, payload }: { name: string; payload?: { type: string; value: string } }): JsonValue {
  if (payload?.type === 'json') return JSON.parse(payload.value) as JsonValue;
  if (payload?.type === 'number') return Number(payload.value);
  return payload?.value ?? name;
}

describe('the import from Unleash', () => {
  it("T300 answers every case of Unleash's client specification as it says, but for those that are named, each with its reason", () => {
    const leftOut: Record<string, string> = {};
    let count = 0;
    for (const { name, state, tests, variantTests } of readUnleashSpecification()) {
      if (!state.features) {
        const reason = 'is about the protocol between a server and its SDKs, not about an export';
        for (const { description } of [...tests, ...variantTests]) leftOut[`${name}: ${description}`] = reason;
        continue;
      }
      const plan = readUnleash(state, engine);
      const campaign = imported(plan);
      const reasons = new Map(plan.leftOut.map(({ flag, message }) => [flag, message]));
      for (const { description, context, toggleName, expectedResult } of tests) {
        const seen = campaign.see(attributesOf(context));
        const reason = reasons.get(toggleName) ?? (isDrawn(plan, seen, toggleName, 'flag') ? DRAWN : undefined);
        if (reason !== undefined) leftOut[`${name}: ${description}`] = `${toggleName} ${reason}`;
        else {
          count += 1;
          expect(isOn(seen, toggleName), `${name}: ${description}`).toBe(expectedResult);
        }
      }
      for (const { description, context, toggleName, expectedResult } of variantTests) {
        const seen = campaign.see(attributesOf(context));
        const reason =
          reasons.get(toggleName) ??
          ((['flag', 'value'] as const).some((what) => isDrawn(plan, seen, toggleName, what)) ? DRAWN : undefined);
        if (reason !== undefined) leftOut[`${name}: ${description}`] = `${toggleName} ${reason}`;
        else {
          count += 1;
          expect(isOn(seen, toggleName), `${name}: ${description}`).toBe(expectedResult.feature_enabled);
          const expected = expectedResult.enabled ? payloadOf(expectedResult) : undefined;
          expect(valueOf(seen, toggleName), `${name}: ${description}`).toEqual(expected);
        }
      }
    }
    const file = join(import.meta.dirname, 'unleash-left-out.json');
    expect({ carried: count, leftOut }).toEqual(JSON.parse(readFileSync(file, 'utf8')));
  });

  it(
    "T301 gives random contexts what Unleash's own SDK gives them offline, for random flags that no draw decides",
    () => {
      const counts = { on: 0, off: 0, values: 0, leftOut: 0 };
      fc.assert(
        fc.property(states, contexts, (state, context) => {
          const plan = readUnleash(state, engine);
          const seen = imported(plan).see(attributesOf(context));
          const oracle = createUnleashOracle(state);
          for (const { name } of state.features) {
            if (!plan.flags.includes(name) || isDrawn(plan, seen, name, 'flag')) {
              counts.leftOut += 1;
              continue;
            }
            const enabled = oracle.isEnabled(name, context);
            counts[enabled ? 'on' : 'off'] += 1;
            expect(isOn(seen, name)).toBe(enabled);
            if (isDrawn(plan, seen, name, 'value')) continue;
            const chosen = oracle.variantOf(name, context);
            if (chosen.enabled) counts.values += 1;
            expect(valueOf(seen, name)).toEqual(chosen.enabled ? payloadOf(chosen) : undefined);
          }
        }),
        { numRuns: RUNS },
      );
      // Where all are alike, nothing is compared.
      expect(Math.min(counts.on, counts.off, counts.values)).toBeGreaterThan(RUNS / 20);
    },
    TIMEOUT_MS,
  );

  it('T302 keeps the shares of rollouts and variants, over 20,000 people', () => {
    const variants = [
      { name: 'red', weight: 300 },
      { name: 'blue', weight: 700 },
    ];
    const parameters = { rollout: '40', stickiness: 'userId', groupId: 'colours' };
    const features = [
      { name: 'colour', enabled: true, strategies: [{ name: 'flexibleRollout', parameters }], variants },
    ];
    const campaign = imported(readUnleash({ version: 2, features }, engine));
    const people = Array.from({ length: 20_000 }, (_, index) => campaign.see({ userId: `user-${index}` }));
    const shareOf = (holds: (seen: Seen) => boolean) => people.filter(holds).length / people.length;
    expect(shareOf((seen) => isOn(seen, 'colour'))).toBeCloseTo(0.4, 1);
    expect(shareOf((seen) => valueOf(seen, 'colour') === 'red')).toBeCloseTo(0.12, 1);
    expect(shareOf((seen) => valueOf(seen, 'colour') === 'blue')).toBeCloseTo(0.28, 1);
    expect(people.every((seen) => isOn(seen, 'colour') === (valueOf(seen, 'colour') !== undefined))).toBe(true);
  });

  it("T303 reads the export of Unleash's console as what its server tells SDKs", () => {
    const strategy = { name: 'userWithId', parameters: { userIds: 'ada, grace' }, constraints: [] };
    const told = readUnleash(
      { features: [{ name: 'beta', description: 'For two', enabled: true, strategies: [strategy] }] },
      engine,
    );
    const exported = readUnleash(
      {
        features: [{ name: 'beta', description: 'For two', type: 'release' }],
        featureStrategies: [{ ...strategy, featureName: 'beta', environment: 'production', id: '1' }],
        featureEnvironments: [{ featureName: 'beta', environment: 'production', enabled: true, variants: [] }],
        segments: [],
      },
      engine,
    );
    expect([...exported.rules]).toEqual([...told.rules]);
    expect([...told.rules.keys()]).toEqual(['beta']);
  });
});

const ATTRIBUTES = ['userId', 'sessionId', 'country', 'level', 'version'];
const VALUES = [
  'ada',
  'grace',
  'Ada',
  'de',
  'NG',
  '3',
  '10',
  '-1.5',
  '1.2.3',
  '1.2.3-beta.1',
  '2.0.0',
  'true',
  'a.b',
  '',
];
const word = fc.constantFrom(...VALUES);

const contexts = fc
  .record(Object.fromEntries(ATTRIBUTES.map((name) => [name, fc.option(word, { nil: undefined })] as const)))
  .map(({ userId, sessionId, ...properties }): UnleashContext => ({
    ...(userId !== undefined && { userId }),
    ...(sessionId !== undefined && { sessionId }),
    // Its type has no absent members; its SDK takes them as they come.
    properties: properties as Record<string, string>,
  }));

const constraint = fc.record({
  contextName: fc.constantFrom(...ATTRIBUTES),
  operator: fc.constantFrom(
    'IN',
    'NOT_IN',
    'STR_STARTS_WITH',
    'STR_ENDS_WITH',
    'STR_CONTAINS',
    'NUM_EQ',
    'NUM_GT',
    'NUM_GTE',
    'NUM_LT',
    'NUM_LTE',
    'SEMVER_EQ',
    'SEMVER_GT',
    'SEMVER_LT',
    'REGEX',
    'DATE_AFTER',
  ),
  values: fc.array(word, { maxLength: 3 }),
  value: word,
  inverted: fc.boolean(),
  caseInsensitive: fc.boolean(),
});

const variantsOf = fc.array(fc.record({ name: fc.constantFrom('red', 'blue'), weight: fc.constantFrom(0, 1, 999) }), {
  maxLength: 1,
});

const strategies = fc.array(
  fc.record({
    name: fc.constantFrom('default', 'flexibleRollout', 'flexibleRollout', 'userWithId', 'gradualRolloutUserId'),
    parameters: fc.record({
      userIds: fc.constantFrom('ada', 'ada,grace', 'x , Ada', ''),
      rollout: fc.constantFrom('0', '100', '100', '50'),
      percentage: fc.constantFrom('0', '100'),
      stickiness: fc.constantFrom('default', 'userId', 'country', 'random'),
      groupId: fc.constantFrom('a', 'b'),
    }),
    constraints: fc.array(constraint, { maxLength: 2 }),
    segments: fc.subarray([1, 2]),
    variants: variantsOf,
  }),
  { maxLength: 3 },
);

const states = fc.record({
  features: fc.tuple(
    fc.record({ name: fc.constant('parent'), enabled: fc.boolean(), strategies, variants: variantsOf }),
    fc.record({
      name: fc.constant('child'),
      enabled: fc.constant(true),
      strategies,
      variants: variantsOf,
      dependencies: fc.oneof(
        fc.constant([]),
        fc.record({ feature: fc.constant('parent'), enabled: fc.boolean() }).map((one) => [one]),
        fc.constant([{ feature: 'parent', enabled: true, variants: ['red'] }]),
      ),
    }),
  ),
  segments: fc.tuple(
    fc.record({ id: fc.constant(1), constraints: fc.array(constraint, { maxLength: 2 }) }),
    fc.record({ id: fc.constant(2), constraints: fc.array(constraint, { maxLength: 1 }) }),
  ),
});
