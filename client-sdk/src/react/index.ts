export { skipToken } from '@tanstack/react-query';
export { useCampaignClient, useCampaignHandle } from './provider/context.ts';
export { CampaignProvider, type CampaignProviderProps } from './provider/provider.tsx';
export { getQueryKey, trpc, type CampaignTrpc } from './trpc.ts';
export type {
  CampaignHookOptions,
  CampaignUpdaters,
  ServiceState,
  UseCampaignHistoryResult,
  UseCampaignStateResult,
  UseSyncStatusResult,
  UseUndoResult,
} from './types.ts';
export {
  useCampaign,
  useCampaignSnapshot,
  useCampaignState,
  useCampaignUpdates,
  useFeature,
  type UseCampaignOptions,
} from './use-campaign.ts';
export { useAccess, type UseAccessResult } from './use-access.ts';
export { useCampaignEdit, type UseCampaignEditResult } from './use-campaign-edit.ts';
export { useCampaignHistory, type UseCampaignHistoryOptions } from './use-history.ts';
export { useLostConnection, type UseLostConnectionOptions } from './use-lost-connection.ts';
export { usePacedUpdate, type UsePacedUpdateResult } from './use-paced-update.ts';
export { useConnection, useServiceState, useSyncStatus } from './use-status.ts';
export { shallowEqual } from '../views/shallow-equal.ts';
export { useSuspenseCampaign } from './use-suspense-campaign.ts';
export { useConflicts, type UseConflictsResult } from './use-conflicts.ts';
export { useUndo } from './use-undo.ts';
