import { getHTTPStatusCodeFromError } from '@trpc/server/http';
import { TRPC_ERROR_CODES_BY_KEY } from '@trpc/server/rpc';
import type { PresenceWatchEvent, WatchEvent } from '../../../core/stream/events.ts';
import { formatError, toCallError, type ErrorShape } from '../../failure.ts';
import type { CallContext } from '../run-call.ts';
import { interleave } from './interleave.ts';
import type { RiddenEvent } from './presence-ride.ts';

/** What one of several streams brings: `index` is its place in the input. */
export type MergedEvent =
  /** `id` is its `lastEventId` from now on. */
  | { readonly index: number; readonly id: string; readonly event: WatchEvent | PresenceWatchEvent }
  /** It was refused, or its right has ended; the others go on. */
  | { readonly index: number; readonly error: ErrorShape };

/**
 * Several streams as one.
 *
 * @throws the error of the last source that is left, for then nothing follows
 */
export function merged(
  ctx: CallContext,
  streams: readonly AsyncIterator<RiddenEvent>[],
): AsyncIterator<MergedEvent, void> {
  const sources = interleave<RiddenEvent>();
  let open = streams.length;
  let isStarted = false;
  return {
    async next() {
      if (!isStarted) for (const stream of streams) sources.add(stream);
      isStarted = true;
      while (open > 0) {
        const turn = await sources.next();
        if (!turn) break;
        const { index, result, error } = turn;
        if (result && !result.done) {
          const { resumeId, event } = result.value;
          return { done: false, value: { index, id: resumeId, event } };
        }
        open -= 1;
        if (result) continue;
        if (open === 0) throw error;
        ctx.connection.chargeRefusal();
        return { done: false, value: { index, error: shapeOf(error, ctx.call.correlationId) } };
      }
      return { done: true, value: undefined };
    },
    async return() {
      open = 0;
      await sources.close();
      if (!isStarted) await Promise.all(streams.map(async (stream) => stream.return?.()));
      return { done: true, value: undefined };
    },
  };
}

/** As tRPC sends it. */
function shapeOf(thrown: unknown, correlationId: string): ErrorShape {
  const error = toCallError(thrown, correlationId);
  const { code, message } = error;
  const data = { code, httpStatus: getHTTPStatusCodeFromError(error) };
  return formatError({ shape: { code: TRPC_ERROR_CODES_BY_KEY[code], message, data }, error });
}
