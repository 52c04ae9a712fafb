import { parseArgs } from 'node:util';
import { playLockFaults } from './locks/main.ts';
import { describeRun, describeViolations, keepRecords } from './report.ts';
import { runFaults } from './run.ts';

/**
 * Real servers, a real Redis, a real Postgres, and everything that can happen to them.
 *
 * Every fault comes once, whatever the time; what is left of it goes to random mixes. Beside the clients so many
 * changes a second are made to campaigns that nobody watches, and snapshots are taken, all of which are compared with
 * the fold of history; so many are restored, spread evenly.
 *
 * With `--locks`: holders of a lock instead of these clients, each fault once and then random ones.
 *
 * @example npm run test:faults -- --minutes 5 --seed 7
 */
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '3' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1_000_000)) },
    clients: { type: 'string', default: '50' },
    changes: { type: 'string', default: '1000' },
    restores: { type: 'string', default: '20' },
    locks: { type: 'boolean', default: false },
  },
});
const seed = Number(values.seed);
const minutes = Number(values.minutes);
const clients = Number(values.clients);
const changes = Number(values.changes);
const restores = Number(values.restores);
if (![seed, minutes, clients, changes, restores].every((value) => Number.isFinite(value) && value >= 0)) {
  process.stderr.write(
    'test:faults takes --minutes N --seed S --clients N --changes N --restores N, all of them numbers.\n',
  );
  process.exit(1);
}

if (values.locks) process.exit((await playLockFaults(seed, minutes)) ? 0 : 1);

const startedAt = performance.now();
const say = (text: string): void =>
  console.log(`${((performance.now() - startedAt) / 1_000).toFixed(0).padStart(5)} s  ${text}`);

const result = await runFaults({
  seed,
  clients,
  pace: 1_200,
  hold: { short: 3_000, long: 30_000 },
  atOnce: 1,
  lasts: minutes * 60_000,
  snapshots: { changes, restores },
  say,
});
console.log(describeRun(result));
if (result.violations.length > 0) {
  console.log(describeViolations(result.violations.slice(0, 20)));
  console.log(
    `seed ${seed}: ${result.violations.length} violations; journals and logs are in ${keepRecords(seed, result)}`,
  );
  process.exitCode = 1;
} else {
  console.log(`seed ${seed}: G1 to G9 hold`);
}
