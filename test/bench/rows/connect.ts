import type { ContestantName } from '../harness/contestants.ts';
import { atMost, inTurn, type Row } from '../harness/row.ts';
import { withTrial } from '../harness/trial.ts';

const CONTESTANTS: ContestantName[] = [
  'raw-ws-token',
  'ours',
  'ours-iterator',
  'stock-trpc',
  'socket.io',
  'graphql-ws',
  'hocuspocus',
  'colyseus',
];
const SNAPSHOT_BYTES = 4_000;

/**
 * What a watcher costs before anything changes. The raw ws verifies the same token, parses a message that subscribes
 * and sends the same snapshot; the other peers do without token and snapshot.
 */
export const connect: Row = {
  name: 'connect',
  lines: [
    { name: 'connect-cpu', title: 'CPU to connect and subscribe', unit: 'µs', targets: [atMost(1.5, 'raw-ws-token')] },
    { name: 'idle-heap', title: 'heap per idle watcher', unit: 'KB', targets: [atMost(16)] },
  ],
  async measure(round) {
    const watchers = round.size({ full: 1_000, quick: 400, verify: 10 });
    // Those that came before, for whom code was compiled; what a connection costs is what the next one costs.
    const warmUp = round.size({ full: 4_000, quick: 1_000, verify: 5 });
    for (const name of inTurn(CONTESTANTS, round)) {
      await withTrial(
        name,
        async ({ server, load, watch }) => {
          await watch(warmUp);
          await load.leave(warmUp);
          const before = await server.usage();
          await watch(watchers);
          const { cpu } = await server.usage('nothing');
          const { heap } = await server.usage();
          round.record('connect-cpu', name, (cpu - before.cpu) / watchers);
          round.record('idle-heap', name, (heap - before.heap) / watchers / 1_024);
        },
        { BENCH_BYTES: String(SNAPSHOT_BYTES) },
      );
    }
  },
};
