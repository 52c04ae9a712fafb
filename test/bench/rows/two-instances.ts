import { startServer, type Server } from '../harness/child.ts';
import { CONTESTANTS, type Contestant, type ContestantName } from '../harness/contestants.ts';
import type { Collect } from '../harness/messages.ts';
import { atMost, inTurn, type Round, type Row } from '../harness/row.ts';
import { everythingSeen, percentile, withTrial } from '../harness/trial.ts';

const PAIRS: ContestantName[] = ['redis-ws', 'ours', 'socket.io'];
const RATE = 20;
const BYTES = 180;

/** A writer on one instance, the watchers on another; ours also carries what was written into Postgres. */
export const twoInstances: Row = {
  name: 'two-instances',
  rounds: { full: 5, quick: 1, verify: 1 },
  lines: [
    {
      name: 'two-instances-p50',
      title: 'writer on A to watchers on B, p50',
      unit: 'ms',
      targets: [atMost(1.15, 'redis-ws')],
    },
    { name: 'two-instances-p99', title: 'writer on A to watchers on B, p99', unit: 'ms', targets: [] },
    {
      name: 'two-instances-cpu',
      title: 'CPU of both instances per update',
      unit: 'ms',
      targets: [atMost(1.15, 'redis-ws')],
    },
  ],
  async measure(round) {
    for (const name of inTurn(PAIRS, round)) await measurePair(round, name);
  },
};

async function measurePair(round: Round, name: ContestantName): Promise<void> {
  const watchers = round.size({ full: 1_000, quick: 500, verify: 20 });
  const milliseconds = round.size({ full: 4_000, quick: 1_500, verify: 300 });
  const { services } = round;
  const env = {
    REDIS_URL: await services.redisUrl(),
    CAMPAIGN_NAMESPACE: services.namespace(),
    ...(name === 'ours' && { DATABASE_URL: await services.databaseUrl() }),
  };
  const contestant: Contestant = CONTESTANTS[name];
  const writer = await startServer(contestant.system, { ...contestant.env, ...env });
  try {
    await withTrial(
      name,
      async (trial) => {
        await trial.watch(watchers);
        const publish = async (duration: number): Promise<number[]> => {
          await trial.load.reset();
          const last = await writer.publishAt(RATE, duration, BYTES);
          return (await everythingSeen(trial, Math.round((RATE * duration) / 1_000), last)).latencies;
        };
        await publish(milliseconds / 2);
        const both = [writer, trial.server];
        const before = await cpuOf(both, 'garbage');
        const latencies = await publish(milliseconds);
        const cpu = (await cpuOf(both, 'nothing')) - before;
        round.record('two-instances-cpu', name, cpu / 1_000 / ((RATE * milliseconds) / 1_000));
        round.record('two-instances-p50', name, percentile(latencies, 0.5) / 1_000);
        round.record('two-instances-p99', name, percentile(latencies, 0.99) / 1_000);
      },
      env,
    );
  } finally {
    await writer.stop();
  }
}

/** Microseconds, of all of them. */
async function cpuOf(servers: readonly Server[], collect: Collect): Promise<number> {
  let sum = 0;
  for (const server of servers) sum += (await server.usage(collect)).cpu;
  return sum;
}
