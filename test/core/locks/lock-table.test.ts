import { describe, expect, it } from 'vitest';
import { emptyLockTable, REVISIONS_PER_GENERATION } from '../../../server/core/locks/lock-table.ts';

describe('the revision of a lock table', () => {
  it('J104 is a safe integer for every generation that a restore gives until 2057, and rises with each', () => {
    const minutes = (Date.UTC(2057, 0, 1) - Date.UTC(2026, 0, 1)) / 60_000;
    for (const generation of [0, 1, minutes]) {
      const last = emptyLockTable(generation).revision + REVISIONS_PER_GENERATION - 1;
      expect(Number.isSafeInteger(last)).toBe(true);
      expect(emptyLockTable(generation + 1).revision).toBe(last + 1);
    }
  });
});
