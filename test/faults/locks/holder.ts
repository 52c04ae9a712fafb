import { setTimeout as pause } from 'node:timers/promises';
import { createTRPCClient, createWSClient, wsLink } from '@trpc/client';
import { readFailure } from '../../../client-sdk/src/errors.ts';
import type { AppRouter } from '../../../server/api/procedures/router.ts';

/** What a holder tells of its work. */
export type HolderReport =
  | { readonly kind: 'granted'; readonly fence: number }
  /** The campaign's version, read after that lock was granted: no edit under an older fence is ordered behind it. */
  | { readonly kind: 'seen'; readonly fence: number; readonly epoch: string; readonly version: number }
  | { readonly kind: 'edited'; readonly fence: number }
  | { readonly kind: 'ended' }
  | { readonly kind: 'refused'; readonly reason: string };

/*
 * A process that waits for a lock, edits under it, gives it up, and begins again on a new connection; to be killed and
 * stopped.
 *
 *     node test/faults/locks/holder.ts <port> <campaign> <ttl in ms>
 */
const [port = '', campaignId = '', ttl = '2000'] = process.argv.slice(2);
const EDITS = 3;
const BETWEEN_EDITS_MS = 100;
/** An answer that does not come within this time is not waited for: the instance may be stopped. Milliseconds. */
const ANSWER_MS = 8_000;

const tell = (report: HolderReport): void => void process.send?.(report);

function connect() {
  const socket = createWSClient({
    url: `ws://127.0.0.1:${port}/trpc`,
    connectionParams: { contract: '1' },
    retryDelayMs: () => 100,
  });
  return { socket, trpc: createTRPCClient<AppRouter>({ links: [wsLink({ client: socket })] }) };
}

async function answered<T>(call: Promise<T>, milliseconds = ANSWER_MS): Promise<T> {
  const late = new AbortController();
  try {
    return await Promise.race([
      call,
      pause(milliseconds, undefined, { signal: late.signal }).then(() => {
        throw new Error('there was no answer');
      }),
    ]);
  } finally {
    late.abort();
  }
}

process.once('disconnect', () => process.exit());
let { socket, trpc } = connect();
for (;;) {
  try {
    const lock = await answered(
      trpc.lock.acquire.mutate({ campaignId, path: ['edit'], ttlMs: Number(ttl), wait: true }),
      3 * ANSWER_MS,
    );
    const { lockId, fence } = lock;
    tell({ kind: 'granted', fence });
    const { epoch, version } = await answered(trpc.campaign.get.query({ campaignId }));
    tell({ kind: 'seen', fence, epoch, version });
    for (let edit = 1; edit <= EDITS; edit += 1) {
      const updates = { edit: { fence, pid: process.pid, edit } };
      await answered(trpc.campaign.update.mutate({ campaignId, updates, lock: { lockId, fence } }));
      tell({ kind: 'edited', fence });
      await pause(BETWEEN_EDITS_MS);
    }
    await answered(trpc.lock.release.mutate({ campaignId, lockId }));
  } catch (thrown) {
    const { kind, error } = readFailure(thrown);
    tell({ kind: 'refused', reason: kind === 'refused' ? error.reason : 'none' });
    await pause(BETWEEN_EDITS_MS);
  }
  tell({ kind: 'ended' });
  // Another instance, perhaps, or back to its own.
  void socket.close();
  ({ socket, trpc } = connect());
}
