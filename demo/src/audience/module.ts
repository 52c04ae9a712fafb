import type { CampaignView } from '@campaign-state/client';

/** What a module of the page is given: its entry in `ui_components`, and the document it belongs to. */
export interface ModuleProps {
  component: Readonly<Record<string, unknown>>;
  campaign: CampaignView;
}
