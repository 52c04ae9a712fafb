import type { ContestantName } from '../harness/contestants.ts';
import { roundTrip } from '../harness/round-trip.ts';
import { atLeast, atMost, inTurn, type Row } from '../harness/row.ts';
import { percentile, withTrial } from '../harness/trial.ts';

const CONTESTANTS: ContestantName[] = ['ours', 'redis-script-ws'];
const WINDOW = 64;

/**
 * A mutation's way to its answer where Redis orders. The peer calls the same script for each message, one by one, and
 * does nothing else.
 */
export const mutationRedis: Row = {
  name: 'mutation-redis',
  rounds: { full: 5, quick: 1, verify: 1 },
  lines: [
    {
      name: 'redis-rate-alone',
      title: 'mutations accepted over Redis, one at a time',
      unit: '1/s',
      targets: [atLeast(0.6, 'redis-script-ws')],
    },
    {
      name: 'redis-rate',
      title: `mutations accepted over Redis, ${WINDOW} under way`,
      unit: '1/s',
      targets: [atLeast(1, 'redis-script-ws')],
    },
    {
      name: 'redis-p50',
      title: 'mutation to receipt over Redis, p50, beyond a round trip to Redis',
      unit: 'ms',
      targets: [atMost(0.5)],
    },
  ],
  async measure(round) {
    const many = round.size({ full: 20_000, quick: 5_000, verify: 100 });
    const few = round.size({ full: 4_000, quick: 1_000, verify: 20 });
    const REDIS_URL = await round.services.redisUrl();
    const trip = await roundTrip(REDIS_URL, few);
    for (const name of inTurn(CONTESTANTS, round)) {
      const env = { REDIS_URL, CAMPAIGN_NAMESPACE: round.services.namespace() };
      await withTrial(
        name,
        async ({ contestant: { protocol, secret }, server, load }) => {
          const mutate = (count: number, window: number) =>
            load.mutate({ protocol, port: server.port, count, window, ...(secret !== undefined && { secret }) });
          await mutate(many / 4, WINDOW);
          const { seconds } = await mutate(many, WINDOW);
          const alone = await mutate(few, 1);
          round.record('redis-rate', name, many / seconds);
          round.record('redis-rate-alone', name, few / alone.seconds);
          round.record('redis-p50', name, percentile(alone.latencies, 0.5) / 1_000 - trip);
        },
        env,
      );
    }
  },
};
