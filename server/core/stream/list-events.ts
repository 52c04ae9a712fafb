/** A campaign in a live list, as its caller may see it. */
export interface ListedCampaign {
  readonly campaignId: string;
  /** Empty where the caller's view hides it. */
  readonly title: string;
  /** Absent where the campaign has none, or the caller's view hides it. */
  readonly status?: string;
  /** The document's `owner_id`; absent where it has none, or the caller's view hides it. */
  readonly owner?: string;
  /** The first of its tags, at most 16; absent where it has none, or the caller's view hides them. */
  readonly tags?: readonly string[];
  readonly version: number;
  /** Epoch milliseconds. */
  readonly updatedAt: number;
  /** Id of the actor of the newest entry; absent in a restricted view. */
  readonly updatedBy?: string;
  /** Epoch milliseconds; absent where the campaign is not archived. */
  readonly archivedAt?: number;
  /** Subscriptions of the campaign on all instances, a few seconds old; absent in a restricted view. */
  readonly viewers?: number;
}

/** The whole page: the first event, in the order that was asked for. */
export interface ListPageEvent {
  readonly type: 'page';
  readonly campaigns: readonly ListedCampaign[];
  /** Cursor of the next page; absent on the last one. */
  readonly nextCursor?: string;
  /** Campaigns on all pages; of lists that are read by offset or in another order than that of ids. */
  readonly total?: number;
}

/** What has changed on the page since the event before. */
export interface ListChangesEvent {
  readonly type: 'changes';
  /** Campaigns that are new on the page, or have changed. Their place on it is that of the order. */
  readonly changed: readonly ListedCampaign[];
  /** Ids of those that are no longer on the page: pushed off it, filtered out, or not visible any more. */
  readonly removed: readonly string[];
  readonly nextCursor?: string;
  readonly total?: number;
}

/** Event of `campaign.watchList`. It has no resume id: after a reconnect the stream begins with the page again. */
export type ListEvent = ListPageEvent | ListChangesEvent;
