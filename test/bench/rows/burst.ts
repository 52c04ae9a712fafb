import type { ContestantName } from '../harness/contestants.ts';
import { atMost, inTurn, type Row } from '../harness/row.ts';
import { everythingSeen, withTrial } from '../harness/trial.ts';

const CONTESTANTS: ContestantName[] = ['raw-ws', 'ours', 'ours-iterator', 'stock-trpc', 'socket.io'];
const BURST = 8;
const BYTES = 180;

/** Eight updates within one turn of the event loop, as a script or an import makes them. */
export const burst: Row = {
  name: 'burst',
  lines: [
    { name: 'burst', title: 'CPU per update and watcher, bursts of 8', unit: 'µs', targets: [atMost(0.3, 'raw-ws')] },
  ],
  async measure(round) {
    const watchers = round.size({ full: 1_000, quick: 500, verify: 20 });
    const bursts = round.size({ full: 40, quick: 20, verify: 3 });
    for (const name of inTurn(CONTESTANTS, round)) {
      await withTrial(name, async (trial) => {
        const { server, load } = trial;
        const publish = async (count: number): Promise<void> => {
          for (let index = 0; index < count; index += 1) {
            await load.reset();
            await everythingSeen(trial, BURST, await server.publish(BURST, BYTES));
          }
        };
        await trial.watch(watchers);
        await publish(Math.ceil(bursts / 4));
        const before = await server.usage();
        await publish(bursts);
        const after = await server.usage('nothing');
        round.record('burst', name, (after.cpu - before.cpu) / (bursts * BURST * watchers));
      });
    }
  },
};
