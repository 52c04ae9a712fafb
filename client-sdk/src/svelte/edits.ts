import { writable } from 'svelte/store';
import type { CampaignUpdates } from '../document.ts';
import type { Campaign, CampaignSnapshot, Change, Pace } from '../types.ts';
import { NO_OUTCOME, trackEdit, type EditView } from '../views/edit-outcome.ts';
import { campaignStore, type SvelteStore } from './stores.ts';

/** What {@link pacedStore} returns. */
export interface PacedStore<T> extends SvelteStore<T> {
  /** As `campaign.update`: shown at once, sent together with the updates close to it. */
  readonly updateCampaign: (updates: CampaignUpdates) => Change;
  /** Sends held updates now: when a field loses focus. Done by itself when a component that subscribes goes. */
  readonly flush: () => void;
}

/**
 * A campaign that is typed in: each update is shown at once, those close to each other are sent as one mutation.
 *
 * @param select a part of the snapshot
 * @example
 * const title = pacedStore(campaign, { wait: 300 }, ({ state }) => state.title);
 * <input value={$title} oninput={(e) => title.updateCampaign({ title: e.currentTarget.value })} onblur={title.flush} />
 */
export function pacedStore<T>(
  campaign: Campaign,
  pace: Pace,
  select: (snapshot: CampaignSnapshot) => T,
): PacedStore<T> {
  const { subscribe } = campaignStore(campaign, select);
  const { flush } = campaign;
  return {
    updateCampaign: (updates) => campaign.pacedUpdate(updates, pace),
    flush,
    subscribe(run) {
      const stop = subscribe(run);
      return () => {
        flush();
        stop();
      };
    },
  };
}

/**
 * One edit with its outcome, as a form needs it: a button that waits, a field's error, a tick once it is saved.
 *
 * @param edit what `mutate` does with the campaign
 * @example
 * const save = editStore(campaign, (handle, title: string) => handle.update({ title }));
 * <button disabled={$save.isPending} onclick={() => $save.mutate("Spring")}>Save</button>
 */
export function editStore<Arguments extends readonly unknown[]>(
  campaign: Campaign,
  edit: (campaign: Campaign, ...args: Arguments) => Change,
): SvelteStore<EditView<Arguments>> {
  const { subscribe, set } = writable(NO_OUTCOME);
  const functions = trackEdit(campaign, edit, set);
  return { subscribe: (run) => subscribe((outcome) => run({ ...outcome, ...functions })) };
}
