import { parseArgs } from 'node:util';
import { SCENARIOS, simulate } from './simulate.ts';

/*
 * Plays thousands of tests with a known truth, and says how often the results were wrong: `npm run test:analytics`.
 */

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '2000' }, seed: { type: 'string', default: '1' } },
});
const percent = (share: number): string => `${(share * 100).toFixed(2)} %`;
let failed = 0;
for (const { name, played, holds } of SCENARIOS) {
  const startedAt = performance.now();
  const simulated = simulate(played, Number(values.runs), Number(values.seed));
  const ok = holds(simulated);
  failed += Number(!ok);
  const { found, worse, covered } = simulated;
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  console.log(
    `${ok ? 'holds' : 'FAILS'}  ${name}: found ${percent(found)}, worse ${percent(worse)}, covered ${percent(covered)} ` +
      `(${simulated.runs} tests, seed ${values.seed}, ${seconds} s)`,
  );
}
process.exitCode = failed === 0 ? 0 : 1;
