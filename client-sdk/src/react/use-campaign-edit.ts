import { useEffect, useMemo, useRef, useState } from 'react';
import type { Campaign, Change } from '../types.ts';
import { NO_OUTCOME, trackEdit, type EditView } from '../views/edit-outcome.ts';
import { useCampaignHandle } from './provider/context.ts';

/** What {@link useCampaignEdit} returns. */
export type { EditView as UseCampaignEditResult } from '../views/edit-outcome.ts';

/**
 * One edit with its outcome, as a form needs it: a button that waits, a field's error, a tick once it is saved.
 *
 * @param edit what `mutate` does with the campaign; need not be stable
 * @param options `campaignId`: default the provider's campaign
 * @example const { mutate, isPending, isDurable, error } = useCampaignEdit((campaign, title: string) =>
 * campaign.update({ title })); <button disabled={isPending} onClick={() => mutate('Spring')}>{isDurable ? 'Saved' :
 * 'Save'}</button>
 */
export function useCampaignEdit<Arguments extends readonly unknown[]>(
  edit: (campaign: Campaign, ...args: Arguments) => Change,
  { campaignId }: { readonly campaignId?: string | undefined } = {},
): EditView<Arguments> {
  const campaign = useCampaignHandle(campaignId);
  const latest = useRef(edit);
  useEffect(() => {
    latest.current = edit;
  });
  const [outcome, setOutcome] = useState(NO_OUTCOME);
  const functions = useMemo(
    () => trackEdit(campaign, (handle, ...args: Arguments) => latest.current(handle, ...args), setOutcome),
    [campaign],
  );
  return { ...outcome, ...functions };
}
