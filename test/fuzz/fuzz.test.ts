import { expect, test } from 'vitest';
import { runFuzz } from './run.ts';

const SEED = Number(process.env['FUZZ_SEED'] ?? 11);

test(`H90 a server under random attack stays up, answers no internal error, and takes an honest client's changes: seed ${SEED}`, async () => {
  const { attacks, findings, rounds, ruleChanges } = await runFuzz({ seed: SEED, lasts: 12_000, say: () => undefined });
  expect(findings).toEqual([]);
  expect(attacks).toBeGreaterThan(10);
  expect(rounds).toBeGreaterThan(0);
  expect(ruleChanges).toBeGreaterThan(1);
});
