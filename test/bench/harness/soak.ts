import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { growsWithoutBound, type Watched } from '../report/growth.ts';
import type { Usage } from './messages.ts';
import { createServices } from './services.ts';
import { BrokenRun, everythingSeen, withTrial, type Trial } from './trial.ts';

/** Watchers that are there at any time, and those of them that leave and come in each cycle. */
const WATCHERS = 400;
const CHANGING = 40;
/** Campaigns that are made in each cycle; nobody uses them after that. */
const CAMPAIGNS = 10;
const CAMPAIGN_BYTES = 2_000;
const IDLE_TTL_MS = 4_000;
const UPDATES = 20;
const MUTATIONS = 50;
const CYCLE_MS = 1_000;
/** Lines of the table at most. */
const LINES = 60;

const MB = 1024 * 1024;

const WATCHED: readonly (Watched & { of(usage: Usage): number })[] = [
  { name: 'RSS', unit: 'MB', slack: 24, of: ({ rss }) => rss / MB },
  { name: 'heap', unit: 'MB', slack: 4, of: ({ heap }) => heap / MB },
  { name: 'handles', unit: '', slack: 20, of: ({ handles }) => handles },
  { name: 'listeners', unit: '', slack: 5, of: ({ listeners }) => listeners },
  { name: 'campaigns', unit: '', slack: 2 * CAMPAIGNS, of: ({ campaigns }) => campaigns },
];

const print = (text: string): void => void process.stdout.write(`${text}\n`);

/**
 * Lets clients come, edit and go, and campaigns be made and forgotten, on the embedded database, for so many minutes;
 * answers the exit code: 1 where something grows without bound, or where a watcher missed something.
 */
export async function soak(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { minutes: { type: 'string', default: '60' } } });
  const minutes = Number(values.minutes);
  if (!(minutes > 0)) {
    print('npm run soak -- --minutes n: takes a number of minutes');
    return 1;
  }
  const services = createServices();
  try {
    const env = { DATA_DIR: await services.folder(), BENCH_IDLE_TTL_MS: String(IDLE_TTL_MS) };
    const samples = await withTrial('ours', (trial) => live(trial, minutes), env);
    const growing = WATCHED.filter((watched) => growsWithoutBound(samples.map(watched.of), watched));
    for (const { name } of growing) print(`${name} grows without bound.`);
    if (growing.length === 0) print('Nothing grows without bound.');
    return growing.length > 0 ? 1 : 0;
  } catch (error) {
    if (!(error instanceof BrokenRun)) throw error;
    print(`BROKEN: ${error.message}`);
    return 1;
  } finally {
    await services.stop();
  }
}

async function live(trial: Trial, minutes: number): Promise<Usage[]> {
  const { server, load, watch, contestant } = trial;
  const { protocol, secret } = contestant;
  const samples: Usage[] = [];
  const startedAt = performance.now();
  const end = startedAt + minutes * 60_000;
  const sampleEvery = Math.max(5_000, (minutes * 60_000) / LINES);
  let sampledAt = Number.NEGATIVE_INFINITY;
  print(
    ['minute', ...WATCHED.map(({ name, unit }) => (unit === '' ? name : `${name} ${unit}`))]
      .map((cell) => cell.padStart(10))
      .join(''),
  );
  await watch(WATCHERS);
  while (performance.now() < end) {
    const cycleAt = performance.now();
    await load.leave(CHANGING);
    await watch(CHANGING);
    await load.reset();
    const last = await server.publish(UPDATES, 180);
    await everythingSeen(trial, UPDATES, last);
    await load.mutate({
      protocol,
      port: server.port,
      count: MUTATIONS,
      window: 8,
      ...(secret !== undefined && { secret }),
    });
    await server.campaigns(CAMPAIGNS, CAMPAIGN_BYTES);
    if (performance.now() - sampledAt >= sampleEvery) {
      sampledAt = performance.now();
      const usage = await server.usage('everything');
      samples.push(usage);
      const cells = [
        ((sampledAt - startedAt) / 60_000).toFixed(1),
        ...WATCHED.map(({ of }) => String(Math.round(of(usage) * 10) / 10)),
      ];
      print(cells.map((cell) => cell.padStart(10)).join(''));
    }
    await pause(Math.max(0, CYCLE_MS - (performance.now() - cycleAt)));
  }
  return samples;
}
