/** What a campaign can be, from its beginning to its end. */
export const STATUSES = ['draft', 'active', 'paused', 'ended'] as const;
export type Status = (typeof STATUSES)[number];
