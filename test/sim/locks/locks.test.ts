import { describe, expect, it } from 'vitest';
import { checkLockHistory, type LockOperation } from './history.ts';
import { LOCK_MUTANTS } from './mutants.ts';
import { runLocks } from './run.ts';

/** Enough for every run to be short; `npm run test:sim -- --locks` plays thousands. */
const SEEDS = 60;
const MUTANT_SEEDS = 300;

const operation = (
  kind: LockOperation['kind'],
  client: string,
  [invokedAt, answeredAt]: readonly [number, number | undefined],
  given: Partial<LockOperation> = {},
): LockOperation => ({ kind, client, path: ['x'], invokedAt, answeredAt, outcome: 'ok', ...given });

const GOOD: Readonly<Record<string, readonly LockOperation[]>> = {
  'one after the other': [
    operation('acquire', 'a', [0, 1], { fence: 1, expiresAt: 100 }),
    operation('edit', 'a', [2, 3], { fence: 1, order: 1 }),
    operation('release', 'a', [4, 5], { fence: 1 }),
    operation('acquire', 'b', [6, 7], { fence: 2, expiresAt: 100 }),
    operation('edit', 'b', [8, 9], { fence: 2, order: 2 }),
  ],
  'granted while its release is on its way': [
    operation('acquire', 'a', [0, 1], { fence: 1, expiresAt: 100 }),
    operation('release', 'a', [4, 20], { fence: 1 }),
    operation('acquire', 'b', [5, 7], { fence: 2, expiresAt: 100 }),
  ],
  'after it has expired': [
    operation('acquire', 'a', [0, 1], { fence: 1, expiresAt: 10 }),
    operation('acquire', 'b', [5, 12], { fence: 2, expiresAt: 100 }),
    operation('edit', 'a', [11, 13], { fence: 1, outcome: 'refused' }),
  ],
  'taken over': [
    operation('acquire', 'a', [0, 1], { fence: 1, expiresAt: 100 }),
    operation('steal', 'b', [5, 6], { fence: 2, expiresAt: 100 }),
    operation('edit', 'b', [7, 8], { fence: 2, order: 1 }),
  ],
  'on paths that do not conflict': [
    operation('acquire', 'a', [0, 1], { fence: 1, expiresAt: 100 }),
    operation('acquire', 'b', [2, 3], { fence: 2, expiresAt: 100, path: ['y'] }),
    operation('edit', 'c', [4, 5], { order: 1, path: ['z'] }),
  ],
  'an answer that was lost': [
    operation('acquire', 'a', [0, undefined], { outcome: 'unknown' }),
    operation('acquire', 'b', [2, 3], { fence: 2, expiresAt: 100 }),
  ],
};

const BAD: Readonly<Record<string, readonly LockOperation[]>> = {
  'two hold it': [
    operation('acquire', 'a', [0, 1], { fence: 1, expiresAt: 100 }),
    operation('acquire', 'b', [5, 6], { fence: 2, expiresAt: 100 }),
  ],
  'two hold conflicting paths': [
    operation('acquire', 'a', [0, 1], { fence: 1, expiresAt: 100, path: [] }),
    operation('acquire', 'b', [5, 6], { fence: 2, expiresAt: 100, path: ['x', 'y'] }),
  ],
  'the fence falls': [
    operation('acquire', 'a', [0, 1], { fence: 2, expiresAt: 3 }),
    operation('acquire', 'b', [5, 6], { fence: 1, expiresAt: 100 }),
  ],
  'the fence is given twice': [
    operation('acquire', 'a', [0, 1], { fence: 2, expiresAt: 3 }),
    operation('acquire', 'b', [5, 6], { fence: 2, expiresAt: 100 }),
  ],
  'a stale edit is ordered behind a newer one': [
    operation('acquire', 'a', [0, 1], { fence: 1, expiresAt: 4 }),
    operation('acquire', 'b', [5, 6], { fence: 2, expiresAt: 100 }),
    operation('edit', 'b', [7, 8], { fence: 2, order: 1 }),
    operation('edit', 'a', [3, 9], { fence: 1, order: 2 }),
  ],
  'somebody changes what is held': [
    operation('acquire', 'a', [0, 1], { fence: 1, expiresAt: 100 }),
    operation('edit', 'b', [5, 6], { order: 1 }),
  ],
};

describe('histories of locks', () => {
  it.each(Object.entries(GOOD))('Z10 the checker passes what is right: %s', (_what, history) => {
    expect(checkLockHistory(history)).toBeUndefined();
  });

  it('Z10 the checker passes what was locked anew after the log was lost', () => {
    const history = BAD['two hold it'] ?? [];
    expect(checkLockHistory(history, [3])).toBeUndefined();
    expect(checkLockHistory(history, [8])).toBeDefined();
  });

  it.each(Object.entries(BAD))('Z10 the checker finds what is wrong: %s', (_what, history) => {
    expect(checkLockHistory(history)).toBeDefined();
  });

  it(
    `Z11 nothing is ordered past a lock, or under one that is not current: ${SEEDS} seeds`,
    { timeout: 240_000 },
    async () => {
      const sums = { grants: 0, edits: 0, locked: 0, lost: 0, faults: 0 };
      for (let seed = 1; seed <= SEEDS; seed += 1) {
        const { violation, journal, counts } = await runLocks(seed);
        expect(violation, `seed ${seed}\n${journal.slice(-30).join('\n')}`).toBeUndefined();
        for (const key of ['grants', 'edits', 'locked', 'lost', 'faults'] as const) sums[key] += counts[key];
      }
      console.log(`${SEEDS} seeds of locks:`, sums);
      for (const sum of Object.values(sums)) expect(sum).toBeGreaterThan(SEEDS);
    },
  );

  it.each(LOCK_MUTANTS)('Z12 finds a mutant: $name', { timeout: 240_000 }, async (mutant) => {
    for (let seed = 1; seed <= MUTANT_SEEDS; seed += 1) if ((await runLocks(seed, mutant)).violation) return;
    throw new Error(`it lived for ${MUTANT_SEEDS} seeds`);
  });
});
