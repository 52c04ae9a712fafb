import { describe, expect, it } from 'vitest';
import { checkEdits } from './check.ts';
import { runLockFaults } from './run.ts';

/** The same run again: `FAULTS_SEED=7 npx vitest run --project faults`. */
const seed = Number(process.env['FAULTS_SEED'] ?? Math.floor(Math.random() * 1_000_000));

const entry = (version: number, fence: number) => ({ version, fence });

describe('holders that are killed and stopped, over real servers', () => {
  it.each([
    ['a stale fence behind a newer one', [entry(2, 5), entry(3, 7), entry(4, 5)], []],
    ['a stale fence behind what a later holder has seen', [entry(2, 5), entry(3, 5)], [{ fence: 7, version: 2 }]],
    ['an edit without a lock while it is held', [entry(2, 5), entry(3, 0), entry(4, 5)], []],
    ['an edit under another lock while it is held', [entry(2, 5), entry(3, 7), entry(4, 5)], []],
  ])('X60 the checker finds %s', (_what, entries, seen) => {
    expect(checkEdits(entries, seen)).not.toEqual([]);
  });

  it('X60 the checker passes turns, edits in between, and holders that saw all of what came before', () => {
    const entries = [entry(2, 5), entry(3, 5), entry(4, 0), entry(6, 7), entry(8, 9)];
    expect(checkEdits(entries, [entry(3, 7), entry(7, 9)])).toEqual([]);
  });

  it(`X61 no edit is ordered under a stale fence, and nobody is locked out beyond the lease and 3 s, seed ${seed}`, async () => {
    const { violations, counts, logs } = await runLockFaults({
      seed,
      faults: [
        'SIGSTOP of the holder, beyond its lease',
        'SIGSTOP of Redis',
        'kill -9 of an instance',
        'SIGSTOP of an instance',
        'FLUSHALL',
      ],
      lasts: 0,
      say: () => undefined,
    });
    expect(violations, JSON.stringify(logs, undefined, 1)).toEqual([]);
    // Something happened at all, and what was stale was refused.
    expect(Math.min(counts.grants, counts.edits, counts.lost, counts.locked)).toBeGreaterThan(0);
  });
});
