import type { ReactNode } from 'react';
import { keptToken } from '../connect.ts';

/** Opens the page of a campaign, as its audience sees it, in a window of its own. */
export function AloneLink({ campaignId, children }: { campaignId: string; children: ReactNode }) {
  // A token is kept for this tab, and only a page that knows who opened it is given a copy. Without one, none needs to.
  const rel = keptToken() === undefined ? 'noreferrer' : 'opener';
  return (
    <a href={`/audience.html?campaign=${campaignId}`} target="_blank" rel={rel}>
      {children}
    </a>
  );
}
