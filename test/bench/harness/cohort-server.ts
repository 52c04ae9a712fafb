import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createCampaignServer, createLogger } from '../../../server/index.ts';

/** What the row asks of the server. */
export type CohortCommand = 'usage' | 'watch-loop' | 'close';

/** Its answers: the port first, then the CPU so far, in microseconds, and the longest turn since `watch-loop`, in ms. */
export type CohortReply = { readonly port: number } | { readonly cpu: number; readonly longestTurn: number };

const [secret = ''] = process.argv.slice(2);
const ids = ['plain', 'split', 'rules'];
const server = await createCampaignServer({
  port: 0,
  logger: createLogger('silent'),
  auth: { kind: 'secret', secret },
  rateLimit: 0,
  callLimit: 0,
  campaigns: ids.map((campaignId) => ({ campaignId, state: { slug: campaignId, title: 'Bench', status: 'active' } })),
});
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();

process.on('message', (command: CohortCommand) => {
  if (command === 'watch-loop') delay.reset();
  if (command === 'close') void server.close().then(() => process.exit());
  const { user, system } = process.cpuUsage();
  // The monitor's own timer is due every millisecond, which is part of what it measures.
  const reply: CohortReply = { cpu: user + system, longestTurn: Math.max(0, delay.max / 1e6 - 1) };
  process.send?.(reply);
});
process.once('disconnect', () => process.exit());
process.send?.({ port: server.port } satisfies CohortReply);
