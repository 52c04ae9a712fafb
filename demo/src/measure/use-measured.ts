import { useCallback } from 'react';
import { useCampaignSnapshot } from '@campaign-state/client/react';
import type { Change } from '@campaign-state/client';
import { useLedger } from './ledger-context.ts';

/** Pass-through of every edit of the console: returns the change, and has it measured. */
export type Measure = (change: Change) => Change;

export function useMeasured(): Measure {
  const ledger = useLedger();
  const campaignId = useCampaignSnapshot((snapshot) => snapshot.campaignId);
  return useCallback(
    (change) => {
      if (campaignId !== undefined) ledger.follow(campaignId, change);
      return change;
    },
    [ledger, campaignId],
  );
}
