import { trpc } from '@campaign-state/client/react';
import { useState } from 'react';

/** The raw stream, without the SDK's folded state: for a log of what happens. */
export function Ticker({ campaignId }: { campaignId: string }) {
  const [lines, setLines] = useState<string[]>([]);
  trpc.campaign.watch.useSubscription(
    { campaignId },
    {
      onData({ data }) {
        // Events can come faster than React renders: each is taken as it comes, not as the newest one that there is.
        const news =
          data.type === 'entries'
            ? data.entries.map(({ version, change }) => `${version}: ${Object.keys(change).join(', ')}`)
            : [data.type];
        setLines((before) => [...before, ...news].slice(-100));
      },
    },
  );
  return (
    <ol>
      {lines.map((line, index) => (
        <li key={index}>{line}</li>
      ))}
    </ol>
  );
}
