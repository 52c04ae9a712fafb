import { LOCK_FAULTS, runLockFaults } from './run.ts';

/** A run of faults upon holders of locks, for people: every fault once, and then random ones. */
export async function playLockFaults(seed: number, minutes: number): Promise<boolean> {
  const startedAt = performance.now();
  const say = (text: string): void =>
    console.log(`${((performance.now() - startedAt) / 1_000).toFixed(0).padStart(5)} s  ${text}`);
  const { violations, counts, longest } = await runLockFaults({ seed, lasts: minutes * 60_000, say });
  for (const name of LOCK_FAULTS) say(`${name}: at most ${Math.round(longest.get(name) ?? 0)} ms`);
  console.log(counts);
  for (const violation of violations) console.log(violation);
  console.log(`seed ${seed}: ${violations.length === 0 ? 'no stale write, and nobody locked out' : 'violations'}`);
  return violations.length === 0;
}
