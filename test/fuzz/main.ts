import { parseArgs } from 'node:util';
import { runFuzz } from './run.ts';

/**
 * A server under random attack: odd HTTP, ranges, pipelines, tRPC envelopes, ws frames, tokens and documents, while an
 * honest client's changes must go on arriving.
 *
 * @example npm run test:fuzz -- --minutes 30 --seed 7
 */
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '3' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1_000_000)) },
  },
});
const seed = Number(values.seed);
const minutes = Number(values.minutes);
if (![seed, minutes].every((value) => Number.isFinite(value) && value >= 0)) {
  process.stderr.write('test:fuzz takes --minutes N --seed S, both of them numbers.\n');
  process.exit(1);
}

const stopped = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopped.abort());

const startedAt = performance.now();
const say = (text: string): void =>
  console.log(`${((performance.now() - startedAt) / 1_000).toFixed(0).padStart(5)} s  ${text}`);
say(`seed ${seed}, ${minutes} minutes`);
const { attacks, byKind, findings, rounds, slowestRound, memory } = await runFuzz({
  seed,
  lasts: minutes * 60_000,
  say,
  signal: stopped.signal,
});
console.log(
  `${attacks} attacks (${Object.entries(byKind)
    .map(([kind, count]) => `${kind} ${count}`)
    .join(
      ', ',
    )}); ${rounds} honest changes, the slowest ${slowestRound.toFixed(0)} ms; MB ${memory.map(Math.round).join(' ')}`,
);
for (const finding of findings) console.log(`FOUND ${finding}`);
console.log(findings.length === 0 ? `seed ${seed}: nothing found` : `seed ${seed}: ${findings.length} findings`);
process.exitCode = findings.length === 0 ? 0 : 1;
