import fc from 'fast-check';
import { expect, test } from 'vitest';
import { plainOf } from '../../../server/core/document/document-tree.ts';
import { mergePatch } from '../../../server/core/document/merge-patch.ts';
import { armChangeBetween } from '../../../server/core/targeting/arm-change.ts';
import { applyArm } from '../../../server/core/targeting/resolve.ts';
import { previewRule } from '../../../client-sdk/src/targeting/index.ts';
import { plainDocuments } from '../arbitraries.ts';

const features = fc.option(fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 4 }), { nil: undefined });

const state = fc
  .tuple(plainDocuments, features)
  .map(([open, set]) => ({ ...open, ...(set && { features: set }), slug: 's', title: 't' }));

test('T400 the change between two documents, as an arm, makes one of the other', () => {
  fc.assert(
    fc.property(state, state, (before, after) => {
      const change = armChangeBetween(before, after);
      expect(plainOf(applyArm(before, change))).toEqual(after);
      // Nothing in it removes: a merge patch of an arm has no `null` members.
      expect(mergePatch({}, change.merge ?? {})).toEqual(change.merge ?? {});
    }),
    { numRuns: 2_000 },
  );
});

test('T400 an arm that only adds or removes features says so, and nothing else', () => {
  const change = armChangeBetween({ features: ['a', 'b'], theme: { gap: 1 } }, { features: ['a', 'c'], theme: {} });
  expect(change).toEqual({ remove: [['theme', 'gap']], features: { add: ['c'], remove: ['b'] } });
  expect(armChangeBetween({ features: ['a', 'b'] }, { features: ['b', 'a'] })).toEqual({
    merge: { features: ['b', 'a'] },
  });
  expect(armChangeBetween({ slug: 's' }, { slug: 's' })).toEqual({});
});

test('T401 a preview tells the share that would move, by the functions of the server', () => {
  const arms = { a: { weight: 1, change: {} }, b: { weight: 1, change: {} } };
  const rule = { order: 1, status: 'running' as const, unit: 'userId', coverage: 0.5, arms };
  const line = { seed: 's', hashVersion: 2 as const, phase: 1, ranges: { a: [[0, 2500]], b: [[2500, 5000]] } };
  const before = { slug: 's', title: 't', rules: { price: { ...rule, ...line } } };
  // Read as a document is: frozen JSON.
  const document = JSON.parse(JSON.stringify(before));
  expect(previewRule(document, 'price', { ...rule, coverage: 1 })).toEqual({ moved: 0, shares: { a: 0.5, b: 0.5 } });
  expect(previewRule(document, 'price', { ...rule, coverage: 0.4 }).moved).toBeCloseTo(0.1);
  const third = { ...arms, c: { weight: 1, change: {} } };
  expect(previewRule(document, 'price', { ...rule, arms: third }).moved).toBeCloseTo(1 / 6, 3);
  expect(previewRule(document, 'price', { ...rule, status: 'paused' }).moved).toBe(0.5);
  expect(previewRule(document, 'new', rule).moved).toBe(0);
});
