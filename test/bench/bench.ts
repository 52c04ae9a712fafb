import { parseArgs } from 'node:util';
import type { Mode } from './harness/row.ts';
import { runRows } from './harness/run-rows.ts';
import { createServices } from './harness/services.ts';
import { keep } from './report/files.ts';
import { ROWS } from './rows/index.ts';

const USAGE = `npm run bench -- [--quick | --verify] [--only row]… [--rounds n]

  --quick   about four minutes: smaller crowds, fewer rounds
  --verify  each row once and tiny, for its outcome alone; measures nothing
  --only    ${ROWS.map(({ name }) => name).join(', ')}
  --rounds  how often each row is measured; default 5, quick 2`;

const ROUNDS: Readonly<Record<Mode, number>> = { full: 5, quick: 2, verify: 1 };

const print = (text: string): void => void process.stdout.write(`${text}\n`);

interface Arguments {
  mode: Mode;
  rounds: number;
  only: readonly string[];
}

function readArguments(args: string[]): Arguments {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: 'boolean', default: false },
      verify: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true, default: [] },
      rounds: { type: 'string' },
    },
  });
  const mode = values.verify ? 'verify' : values.quick ? 'quick' : 'full';
  const rounds = values.rounds === undefined ? ROUNDS[mode] : Number(values.rounds);
  const unknown = values.only.find((name) => ROWS.every((row) => row.name !== name));
  if (unknown !== undefined) throw new Error(`there is no row "${unknown}"`);
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds takes a whole number from 1');
  return { mode, rounds, only: values.only };
}

/** Runs the benchmark; answers the process's exit code: 1 where a run was broken, whatever the figures. */
export async function bench(args: string[]): Promise<number> {
  let read: Arguments;
  try {
    read = readArguments(args);
  } catch (error) {
    print(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    return 1;
  }
  const { mode, rounds, only } = read;
  const rows = ROWS.filter(({ name }) => only.length === 0 || only.includes(name));
  const services = createServices();
  const startedAt = performance.now();
  try {
    const broken = await runRows(rows, {
      mode,
      rounds,
      services,
      atOnce: mode === 'verify' ? 3 : 1,
      print,
      onResults: keep,
    });
    const took = `${Math.round((performance.now() - startedAt) / 1_000)} s`;
    if (broken.length > 0) {
      print(`Broken after ${took}:\n${broken.map((line) => `  ${line}`).join('\n')}`);
      return 1;
    }
    print(
      mode === 'verify'
        ? `Every row does what it is measured for (${took}).`
        : `Done in ${took}; the table is in test/bench/README.md.`,
    );
    return 0;
  } finally {
    await services.stop();
  }
}
