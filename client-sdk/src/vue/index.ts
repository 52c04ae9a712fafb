export {
  campaignKey,
  provideCampaign,
  useCampaignClient,
  useCampaignHandle,
  type UseCampaignOptions,
} from './client.ts';
export {
  useCampaign,
  useConflicts,
  useConnection,
  useFeature,
  useReadable,
  useServiceState,
  useSyncStatus,
  useUndo,
  type SelectOptions,
} from './use-campaign.ts';
export { useCampaignEdit, useLostConnection, usePacedUpdate, type UsePacedUpdateResult } from './use-edits.ts';
export type { ConflictsView, SyncView, UndoView } from '../views/campaign-views.ts';
export type { EditView } from '../views/edit-outcome.ts';
export type { LostConnectionOptions } from '../views/lost-connection.ts';
export type { ServiceState } from '../views/service-state.ts';
export { shallowEqual } from '../views/shallow-equal.ts';
