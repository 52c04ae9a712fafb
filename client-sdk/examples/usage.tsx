// A component that reads and edits with both of the main hooks. Edits are shown at once, so that handlers need not
// wait.
// oxlint-disable no-unused-vars, typescript/no-floating-promises
import { useCampaignState, useCampaignUpdates } from '@campaign-state/client/react';

function CampaignManager() {
  const { state, updateCampaign: updateState, updateFeatures, updateConfig } = useCampaignState();
  const { updateCampaign, updateCampaignFeatures, updateCampaignConfig } = useCampaignUpdates();

  // Update campaign directly
  const handleUpdate = () => {
    updateCampaign({
      title: 'Updated Campaign Title',
      description: 'New description',
    });
  };

  // Add features
  const addFeatures = () => {
    updateCampaignFeatures(['analytics', 'notifications'], 'add');
  };

  // Update UI configuration
  const updateUI = () => {
    updateCampaignConfig('ui_content', {
      banner: 'Welcome to our updated campaign!',
      theme: 'dark',
    });
  };

  return (
    <div>
      <h2>{state.title}</h2>
      <p>Features: {state.features?.join(', ')}</p>
      <button onClick={handleUpdate}>Update Campaign</button>
      <button onClick={addFeatures}>Add Features</button>
      <button onClick={updateUI}>Update UI</button>
    </div>
  );
}

export { CampaignManager };
