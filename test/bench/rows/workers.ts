import type { Received } from '../harness/messages.ts';
import { atMost, inTurn, type Round, type Row } from '../harness/row.ts';
import { everythingSeen, percentile, withTrial } from '../harness/trial.ts';

const RATE = 5;
const BYTES = 180;
/** Two cores bring 1.7 times what one does where both workers together take so much more for a delivery. */
const MOST_FOR_TWO = 2 / 1.7;

/**
 * Two workers beside one process. Clients, primary and workers share the machine's cores here, so that what two cores
 * would bring follows from what a delivery takes of all processes, and of the busiest.
 */
export const workers: Row = {
  name: 'workers',
  rounds: { full: 5, quick: 1, verify: 1 },
  lines: [
    {
      name: 'workers-cpu',
      title: 'CPU per delivery to 4,000, of two workers and their primary',
      unit: 'µs',
      targets: [atMost(MOST_FOR_TWO, 'one-process')],
    },
    {
      name: 'workers-busiest',
      title: 'share of it that the busiest of them takes',
      unit: '×',
      targets: [atMost(1 / 1.7)],
    },
    {
      name: 'workers-p99',
      title: 'change to arrival, 4,000 watchers, two workers, p99',
      unit: 'ms',
      targets: [atMost(1, 'one-process')],
    },
  ],
  async measure(round) {
    for (const name of inTurn(['ours', 'ours-workers'] as const, round)) await measureWay(round, name);
  },
};

async function measureWay(round: Round, name: 'ours' | 'ours-workers'): Promise<void> {
  const watchers = round.size({ full: 4_000, quick: 2_000, verify: 20 });
  const milliseconds = round.size({ full: 8_000, quick: 3_000, verify: 400 });
  await withTrial(name, async (trial) => {
    const { server, load } = trial;
    await trial.watch(watchers);
    const publish = async (duration: number): Promise<Received> => {
      await load.reset();
      const last = await server.publishAt(RATE, duration, BYTES);
      return await everythingSeen(trial, Math.round((RATE * duration) / 1_000), last);
    };
    await publish(milliseconds / 2);
    const before = await server.usage('nothing');
    const { updates, latencies } = await publish(milliseconds);
    const after = await server.usage('nothing');
    const of = name === 'ours' ? 'one-process' : 'ours';
    const cpu = after.cpu - before.cpu;
    round.record('workers-cpu', of, cpu / updates);
    round.record('workers-p99', of, percentile(latencies, 0.99) / 1_000);
    const each = after.cpuOfEach?.map((micros, index) => micros - (before.cpuOfEach?.[index] ?? 0));
    if (each) round.record('workers-busiest', 'ours', Math.max(...each) / cpu);
  });
}
