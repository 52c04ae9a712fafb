import type { ContestantName } from '../harness/contestants.ts';
import { atMost, inTurn, type Round, type Row } from '../harness/row.ts';
import { percentile, withTrial } from '../harness/trial.ts';

const CONTESTANTS: ContestantName[] = ['raw-ws', 'ours', 'ours-embedded', 'stock-trpc', 'socket.io', 'colyseus'];
/** As many as a busy client has under way. */
const WINDOW = 32;
/** As many as a client sends at once that comes back, or that someone types in. */
const PUSHED = 32;

/**
 * A mutation's way to its answer, on one connection, over a log in this process. Ours is parsed, authorised, decided,
 * ordered and applied; the peers' handlers do nothing.
 */
export const mutation: Row = {
  name: 'mutation',
  rounds: { full: 5, quick: 1, verify: 1 },
  lines: [
    {
      name: 'mutation-cpu',
      title: `CPU per mutation, ${WINDOW} under way`,
      unit: 'µs',
      targets: [atMost(1.5, 'stock-trpc')],
    },
    {
      name: 'mutation-cpu-alone',
      title: 'CPU per mutation, one at a time',
      unit: 'µs',
      targets: [atMost(1.75, 'stock-trpc')],
    },
    {
      name: 'mutation-cpu-push',
      title: `CPU per mutation, in pushes of ${PUSHED}, one at a time`,
      unit: 'µs',
      targets: [atMost(0.75, 'stock-trpc')],
    },
    { name: 'mutation-rate', title: `mutations accepted, ${WINDOW} under way`, unit: '1/s', targets: [] },
    { name: 'mutation-p50', title: 'mutation to receipt, one at a time, p50', unit: 'ms', targets: [] },
  ],
  async measure(round) {
    // PGlite takes seconds to start, and answers nothing that its own tests do not.
    const contestants = round.size({
      full: CONTESTANTS,
      quick: CONTESTANTS,
      verify: CONTESTANTS.filter((name) => name !== 'ours-embedded'),
    });
    for (const name of inTurn(contestants, round)) {
      await measureOne(round, name, name === 'ours-embedded' ? { DATA_DIR: await round.services.folder() } : {});
    }
  },
};

function measureOne(round: Round, name: ContestantName, env: Record<string, string>): Promise<void> {
  const many = round.size({ full: 20_000, quick: 6_000, verify: 100 });
  const few = round.size({ full: 4_000, quick: 1_500, verify: 20 });
  return withTrial(
    name,
    async ({ contestant: { protocol, secret }, server, load }) => {
      const mutate = (count: number, window: number) =>
        load.mutate({ protocol, port: server.port, count, window, ...(secret !== undefined && { secret }) });
      // The same before each measurement: code is compiled by then.
      await mutate(2 * many, WINDOW);
      const start = await server.usage();
      const { seconds } = await mutate(many, WINDOW);
      const middle = await server.usage('nothing');
      await mutate(2 * few, 1);
      const again = await server.usage();
      const { latencies } = await mutate(few, 1);
      const end = await server.usage('nothing');
      // Embedded, what was accepted before is still being committed: its thread would be what is measured.
      if (name === 'ours') {
        const push = (count: number) =>
          load.mutate({
            protocol,
            port: server.port,
            count,
            window: 1,
            push: PUSHED,
            ...(secret !== undefined && { secret }),
          });
        const pushes = Math.ceil(many / PUSHED);
        await push(2 * pushes);
        const before = await server.usage();
        await push(pushes);
        const after = await server.usage('nothing');
        round.record('mutation-cpu-push', name, (after.cpu - before.cpu) / (pushes * PUSHED));
      }
      // Nobody else has pushes: one of ours is compared with a mutation of theirs.
      if (name === 'stock-trpc') round.record('mutation-cpu-push', name, (middle.cpu - start.cpu) / many);
      round.record('mutation-rate', name, many / seconds);
      round.record('mutation-cpu', name, (middle.cpu - start.cpu) / many);
      round.record('mutation-cpu-alone', name, (end.cpu - again.cpu) / few);
      round.record('mutation-p50', name, percentile(latencies, 0.5) / 1_000);
    },
    env,
  );
}
