import { CampaignError, type CampaignUpdates, type JsonObject, type JsonValue } from '@campaign-state/client';
import { useCampaignHandle } from '@campaign-state/client/react';
import { useEdits, useLocalDocument } from '../../../fields/local-document.ts';
import { patchAt, valueAt, type Place } from '../model/patch-at.ts';

/** Edits of places of the document that the forms here edit. */
export interface PlaceEdits {
  /** What stands in a place now, this person's edits included. */
  readonly read: (place: Place) => JsonValue | undefined;
  /** The smallest update that puts a value there; `undefined` removes what stands there. */
  readonly updatesFor: (place: Place, next: JsonValue | undefined) => CampaignUpdates;
  /** Makes it. What is refused is to be said where it was made, and is not said above all fields too. */
  readonly put: (place: Place, next: JsonValue | undefined) => Promise<void>;
}

export function usePlaceEdits(): PlaceEdits {
  const local = useLocalDocument();
  const campaign = useCampaignHandle();
  const { update } = useEdits();

  // Documents are JSON; their types say `unknown` where they are open.
  const document = (): JsonObject => (local ? local.state : campaign.getSnapshot().state) as JsonObject;
  const updatesFor = (place: Place, next: JsonValue | undefined): CampaignUpdates =>
    patchAt(document(), place, next) as CampaignUpdates;
  return {
    read: (place) => valueAt(document(), place),
    updatesFor,
    async put(place, next) {
      try {
        await update(updatesFor(place, next));
      } catch (error) {
        if (error instanceof CampaignError && error.mutationId !== undefined) campaign.dismiss(error.mutationId);
        throw error;
      }
    },
  };
}
