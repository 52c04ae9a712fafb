import { startServer, type Server } from '../harness/child.ts';
import { CONTESTANTS, type ContestantName } from '../harness/contestants.ts';
import type { Received } from '../harness/messages.ts';
import { atMost, inTurn, type Round, type Row } from '../harness/row.ts';
import { everythingSeen, percentile, withTrial } from '../harness/trial.ts';

const WAYS: ContestantName[] = ['ours', 'ours-relay', 'ours-chain'];
const RATE = 20;
const BYTES = 180;

/** The watchers behind one relay, beside those of the origin itself and of a chain of two. */
export const relay: Row = {
  name: 'relay',
  rounds: { full: 5, quick: 1, verify: 1 },
  lines: [
    { name: 'relay-p50', title: 'change at the origin to 1,000 behind a relay, p50', unit: 'ms', targets: [] },
    { name: 'relay-p99', title: 'change at the origin to 1,000 behind a relay, p99', unit: 'ms', targets: [] },
    {
      name: 'relay-added',
      title: 'what a relay adds to that p50',
      unit: 'ms',
      targets: [atMost(3)],
    },
    { name: 'chain-added', title: 'what a chain of two adds', unit: 'ms', targets: [atMost(6)] },
    {
      name: 'relay-cpu',
      title: 'CPU per delivery of the server that is watched',
      unit: 'µs',
      targets: [atMost(1.1, 'the-origin')],
    },
  ],
  async measure(round) {
    const ways = new Map<ContestantName, Measured>();
    for (const name of inTurn(WAYS, round)) ways.set(name, await measureWay(round, name));
    const [origin, behind, chain] = WAYS.map((name) => ways.get(name));
    if (!origin || !behind || !chain) return;
    for (const [of, { p50, p99, cpu }] of [
      ['ours', behind],
      ['the-origin', origin],
      ['ours-chain', chain],
    ] as const) {
      round.record('relay-p50', of, p50);
      round.record('relay-p99', of, p99);
      round.record('relay-cpu', of, cpu);
    }
    round.record('relay-added', 'ours', behind.p50 - origin.p50);
    round.record('chain-added', 'ours', chain.p50 - origin.p50);
  },
};

interface Measured {
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Microseconds per delivery. */
  readonly cpu: number;
}

async function measureWay(round: Round, name: ContestantName): Promise<Measured> {
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
    return await withTrial(
      name,
      async (trial) => {
        const writer = origin ?? trial.server;
        await trial.watch(watchers);
        const publish = async (duration: number): Promise<Received> => {
          await trial.load.reset();
          const last = await writer.publishAt(RATE, duration, BYTES);
          return await everythingSeen(trial, Math.round((RATE * duration) / 1_000), last);
        };
        await publish(milliseconds / 2);
        const usedBefore = (await trial.server.usage('garbage')).cpu;
        const { updates, latencies } = await publish(milliseconds);
        const cpu = (await trial.server.usage('nothing')).cpu - usedBefore;
        return {
          p50: percentile(latencies, 0.5) / 1_000,
          p99: percentile(latencies, 0.99) / 1_000,
          cpu: cpu / updates,
        };
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
