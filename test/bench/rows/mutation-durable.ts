import pg from 'pg';
import { nowMicros } from '../harness/messages.ts';
import { atLeast, atMost, type Row } from '../harness/row.ts';
import { percentile, withTrial } from '../harness/trial.ts';

/** Calls of one connection that may wait at a time, nearly. */
const WINDOW = 1_000;

/**
 * Mutations that are answered once they are committed in a real Postgres, beside a single INSERT that commits itself.
 */
export const mutationDurable: Row = {
  name: 'mutation-durable',
  lines: [
    {
      name: 'durable-rate',
      title: `mutations durable, ${WINDOW.toLocaleString('en')} under way`,
      unit: '1/s',
      targets: [atLeast(10_000)],
    },
    {
      name: 'durable-p50',
      title: 'mutation to durable receipt, one at a time, p50',
      unit: 'ms',
      targets: [atMost(1.5, 'bare-insert')],
    },
  ],
  async measure(round) {
    const many = round.size({ full: 30_000, quick: 8_000, verify: 100 });
    const few = round.size({ full: 1_000, quick: 300, verify: 20 });
    const DATABASE_URL = await round.services.databaseUrl();
    round.record('durable-p50', 'bare-insert', await bareInsert(DATABASE_URL, round.services.namespace(), few));
    await withTrial(
      'ours',
      async ({ contestant: { protocol, secret }, server, load }) => {
        const common = { protocol, port: server.port, durable: true, ...(secret !== undefined && { secret }) };
        await load.mutate({ ...common, count: many / 4, window: WINDOW });
        const { seconds } = await load.mutate({ ...common, count: many, window: WINDOW });
        const { latencies } = await load.mutate({ ...common, count: few, window: 1 });
        round.record('durable-rate', 'ours', many / seconds);
        round.record('durable-p50', 'ours', percentile(latencies, 0.5) / 1_000);
      },
      { DATABASE_URL, CAMPAIGN_NAMESPACE: round.services.namespace() },
    );
  },
};

/** Milliseconds of an INSERT of the same size with its COMMIT, p50. */
async function bareInsert(connectionString: string, table: string, count: number): Promise<number> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  await client.query(`create table ${table} (id serial primary key, body json not null)`);
  const insert = {
    name: 'insert',
    text: `insert into ${table} (body) values ($1)`,
    values: [JSON.stringify({ text: 'x'.repeat(400) })],
  };
  const taken: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const sentAt = nowMicros();
    await client.query(insert);
    taken.push(nowMicros() - sentAt);
  }
  await client.query(`drop table ${table}`);
  await client.end();
  return (
    percentile(
      taken.sort((a, b) => a - b),
      0.5,
    ) / 1_000
  );
}
