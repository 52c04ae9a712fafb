import { RefusalError } from '../../core/errors.ts';
import { toCallError } from '../failure.ts';
import { reportOf } from './procedures.ts';
import type { CallContext } from './procedures.ts';

/** What tRPC wants of a subscription: nothing is returned, nothing is sent in. */
export type Subscription<T> = AsyncIterableIterator<T, void, undefined>;

/**
 * A stream for one subscriber: `map` of each of the source's values. The source is opened at the first `next()`: tRPC
 * drops, without a word, a subscription whose socket has closed meanwhile or whose id is taken, and what was not opened
 * need not be closed.
 *
 * Written out instead of as an async generator: a generator that waits for the source ignores `return()` until the
 * source moves, and costs twice the promises on every delivery.
 */
export function subscriptionOf<T, U>(
  ctx: CallContext,
  campaignId: string | undefined,
  open: () => AsyncIterator<T>,
  map: (value: T) => U,
): Subscription<U> {
  /** How to open it, until then: that may hold what only the beginning needs. */
  let source: AsyncIterator<T> | (() => AsyncIterator<T>) = open;
  let endSubscription: (() => void) | undefined;
  let over = false;

  function end(error?: unknown): void {
    if (over) return;
    over = true;
    endSubscription?.();
    ctx.report(reportOf(ctx, ctx.call, 'subscription', campaignId, error));
  }

  return {
    async next() {
      if (over) return { done: true, value: undefined };
      try {
        endSubscription ??= ctx.connection.beginSubscription();
        if (typeof source === 'function') source = source();
        const step = await source.next();
        if (!step.done) return { done: false, value: map(step.value) };
        end();
        return { done: true, value: undefined };
      } catch (error) {
        end(error);
        throw toCallError(error, ctx.call.correlationId);
      }
    },
    async return() {
      end();
      if (typeof source !== 'function') await source.return?.();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/** The campaign that a watcher means who names none. */
export function orDefault(campaignId: string | undefined, defaultCampaignId: string | undefined): string {
  const id = campaignId ?? defaultCampaignId;
  if (id === undefined)
    throw new RefusalError('NOT_FOUND', 'campaignId: this server has no default campaign', { path: ['campaignId'] });
  return id;
}
