import { RefusalError } from '../../../core/errors.ts';
import { toCallError } from '../../failure.ts';
import { hideTiming, reportOf } from '../run-call.ts';
import type { CallContext } from '../run-call.ts';

/** Subscription as tRPC expects it: an iterator without a return value and without input. */
export type Subscription<T> = AsyncIterableIterator<T, void, undefined>;

/**
 * Subscription to a source, with `map` applied to each value. The source is opened at the first `next()`: tRPC silently
 * drops a subscription whose socket has closed meanwhile or whose request id is in use, and a source that was not
 * opened need not be closed.
 *
 * Not an async generator: a generator that waits for its source ignores `return()` until the source yields, and makes
 * twice the promises for every delivery.
 */
export function subscriptionOf<T, U>(
  ctx: CallContext,
  campaignId: string | undefined,
  open: () => AsyncIterator<T>,
  map: (value: T) => U,
): Subscription<U> {
  /** The source, or until it is opened the function that opens it: what only the start needs is released then. */
  let source: AsyncIterator<T> | (() => AsyncIterator<T>) = open;
  let endSubscription: (() => void) | undefined;
  let ended = false;

  function end(error?: unknown): void {
    if (ended) return;
    ended = true;
    endSubscription?.();
    ctx.report(reportOf(ctx, ctx.call, 'subscription', campaignId, error));
  }

  return {
    async next() {
      if (ended) return { done: true, value: undefined };
      try {
        endSubscription ??= ctx.connection.beginSubscription();
        if (typeof source === 'function') source = source();
        const result = await source.next();
        if (!result.done) return { done: false, value: map(result.value) };
        end();
        return { done: true, value: undefined };
      } catch (error) {
        end(error);
        await hideTiming(ctx, ctx.call, error);
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

/** The campaign to watch: the server's default where none is named. */
export function orDefault(campaignId: string | undefined, defaultCampaignId: string | undefined): string {
  const id = campaignId ?? defaultCampaignId;
  if (id === undefined)
    throw new RefusalError('NOT_FOUND', 'campaignId: this server has no default campaign', { path: ['campaignId'] });
  return id;
}
