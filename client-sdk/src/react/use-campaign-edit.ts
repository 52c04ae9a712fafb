import { useCallback, useEffect, useRef, useState } from 'react';
import { toCampaignError, type CampaignError } from '../errors.ts';
import type { Campaign, Change } from '../types.ts';
import { useCampaignHandle } from './provider/context.ts';

/** What {@link useCampaignEdit} returns. */
export interface UseCampaignEditResult<Arguments extends readonly unknown[]> {
  /** Makes the edit. It is shown at once; the change settles when the server has ordered it. */
  readonly mutate: (...args: Arguments) => Change;
  /** The newest edit has not been answered yet. */
  readonly isPending: boolean;
  /** The newest edit is committed in Postgres. */
  readonly isDurable: boolean;
  /** Why the newest edit was refused. */
  readonly error: CampaignError | undefined;
  /** Forgets the newest edit: for a form that is opened again. It is still carried out. */
  readonly reset: () => void;
}

interface Outcome {
  readonly isPending: boolean;
  readonly isDurable: boolean;
  readonly error: CampaignError | undefined;
}

const NONE: Outcome = { isPending: false, isDurable: false, error: undefined };

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
): UseCampaignEditResult<Arguments> {
  const campaign = useCampaignHandle(campaignId);
  const [outcome, setOutcome] = useState(NONE);
  /** Only the newest edit's outcome is shown. */
  const newest = useRef<Change | undefined>(undefined);
  const latest = useRef(edit);
  useEffect(() => {
    latest.current = edit;
  });

  const mutate = useCallback(
    (...args: Arguments) => {
      const change = latest.current(campaign, ...args);
      newest.current = change;
      const show = (next: Outcome) => newest.current === change && setOutcome(next);
      setOutcome({ ...NONE, isPending: true });
      change.then(
        () => show(NONE),
        (thrown: unknown) => show({ ...NONE, error: toCampaignError(thrown) }),
      );
      change.durable.then(
        () => show({ ...NONE, isDurable: true }),
        () => undefined,
      );
      return change;
    },
    [campaign],
  );
  const reset = useCallback(() => {
    newest.current = undefined;
    setOutcome(NONE);
  }, []);
  return { mutate, reset, ...outcome };
}
