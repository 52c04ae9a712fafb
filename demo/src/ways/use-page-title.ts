import { useEffect } from 'react';
import { useCampaign, useCampaignSnapshot } from '@campaign-state/client/react';
import { usePlace } from './place.ts';

/** Names the page after where one is: in tabs, bookmarks and the browser's history. */
export function usePageTitle(): void {
  const campaignId = useCampaignSnapshot((snapshot) => snapshot.campaignId);
  const isMissing = useCampaignSnapshot((snapshot) => snapshot.status === 'error');
  const title = useCampaign((document) => document.title);
  const { tab, section, version } = usePlace();
  const where = section ?? (tab === undefined ? undefined : `${tab.charAt(0).toUpperCase()}${tab.slice(1)}`);
  const words = [
    isMissing ? 'Not found' : (title ?? campaignId),
    where,
    version === undefined ? undefined : `v${version}`,
    'campaign-state',
  ].filter((word) => word !== undefined && word !== '');
  const name = words.join(' · ');
  useEffect(() => {
    document.title = name;
  }, [name]);
}
