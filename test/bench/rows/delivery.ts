import type { ContestantName } from '../harness/contestants.ts';
import { atMost, inTurn, type Row } from '../harness/row.ts';
import { fanOut, withTrial } from '../harness/trial.ts';

const CONTESTANTS: ContestantName[] = [
  'raw-ws',
  'ours',
  'ours-iterator',
  'ours-receipts',
  'stock-trpc',
  'socket.io',
  'graphql-ws',
  'hocuspocus',
  'colyseus',
];

const SIZES = [
  { name: '180b', bytes: 180 },
  { name: '4kb', bytes: 4_000 },
];

/** What one delivery costs the server: 20 updates a second to 1,000 watchers of one campaign. */
export const delivery: Row = {
  name: 'delivery',
  lines: [
    {
      name: 'delivery-180b',
      title: 'CPU per delivery, 180 B',
      unit: 'µs',
      targets: [atMost(1.15, 'raw-ws'), atMost(1 / 3.5, 'stock-trpc'), atMost(0.75, 'socket.io')],
    },
    {
      name: 'delivery-4kb',
      title: 'CPU per delivery, 4 KB',
      unit: 'µs',
      targets: [atMost(1.25, 'raw-ws'), atMost(1 / 3.5, 'stock-trpc'), atMost(0.75, 'socket.io')],
    },
    { name: 'delivery-180b-p50', title: 'change to arrival, 180 B, p50', unit: 'ms', targets: [] },
    { name: 'delivery-180b-p99', title: 'change to arrival, 180 B, p99', unit: 'ms', targets: [] },
    { name: 'delivery-4kb-p50', title: 'change to arrival, 4 KB, p50', unit: 'ms', targets: [] },
    { name: 'delivery-4kb-p99', title: 'change to arrival, 4 KB, p99', unit: 'ms', targets: [] },
  ],
  async measure(round) {
    const watchers = round.size({ full: 1_000, quick: 500, verify: 20 });
    const rate = 20;
    const milliseconds = round.size({ full: 4_000, quick: 1_000, verify: 250 });
    // Long enough that code is compiled: what follows is what a delivery costs from then on.
    const warmUp = round.size({ full: 5_000, quick: 1_000, verify: 50 });
    for (const name of inTurn(CONTESTANTS, round)) {
      await withTrial(name, async (trial) => {
        await trial.watch(watchers);
        for (const { name: size, bytes } of SIZES) {
          await fanOut(trial, { rate, milliseconds: warmUp, bytes });
          const { cpuPerDelivery, p50, p99 } = await fanOut(trial, { rate, milliseconds, bytes });
          round.record(`delivery-${size}`, name, cpuPerDelivery);
          round.record(`delivery-${size}-p50`, name, p50);
          round.record(`delivery-${size}-p99`, name, p99);
        }
      });
    }
  },
};
