import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { ROWS } from '../rows/index.ts';
import { chart, THEMES } from './chart.ts';
import type { Result } from './result.ts';
import { toMarkdown } from './table.ts';

const BENCH = join(import.meta.dirname, '..');
const RESULTS = join(BENCH, 'results');
const LATEST = join(RESULTS, 'latest.json');
const README = join(BENCH, 'README.md');
const BEGIN = '<!-- results: written by `npm run bench` -->';
const END = '<!-- end of results -->';
/** What the chart shows. */
const CHARTED = ['delivery-180b', 'delivery-4kb', 'idle-heap'];

interface Latest {
  /** Of the last run. */
  machine: { cpu: string; cores: number; node: string };
  /** Each with the processor that it was measured on: rows are measured one by one, on whichever machine there is. */
  results: (Result & { cpu: string })[];
}

/**
 * Puts new results in the place of earlier ones of the same name; the others stay, so that rows can be measured one by
 * one.
 */
export async function keep(results: readonly Result[]): Promise<void> {
  const earlier = existsSync(LATEST) ? (JSON.parse(await readFile(LATEST, 'utf8')) as Latest).results : [];
  const cpu = cpus()[0]?.model.trim() ?? 'unknown';
  const measured = results.map((result) => ({ ...result, cpu }));
  const byName = new Map([...earlier, ...measured].map((result) => [result.name, result]));
  const names = ROWS.flatMap(({ lines }) => lines.map(({ name }) => name));
  const merged = names.flatMap((name) => byName.get(name) ?? []);
  const latest: Latest = {
    machine: { cpu, cores: availableParallelism(), node: process.version },
    results: merged,
  };
  await mkdir(RESULTS, { recursive: true });
  await writeFile(LATEST, `${JSON.stringify(latest, undefined, 2)}\n`);
  await drawCharts(merged);
  await writeReadme(latest);
}

async function drawCharts(results: readonly Result[]): Promise<void> {
  const shown = CHARTED.flatMap((name) => results.find((result) => result.name === name) ?? []);
  for (const [name, theme] of Object.entries(THEMES))
    await writeFile(join(RESULTS, `chart-${name}.svg`), chart(shown, theme));
}

async function writeReadme({ machine, results }: Latest): Promise<void> {
  const readme = await readFile(README, 'utf8');
  const begin = readme.indexOf(BEGIN);
  const end = readme.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`${README} has no place for results`);
  const days = results.map(({ measuredAt }) => measuredAt.slice(0, 10)).toSorted();
  const when = days[0] === days.at(-1) ? days[0] : `${days[0]} to ${days.at(-1)}`;
  const section = [
    BEGIN,
    '',
    '<picture>',
    '  <source media="(prefers-color-scheme: dark)" srcset="results/chart-dark.svg">',
    '  <img alt="What a delivery and an idle watcher cost, beside other systems" src="results/chart-light.svg" width="760">',
    '</picture>',
    '',
    `Measured ${when} with Node ${machine.node.slice(1)} on ${machine.cores} cores. ${saysMachines(results)}`,
    '',
    toMarkdown(results),
    '',
  ].join('\n');
  await writeFile(README, readme.slice(0, begin) + section + readme.slice(end));
}

/** On which machines: figures of two rows can be compared where these are one, ratios always. */
function saysMachines(results: Latest['results']): string {
  const [first = '', ...others] = Map.groupBy(results, ({ cpu }) => cpu).keys();
  if (others.length === 0) return `All on ${first}.`;
  const rest = others.map((cpu) => {
    const titles = results.filter((result) => result.cpu === cpu).map(({ title }) => title);
    return `on ${cpu}: ${titles.join('; ')}`;
  });
  return `On ${first}, but ${rest.join('; and ')}. Beside whom a figure stands was measured in the same run.`;
}
