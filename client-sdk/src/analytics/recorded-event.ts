import type { Viewer } from '../../../server/core/document/targeting-fields.ts';
import type { GoalName } from '../document.ts';
import type { Campaign, CampaignSnapshot, GoalOptions } from '../types.ts';

/** What an app says of its viewer: it was shown an arm, or it did something. */
export type RecordedEvent =
  | { readonly kind: 'exposure'; readonly rule: string }
  | ({ readonly kind: 'goal'; readonly name: GoalName } & GoalOptions);

/** The moment at which it was said: the code that records it may have to be loaded first. */
export interface RecordedMoment {
  readonly snapshot: CampaignSnapshot;
  readonly viewer: Viewer | undefined;
  /** Epoch milliseconds. */
  readonly at: number;
}

/** Records an event of a campaign. */
export type EventRecorder = (
  campaign: Pick<Campaign, 'getSnapshot' | 'subscribe'>,
  event: RecordedEvent,
  moment: RecordedMoment,
) => void;
