import { useCampaign, useCampaignUpdates, useFeature } from '@campaign-state/client/react';
import './sections.ts';

/** Features, paths and values are typed: others do not compile. */
export function Shop() {
  const badge = useCampaign((state) => state.ui_content?.badge?.text);
  const currency = useCampaign((state) => state.commerce?.currency);
  const hasPolls = useFeature('polls');
  const { updateCampaign, updateConfig, updateFeatures } = useCampaignUpdates();
  return (
    <section>
      <p>
        {badge} {currency} {hasPolls ? 'with polls' : 'without polls'}
      </p>
      <button onClick={() => void updateFeatures(['polls'], 'add')}>Ask</button>
      <button onClick={() => void updateConfig('ui_content', { badge: { text: 'New' } })}>Mark as new</button>
      <button onClick={() => void updateCampaign({ commerce: { currency: 'USD' } })}>Sell in dollars</button>
    </section>
  );
}
