import { useEffect, useState } from 'react';
import type { CampaignClient } from '@campaign-state/client';

const time = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short' });

/** Says that the page is a preview, and until when. */
export function PreviewNote({ client, campaignId }: { client: CampaignClient; campaignId: string }) {
  const [endsAt, setEndsAt] = useState<number>();
  useEffect(() => {
    let isCurrent = true;
    client.trpc.session.info.query({ campaignId }).then(
      ({ expiresAt }) => isCurrent && setEndsAt(expiresAt),
      // Only when it ends is not known then.
      () => undefined,
    );
    return () => {
      isCurrent = false;
    };
  }, [client, campaignId]);
  return (
    <aside className="counting" aria-label="Preview">
      <p role="status">
        <strong>A preview</strong>
        {endsAt !== undefined && `, until ${time.format(endsAt)}`}. Nothing that you do here is counted.
      </p>
    </aside>
  );
}
