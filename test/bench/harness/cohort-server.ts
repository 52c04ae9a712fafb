import { createCampaignServer, createLogger } from '../../../server/index.ts';

/** What the row asks of the server. */
export type CohortCommand = 'usage' | 'watch-loop' | 'close';

/**
 * Its answers: the port first, then the CPU so far, in microseconds, and of the longest turn since `watch-loop`, in ms.
 */
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
/** CPU of this thread in the longest turn of the event loop: another process that has the core does not count. */
let longestTurn = 0;
let isWatching = false;

function watchTurns(before: NodeJS.CpuUsage): void {
  const { user, system } = process.threadCpuUsage(before);
  longestTurn = Math.max(longestTurn, (user + system) / 1_000);
  if (isWatching) setImmediate(watchTurns, process.threadCpuUsage());
}

process.on('message', (command: CohortCommand) => {
  if (command === 'watch-loop') {
    longestTurn = 0;
    isWatching = true;
    setImmediate(watchTurns, process.threadCpuUsage());
  } else {
    isWatching = false;
  }
  if (command === 'close') void server.close().then(() => process.exit());
  const { user, system } = process.cpuUsage();
  process.send?.({ cpu: user + system, longestTurn } satisfies CohortReply);
});
process.once('disconnect', () => process.exit());
process.send?.({ port: server.port } satisfies CohortReply);
