import { expect, it } from 'vitest';
import { formulaFault } from '../../../demo/src/editing/formula-fault.ts';

it('D150 a ranking formula that cannot be calculated is told from one that can, in words', () => {
  for (const formula of [
    '',
    'shipped * 10 + reviews * 3 + referrals * 2',
    '-(a - b) ^ 2',
    'max(score, 0.5) / count()',
    'raised + matched',
    'posts.shared % 7',
    'größe_1 * .5',
  ])
    expect([formula, formulaFault(formula)]).toEqual([formula, undefined]);
  expect(formulaFault('shipped *')).toBe('After “*” a number or a name is missing.');
  expect(formulaFault('* 2')).toBe('At the beginning a number or a name is missing before “*”.');
  expect(formulaFault('(a + b')).toBe('A closing bracket is missing.');
  expect(formulaFault('a b')).toBe('“b” is not expected after “a”.');
  expect(formulaFault('a + b)')).toBe('“)” is not expected after “b”.');
  expect(formulaFault('max(a,)')).toBe('After “,” a number or a name is missing before “)”.');
  expect(formulaFault('a $ b')).toBe('“$” is not expected after “a”.');
  expect(formulaFault('('.repeat(10_000))).toBe('It has too many brackets within brackets.');
});
