import type { CampaignClient } from '@campaign-state/client';

/** Tells the server which versions of a campaign this page paints, and when, until it is called off. */
export function reportPaints(client: CampaignClient, campaignId: string | undefined): () => void {
  let isOver = false;
  let stop: (() => void) | undefined;
  import('@campaign-state/client/analytics').then(
    ({ startTracking }) => {
      if (isOver) return;
      const tracking = startTracking(client);
      const stopReporting = tracking.reportPaints(1, campaignId);
      stop = () => {
        stopReporting();
        tracking.stop().catch(() => undefined);
      };
    },
    // Where its code cannot be loaded, nothing is reported.
    () => undefined,
  );
  return () => {
    isOver = true;
    stop?.();
  };
}
