import { setTimeout as pause } from 'node:timers/promises';
import type { Server } from '../harness/child.ts';
import type { Usage } from '../harness/messages.ts';
import { BrokenRun, withTrial } from '../harness/trial.ts';
import { atMost, type Row } from '../harness/row.ts';

const BYTES = 4_000;
const MB = 1024 * 1024;
const TIMEOUT_MS = 60_000;
/**
 * What lets go of a campaign's last parts runs behind its eviction: it leaves the log, which Postgres records, and so
 * do all the others.
 */
const SETTLE_MS = 3_000;
/** Less than this between two looks is not settling any more. */
const SETTLED = 0.02;

/** Many campaigns, each touched once: memory must come back when nobody uses them any more. */
export const campaignMemory: Row = {
  name: 'campaign-memory',
  rounds: { full: 1, quick: 1, verify: 1 },
  lines: [
    { name: 'campaign-memory', title: 'resident set with 100,000 campaigns of 4 KB touched', unit: 'MB', targets: [] },
    {
      name: 'campaign-memory-kept',
      title: 'share of it that is kept once they have been idle',
      unit: '×',
      targets: [atMost(0.25)],
    },
    { name: 'campaign-heap-kept', title: 'the same, of the heap', unit: '×', targets: [atMost(0.05)] },
  ],
  async measure(round) {
    const count = round.size({ full: 100_000, quick: 2_500, verify: 100 });
    /** Beside a hundred thousand, what the caches hold does not count. */
    const warmUp = round.size({ full: 0, quick: 500, verify: 20 });
    const idleTtl = round.size({ full: 300_000, quick: 10_000, verify: 2_000 });
    if (round.size({ full: false, quick: true, verify: false }))
      round.say(`campaign-memory: ${count.toLocaleString('en')} campaigns instead of 100,000 in this mode`);
    const env = {
      DATABASE_URL: await round.services.databaseUrl(),
      CAMPAIGN_NAMESPACE: round.services.namespace(),
      BENCH_IDLE_TTL_MS: String(idleTtl),
    };
    await withTrial(
      'ours',
      async ({ server }) => {
        // A server that has worked a little: its code, its connections to the database and its caches, which are
        // bounded, are there.
        await server.campaigns(warmUp, BYTES);
        const before = await whenForgotten(server, idleTtl);
        // Faster than the idle time lets them go, or the peak would not be one.
        await server.campaigns(count, BYTES);
        const peak = await server.usage('everything');
        if (peak.campaigns < count)
          round.say(
            `campaign-memory: only ${peak.campaigns} of them were in memory at a time, because making them took longer than they may be idle`,
          );
        const after = await whenForgotten(server, idleTtl);
        round.record('campaign-memory', 'ours', peak.rss / MB);
        round.record('campaign-memory', 'at-the-start', before.rss / MB);
        round.record('campaign-memory-kept', 'ours', Math.max(0, (after.rss - before.rss) / (peak.rss - before.rss)));
        round.record('campaign-heap-kept', 'ours', Math.max(0, (after.heap - before.heap) / (peak.heap - before.heap)));
      },
      env,
    );
  },
};

/** What is used once no campaign is in memory. */
async function whenForgotten(server: Server, idleTtl: number): Promise<Usage> {
  const until = performance.now() + idleTtl + TIMEOUT_MS;
  // The one that every server begins with stays out of it.
  for (let { campaigns } = await server.usage(); campaigns > 1; { campaigns } = await server.usage()) {
    if (performance.now() > until)
      throw new BrokenRun(`ours: ${campaigns} campaigns are in memory that nobody has used for ${TIMEOUT_MS} ms`);
    await pause(500);
  }
  for (let before = await server.usage('everything'); ;) {
    await pause(SETTLE_MS);
    const now = await server.usage('everything');
    if (now.heap > before.heap * (1 - SETTLED) || performance.now() > until) return now;
    before = now;
  }
}
