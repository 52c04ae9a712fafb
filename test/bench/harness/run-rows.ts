import { toResult, type Result } from '../report/result.ts';
import { toText } from '../report/table.ts';
import type { Line, Mode, Peer, Round, Row } from './row.ts';
import type { Services } from './services.ts';

export interface RunOptions {
  mode: Mode;
  /** How often each row is measured, unless it says that fewer rounds do. */
  rounds: number;
  services: Services;
  /** How many rows at a time: more than one only where nothing is measured. */
  atOnce: number;
  print(text: string): void;
  /** Called after each row, so that a run that is broken off keeps what it has. */
  onResults(results: readonly Result[]): Promise<void>;
}

/** Measures the rows; answers what was broken. */
export async function runRows(rows: readonly Row[], options: RunOptions): Promise<string[]> {
  const broken: string[] = [];
  const waiting = [...rows];
  const work = async (): Promise<void> => {
    for (let row = waiting.shift(); row; row = waiting.shift()) {
      const failure = await runRow(row, options);
      if (failure !== undefined) broken.push(`${row.name}: ${failure}`);
    }
  };
  await Promise.all(Array.from({ length: options.atOnce }, work));
  return broken;
}

/** Measures one row and says what came of it; answers why where it was broken. */
async function runRow(row: Row, options: RunOptions): Promise<string | undefined> {
  const { mode, print, onResults } = options;
  const startedAt = performance.now();
  try {
    const results = await measure(row, options);
    print(`${row.name} (${((performance.now() - startedAt) / 1_000).toFixed(1)} s)`);
    if (mode === 'verify') return undefined;
    print(`${toText(results)}\n`);
    await onResults(results);
    return undefined;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    print(`${row.name}: BROKEN: ${message}`);
    return message;
  }
}

async function measure(row: Row, { mode, rounds, services, print }: RunOptions): Promise<Result[]> {
  const samples = new Map<Line, Map<Peer, number[]>>(row.lines.map((line) => [line, new Map()]));
  const said = new Set<string>();
  const round: Omit<Round, 'index'> = {
    services,
    size: (sizes) => sizes[mode],
    record(name, of, value) {
      const line = row.lines.find((candidate) => candidate.name === name);
      if (!line || !Number.isFinite(value)) throw new Error(`${of} has recorded ${value} as ${name}`);
      const byPeer = samples.get(line);
      const values = byPeer?.get(of);
      if (values) values.push(value);
      else byPeer?.set(of, [value]);
    },
    say(sentence) {
      if (!said.has(sentence)) print(sentence);
      said.add(sentence);
    },
  };
  for (let index = 0; index < Math.min(rounds, row.rounds?.[mode] ?? rounds); index += 1)
    await row.measure({ ...round, index });
  const measuredAt = new Date().toISOString();
  return [...samples].flatMap(([line, byPeer]) => toResult(line, byPeer, mode, measuredAt) ?? []);
}
