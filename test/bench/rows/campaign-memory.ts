import { setTimeout as pause } from 'node:timers/promises';
import { BrokenRun, withTrial } from '../harness/trial.ts';
import { atMost, type Row } from '../harness/row.ts';

const BYTES = 4_000;
const MB = 1024 * 1024;
const PATIENCE_MS = 60_000;

/** Many campaigns, each touched once: memory must come back when nobody uses them any more. */
export const campaignMemory: Row = {
  name: 'campaign-memory',
  rounds: { full: 1, quick: 1, verify: 1 },
  lines: [
    { name: 'campaign-memory', title: 'resident set with 100,000 campaigns of 4 KB touched', unit: 'MB', targets: [] },
    { name: 'campaign-memory-kept', title: 'share of it that is kept once they have been idle', unit: '×', targets: [atMost(0.25)] },
    { name: 'campaign-heap-kept', title: 'the same, of the heap', unit: '×', targets: [atMost(0.05)] },
  ],
  async measure(round) {
    const count = round.size({ full: 100_000, quick: 4_000, verify: 100 });
    const idleTtl = round.size({ full: 120_000, quick: 6_000, verify: 3_000 });
    if (round.size({ full: false, quick: true, verify: false })) round.say(`campaign-memory: ${count.toLocaleString('en')} campaigns instead of 100,000 in this mode`);
    const env = {
      DATABASE_URL: await round.services.databaseUrl(),
      CAMPAIGN_NAMESPACE: round.services.namespace(),
      BENCH_IDLE_TTL_MS: String(idleTtl),
    };
    await withTrial(
      'ours',
      async ({ server }) => {
        // A server that has worked a little: its code, its connections to the database and its caches, which are bounded, are there.
        await server.campaigns(Math.min(500, count), BYTES);
        await pause(idleTtl);
        const before = await server.usage('everything');
        // Faster than the idle time lets them go, or the peak would not be one.
        await server.campaigns(count, BYTES);
        const peak = await server.usage('everything');
        if (peak.campaigns < count) throw new BrokenRun(`ours: only ${peak.campaigns} of ${count} campaigns were in memory at a time`);
        const until = performance.now() + idleTtl + PATIENCE_MS;
        let after = await server.usage('everything');
        while (after.campaigns > 0) {
          if (performance.now() > until) throw new BrokenRun(`ours: ${after.campaigns} campaigns are in memory that nobody has used for ${PATIENCE_MS} ms`);
          await pause(200);
          after = await server.usage('everything');
        }
        round.record('campaign-memory', 'ours', peak.rss / MB);
        round.record('campaign-memory', 'at-the-start', before.rss / MB);
        round.record('campaign-memory-kept', 'ours', Math.max(0, (after.rss - before.rss) / (peak.rss - before.rss)));
        round.record('campaign-heap-kept', 'ours', Math.max(0, (after.heap - before.heap) / (peak.heap - before.heap)));
      },
      env,
    );
  },
};
