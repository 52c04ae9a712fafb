import { openPgliteArchive, openPostgresArchive } from '../../../server/archive/index.ts';
import { latencies, startServer, tokenFor } from '../harness/one-user.ts';
import { atMost, type Line, type Round, type Row } from '../harness/row.ts';
import { fill } from '../harness/stored-campaigns.ts';
import { BrokenRun } from '../harness/trial.ts';
import { quantile } from '../report/statistics.ts';

/** Changes a second of the user beside whom snapshots are taken. */
const RATE = 50;

const STORES = ['postgres', 'pglite'] as const;
const TITLES = { postgres: 'on Postgres', pglite: 'embedded' } as const;

const lines: readonly Line[] = STORES.flatMap((store) => [
  {
    name: `snapshot-beside-${store}`,
    title: `a user's change while snapshots are taken, p99, ${TITLES[store]}`,
    unit: 'ms',
    targets: [atMost(1.15, 'undisturbed')],
  },
  { name: `snapshot-beside-${store}-p50`, title: 'the same, p50', unit: 'ms', targets: [] },
]);

/**
 * One user edits and watches while one snapshot after the other is taken, and in turn while none is: what of that the
 * user feels.
 */
export const snapshotBeside: Row = {
  name: 'snapshot-beside',
  rounds: { full: 3, quick: 1, verify: 1 },
  lines,
  async measure(round) {
    for (const store of STORES) await measureOn(round, store);
  },
};

async function measureOn(round: Round, store: (typeof STORES)[number]): Promise<void> {
  const campaigns = round.size({ full: 1_000, quick: 200, verify: 2 });
  const env = await stored(round, store, campaigns);
  const server = await startServer(env);
  try {
    const turns = round.size({ full: 20, quick: 8, verify: 1 });
    const milliseconds = round.size({ full: 5_000, quick: 3_000, verify: 500 });
    // Compiled code is as fast in the first turn as in the last.
    await beside(server.url, () => latencies(server.url, RATE, milliseconds));
    const quiet: number[][] = [];
    const disturbed: number[][] = [];
    // In turns, so that both have the same share of what else the machine does; each in every second pair first.
    for (let turn = 0; turn < turns; turn += 1) {
      const undisturbed = async () => quiet.push(await latencies(server.url, RATE, milliseconds));
      const besideSnapshots = async () =>
        disturbed.push(await beside(server.url, () => latencies(server.url, RATE, milliseconds)));
      for (const measure of turn % 2 === 0 ? [undisturbed, besideSnapshots] : [besideSnapshots, undisturbed])
        await measure();
    }
    // The median over the turns: what else the machine does comes in bursts, which a p99 over all would be of.
    const typical = (all: readonly number[][], at: number): number =>
      quantile(
        all.map((latenciesOfTurn) => quantile(latenciesOfTurn, at)),
        0.5,
      );
    for (const [name, at] of [
      [`snapshot-beside-${store}`, 0.99],
      [`snapshot-beside-${store}-p50`, 0.5],
    ] as const) {
      round.record(name, 'undisturbed', typical(quiet, at));
      round.record(name, 'ours', typical(disturbed, at));
    }
  } finally {
    await server.stop();
  }
}

/** Stores campaigns; returns the variables of a server that serves them. */
async function stored(
  round: Round,
  store: (typeof STORES)[number],
  campaigns: number,
): Promise<Record<string, string>> {
  if (store === 'pglite') {
    const dataDir = await round.services.folder();
    const archive = await openPgliteArchive({ dataDir, namespace: 'campaign_state' });
    await fill(archive, campaigns).finally(() => archive.stop({ clean: true }));
    return { DATA_DIR: dataDir, CAMPAIGN_NAMESPACE: 'campaign_state' };
  }
  const [connectionString, namespace] = [await round.services.databaseUrl(), round.services.namespace()];
  const archive = await openPostgresArchive({ connectionString, namespace, poolSize: 4 });
  await fill(archive, campaigns).finally(() => archive.stop({ clean: true }));
  return { DATABASE_URL: connectionString, CAMPAIGN_NAMESPACE: namespace };
}

/** What work comes to while one snapshot after the other is taken. */
async function beside<T>(url: string, work: () => Promise<T>): Promise<T> {
  const authorization = `Bearer ${await tokenFor('admin', 'operator')}`;
  let over = false;
  const take = async (): Promise<void> => {
    while (!over) {
      const response = await fetch(`${url}/snapshot`, { headers: { authorization } });
      // The one of the turn before, which was given up, has not ended yet.
      if (response.status === 429) {
        await response.text();
        await new Promise((resolve) => setTimeout(resolve, 20));
        continue;
      }
      if (!response.ok || !response.body) throw new BrokenRun(`ours: no snapshot: ${await response.text()}`);
      let bytes = 0;
      for await (const chunk of response.body) {
        bytes += chunk.length;
        if (over) break;
      }
      if (bytes === 0) throw new BrokenRun('ours: an empty snapshot');
    }
  };
  const taking = take();
  // What breaks it is said when the work is done.
  taking.catch(() => undefined);
  try {
    return await work();
  } finally {
    over = true;
    await taking;
  }
}
