import type { CampaignView } from '@campaign-state/client';

/** Props of a module of the page: its entry in `ui_components`, and the document. */
export interface ModuleProps {
  readonly component: Readonly<Record<string, unknown>>;
  readonly campaign: CampaignView;
}
