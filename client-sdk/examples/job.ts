import type { CampaignClient } from '@campaign-state/client';

/** Syncs, unless another process is at it. */
export async function syncNightly(client: CampaignClient, sync: (fence: number) => Promise<void>) {
  const lock = await client.lock('nightly-sync', { ttl: 60_000, note: 'prices' });
  try {
    await sync(lock.fence);
  } finally {
    await lock.release();
  }
}
