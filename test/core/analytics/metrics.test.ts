import { expect, test } from 'vitest';
import { decide } from '../../../server/core/commands/decide.ts';
import type { RuleInput } from '../../../server/core/document/targeting-fields.ts';
import { ruleInput } from '../../../server/core/document/targeting-schema.ts';
import { jsonBytes } from '../../../server/core/document/plain-json.ts';
import { mergePatch } from '../../../server/core/document/merge-patch.ts';
import type { JsonObject } from '../../../server/core/json.ts';
import { createDocumentCheck } from '../../../server/core/targeting/check-document.ts';
import { readTargeting } from '../../../server/core/targeting/targeting.ts';
import { createGrowthBookEngine } from '../../../server/targeting/growthbook-engine.ts';

const check = createDocumentCheck({}, createGrowthBookEngine());
const START: JsonObject = { slug: 'summer', title: 'Summer' };

const RULE: RuleInput = {
  order: 1,
  status: 'running',
  unit: 'userId',
  coverage: 0.1,
  arms: { now: { weight: 1, change: {} }, lower: { weight: 1, change: { merge: { commerce: { price: 9 } } } } },
  metrics: {
    leads: { goal: 'lead', type: 'conversion', better: 'up', role: 'goal' },
    errors: { goal: 'error', type: 'count', better: 'down', cap: 5, role: 'guardrail' },
  },
  ramp: [
    { coverage: 0.1, for: { minutes: 30 } },
    { coverage: 1, for: { units: 1_000 } },
  ],
  guard: { metrics: ['errors'], onRegress: 'pause' },
};

/** The state after a rule was put, or the message of the refusal. */
function put(state: JsonObject, given: Partial<RuleInput>): JsonObject | string {
  const content = { state, archivedAt: undefined };
  const situation = {
    campaignId: 'summer',
    epoch: 'e',
    version: 1,
    lineage: [],
    content,
    documentBytes: jsonBytes(state),
  };
  const rule = { ...RULE, ...given };
  const request = { command: { type: 'updateRule' as const, key: 'price', rule }, identity: EDITOR };
  const decision = decide(situation, request, check);
  if (decision.kind === 'rejected') return decision.refusal.message;
  return decision.kind === 'entry' ? mergePatch(state, decision.change) : state;
}

const EDITOR = { id: 'ed', grants: { summer: 'editor' as const } };

function ruleIn(state: JsonObject | string) {
  return typeof state === 'string' ? state : readTargeting(state)?.rules[0];
}

test('E4 metrics, ramp and guard are part of a rule, and checked with it', () => {
  expect(ruleIn(put(START, {}))).toMatchObject({ metrics: RULE.metrics, ramp: RULE.ramp, guard: RULE.guard });
  expect(put(START, { guard: { metrics: ['speed'], onRegress: 'pause' } })).toContain('there is no metric speed');
  const falling = [0.5, 0.1].map((coverage) => ({ coverage, for: { minutes: 1 } }));
  expect(put(START, { ramp: falling })).toContain('ramp.1.coverage');
  const leads = { goal: 'lead', type: 'conversion', better: 'up', role: 'goal' } as const;
  expect(put(START, { metrics: { 'a b': leads }, guard: { metrics: ['a b'], onRegress: 'pause' } })).toContain(
    'must be',
  );
  const many = Object.fromEntries(Array.from({ length: 21 }, (_, index) => [`m${index}`, leads]));
  expect(put(START, { metrics: { ...many, ...RULE.metrics } })).toContain('at most 20 metrics');
  for (const wrong of [{ type: 'median' }, { better: 'sideways' }, { cap: 0 }, { goal: 'no name' }])
    expect(ruleInput.safeParse({ ...RULE, metrics: { leads: { ...leads, ...wrong } } }).success).toBe(false);
  expect(ruleInput.safeParse({ ...RULE, ramp: [{ coverage: 0.1, for: {} }] }).success).toBe(false);
});

test('E5 the step of a ramp stays while the ramp is the same, and goes with another one or a new phase', () => {
  const at = put(START, { step: 1, coverage: 1 });
  if (typeof at === 'string') throw new Error(at);
  expect(ruleIn(put(at, { description: 'words' }))).toMatchObject({ step: 1 });
  expect(ruleIn(put(at, { ramp: [{ coverage: 0.2, for: { minutes: 1 } }] }))).not.toHaveProperty('step');
  expect(ruleIn(put(at, { phase: 2 }))).not.toHaveProperty('step');
});
