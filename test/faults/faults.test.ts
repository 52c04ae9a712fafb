import { expect, it } from 'vitest';
import { describeRun, describeViolations, keepRecords } from './report.ts';
import { runFaults } from './run.ts';

/** The same run again: `FAULTS_SEED=7 npx vitest run --project faults`. */
const seed = Number(process.env['FAULTS_SEED'] ?? Math.floor(Math.random() * 1_000_000));

it(`X20 W50 E29 G1 G2 G3 G4 G5 G6 G7 G8 G9 hold while everything fails that can, seed ${seed}`, async () => {
  const hold = { short: 800, long: 10_000 };
  const snapshots = { changes: 100, restores: 2 };
  const options = { seed, clients: 16, pace: 400, hold, atOnce: 3, lasts: 0, say: () => undefined, snapshots };
  const result = await runFaults(options);
  const { violations, counts, events, searched } = result;
  expect(
    violations.length === 0
      ? ''
      : [describeViolations(violations), describeRun(result), keepRecords(seed, result)].join('\n'),
  ).toBe('');
  // Something happened at all: changes were made, epochs ended, and streams went on.
  expect(
    Math.min(counts.accepted, counts.durable, counts.epochs, counts.entriesSeen, events, searched),
  ).toBeGreaterThan(0);
  // Some snapshots came through all of it, and were restored. How many are saved by themselves is up to the faults: the
  // claim of an instance that is killed lasts, and by a clock that is ahead for minutes.
  const { asked = 0, periodic = 0, restored } = result.snapshots ?? {};
  expect(asked).toBeGreaterThan(2);
  expect(periodic).toBeGreaterThan(0);
  expect(restored).toBe(2);
});
