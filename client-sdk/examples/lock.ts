import { CampaignError, type CampaignClient } from '@campaign-state/client';

/** Rewrites the banner under a lock: nobody else's change of it can come in between. */
export async function rewriteBanner(client: CampaignClient, rewrite: (banner: string) => Promise<string>) {
  const campaign = client.campaign('summer');
  const lock = await campaign.lock(['ui_content', 'banner'], { ttl: 30_000, note: 'rewriting it', wait: true });
  try {
    const before = campaign.getSnapshot().state.ui_content?.banner ?? '';
    // However long that takes: the lock is renewed, and where it is lost the edit below is refused.
    await campaign.updateConfig('ui_content', { banner: await rewrite(before) });
    return 'written';
  } catch (error) {
    if (error instanceof CampaignError && error.reason === 'LOCK_LOST') return 'somebody took it over';
    throw error;
  } finally {
    await lock.release();
  }
}
