import type { ContestantName } from '../harness/contestants.ts';
import { watchersWithin } from '../harness/open-files.ts';
import { atMost, inTurn, type Row } from '../harness/row.ts';
import { fanOut, withTrial } from '../harness/trial.ts';

const CONTESTANTS: ContestantName[] = ['raw-ws', 'ours'];
const BYTES = 180;
const DELIVERIES_PER_SECOND = 20_000;
const MB = 1024 * 1024;

/** The same 20,000 deliveries a second to ever more watchers of one campaign. */
const CROWDS = [
  { watchers: 100, name: '100' },
  { watchers: 1_000, name: '1000' },
  { watchers: 5_000, name: '5000' },
  { watchers: 10_000, name: '10000' },
];

/** Latency, cost and memory as the crowd grows. */
export const crowd: Row = {
  name: 'crowd',
  rounds: { full: 5, quick: 1, verify: 1 },
  lines: [
    ...CROWDS.filter(({ watchers }) => watchers >= 1_000).flatMap(({ name, watchers }) => [
      {
        name: `crowd-${name}-p50`,
        title: `change to arrival, ${watchers.toLocaleString('en')} watchers, p50`,
        unit: 'ms',
        targets: [atMost(1.15, 'raw-ws')],
      },
      {
        name: `crowd-${name}-p99`,
        title: `change to arrival, ${watchers.toLocaleString('en')} watchers, p99`,
        unit: 'ms',
        targets: [atMost(1.3, 'raw-ws')],
      },
    ]),
    {
      name: 'crowd-growth',
      title: 'CPU per delivery to all of them, as a multiple of that to 100',
      unit: '×',
      targets: [atMost(1.15)],
    },
    { name: 'crowd-memory', title: 'resident set, 10,000 idle watchers', unit: 'MB', targets: [atMost(300)] },
  ],
  async measure(round) {
    const share = round.size({ full: 1, quick: 1, verify: 0.001 });
    const seconds = round.size({ full: 8, quick: 2, verify: 0.1 });
    for (const name of inTurn(CONTESTANTS, round)) {
      await withTrial(name, async (trial) => {
        let watching = 0;
        let alone: number | undefined;
        for (const { watchers, name: crowdName } of CROWDS) {
          const wanted = Math.max(2, Math.round(watchers * share));
          const present = watchersWithin(round, 'crowd', wanted);
          if (present <= watching) continue;
          await trial.watch(present - watching);
          watching = present;
          if (watchers === 10_000)
            round.record('crowd-memory', name, (await trial.server.usage('everything')).rss / MB);
          const rate = Math.min(200, DELIVERIES_PER_SECOND / present);
          await fanOut(trial, { rate, milliseconds: Math.max(500 * seconds, 1_000 / rate), bytes: BYTES });
          const { cpuPerDelivery, p50, p99 } = await fanOut(trial, {
            rate,
            milliseconds: Math.max(1_000 * seconds, 2_000 / rate),
            bytes: BYTES,
          });
          alone ??= cpuPerDelivery;
          if (watchers >= 1_000) {
            round.record(`crowd-${crowdName}-p50`, name, p50);
            round.record(`crowd-${crowdName}-p99`, name, p99);
          }
          if (watchers === 10_000) round.record('crowd-growth', name, cpuPerDelivery / alone);
        }
      });
    }
  },
};
