import type { CallContext } from './procedures.ts';
/** What tRPC wants of a subscription: nothing is returned, nothing is sent in. */
export type Subscription<T> = AsyncIterableIterator<T, void, undefined>;
/**
 * A stream for one subscriber: `map` of each of the source's values. The source is opened at the first `next()`: tRPC drops, without
 * a word, a subscription whose socket has closed meanwhile or whose id is taken, and what was not opened need not be closed.
 *
 * Written out instead of as an async generator: a generator that waits for the source ignores `return()` until the source moves,
 * and costs twice the promises on every delivery.
 */
export declare function subscriptionOf<T, U>(ctx: CallContext, campaignId: string | undefined, open: () => AsyncIterator<T>, map: (value: T) => U): Subscription<U>;
/** The campaign that a watcher means who names none. */
export declare function orDefault(campaignId: string | undefined, defaultCampaignId: string | undefined): string;
