import type { CampaignError } from '../errors.ts';
import type { Campaign, Change } from '../types.ts';

/** What has become of an edit. */
export interface EditOutcome {
  /** The newest edit has not been answered yet. */
  readonly isPending: boolean;
  /** The newest edit is committed in Postgres. */
  readonly isDurable: boolean;
  /** Why the newest edit was refused. */
  readonly error: CampaignError | undefined;
}

/** The functions of an edit with its outcome. */
interface EditFunctions<Arguments extends readonly unknown[]> {
  /** Makes the edit. It is shown at once; the change settles when the server has ordered it. */
  readonly mutate: (...args: Arguments) => Change;
  /** Forgets the newest edit: for a form that is opened again. It is still carried out. */
  readonly reset: () => void;
}

/** One edit with its outcome, as a form needs it. */
export interface EditView<Arguments extends readonly unknown[]> extends EditOutcome, EditFunctions<Arguments> {}

export const NO_OUTCOME: EditOutcome = { isPending: false, isDurable: false, error: undefined };

/**
 * @param edit what `mutate` does with the campaign
 * @param show takes the outcome whenever it changes
 */
export function trackEdit<Arguments extends readonly unknown[]>(
  campaign: Campaign,
  edit: (campaign: Campaign, ...args: Arguments) => Change,
  show: (outcome: EditOutcome) => void,
): EditFunctions<Arguments> {
  /** Only the newest edit's outcome is shown. */
  let newest: Change | undefined;
  return {
    mutate(...args) {
      const change = edit(campaign, ...args);
      newest = change;
      const showOf = (outcome: Partial<EditOutcome>) => newest === change && show({ ...NO_OUTCOME, ...outcome });
      showOf({ isPending: true });
      change.then(
        () => showOf({}),
        // A change rejects with nothing else.
        (thrown: unknown) => showOf({ error: thrown as CampaignError }),
      );
      change.durable.then(
        () => showOf({ isDurable: true }),
        () => undefined,
      );
      return change;
    },
    reset() {
      newest = undefined;
      show(NO_OUTCOME);
    },
  };
}
