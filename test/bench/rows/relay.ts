import { startServer, type Server } from '../harness/child.ts';
import { CONTESTANTS, type ContestantName } from '../harness/contestants.ts';
import { inTurn, type Round, type Row } from '../harness/row.ts';
import { everythingSeen, percentile, withTrial } from '../harness/trial.ts';

const WAYS: ContestantName[] = ['ours', 'ours-relay', 'ours-chain'];
const RATE = 20;
const BYTES = 180;

/** The watchers behind one relay, and behind a chain of two, beside those of the origin itself. */
export const relay: Row = {
  name: 'relay',
  rounds: { full: 5, quick: 1, verify: 1 },
  lines: [
    { name: 'relay-p50', title: 'change at the origin to watchers, p50', unit: 'ms', targets: [] },
    { name: 'relay-p99', title: 'change at the origin to watchers, p99', unit: 'ms', targets: [] },
    {
      name: 'relay-cpu',
      title: 'CPU per delivery of the server that is watched',
      unit: 'µs',
      targets: [],
    },
  ],
  async measure(round) {
    for (const name of inTurn(WAYS, round)) await measureWay(round, name);
  },
};

async function measureWay(round: Round, name: ContestantName): Promise<void> {
  const watchers = round.size({ full: 1_000, quick: 500, verify: 20 });
  const milliseconds = round.size({ full: 4_000, quick: 1_500, verify: 300 });
  const { system, env } = CONTESTANTS.ours;
  const started: Server[] = [];
  try {
    const origin = name === 'ours' ? undefined : await startServer(system, { ...env });
    if (origin) started.push(origin);
    let before = origin;
    if (before && name === 'ours-chain') {
      before = await startServer('ours-relay', { ...env, BENCH_UPSTREAM: addressOf(before) });
      started.push(before);
    }
    const upstream = before && { BENCH_UPSTREAM: addressOf(before) };
    await withTrial(
      name,
      async (trial) => {
        const writer = origin ?? trial.server;
        await trial.watch(watchers);
        const publish = async (duration: number): Promise<number[]> => {
          await trial.load.reset();
          const last = await writer.publishAt(RATE, duration, BYTES);
          return (await everythingSeen(trial, Math.round((RATE * duration) / 1_000), last)).latencies;
        };
        await publish(milliseconds / 2);
        const usedBefore = (await trial.server.usage('garbage')).cpu;
        const latencies = await publish(milliseconds);
        const cpu = (await trial.server.usage('nothing')).cpu - usedBefore;
        round.record('relay-cpu', name, cpu / latencies.length);
        round.record('relay-p50', name, percentile(latencies, 0.5) / 1_000);
        round.record('relay-p99', name, percentile(latencies, 0.99) / 1_000);
      },
      { ...upstream },
    );
  } finally {
    for (const server of started.reverse()) await server.stop();
  }
}

function addressOf({ port }: Server): string {
  return `ws://127.0.0.1:${port}`;
}
