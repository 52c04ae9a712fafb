import type { PresenceWatchEvent, WatchEvent } from '../../../core/stream/events.ts';
import { errorShapeOf, type ErrorShape } from '../../failure.ts';
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
        return { done: false, value: { index, error: errorShapeOf(error, ctx.call.correlationId) } };
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
