import { getHTTPStatusCodeFromError } from '@trpc/server/http';
import { TRPC_ERROR_CODES_BY_KEY } from '@trpc/server/rpc';
import type { WatchEvent } from '../../../core/stream/events.ts';
import type { ResumableEvent } from '../../../engine/service.ts';
import { formatError, toCallError, type ErrorShape } from '../../failure.ts';
import type { CallContext } from '../run-call.ts';

/** What one of several streams brings: `index` is its place in the input. */
export type MergedEvent =
  /** `id` is its `lastEventId` from now on. */
  | { readonly index: number; readonly id: string; readonly event: WatchEvent }
  /** It was refused, or its right has ended; the others go on. */
  | { readonly index: number; readonly error: ErrorShape };

/** What a source has answered. */
interface Turn {
  readonly index: number;
  readonly result?: IteratorResult<ResumableEvent, unknown>;
  readonly error?: unknown;
}

/**
 * Several streams as one. Of each source one event is taken ahead and no more, so that a slow reader costs one event a
 * stream; what came first is delivered first. (`Promise.race` over the sources would keep a reaction for each event at
 * those that are silent.)
 *
 * @throws the error of the last source that is left, for then nothing follows
 */
export function merged(
  ctx: CallContext,
  sources: readonly AsyncIterator<ResumableEvent>[],
): AsyncIterator<MergedEvent, void> {
  const ready: Turn[] = [];
  let open = sources.length;
  let isStarted = false;
  let wake = (): void => {};

  function take(index: number): void {
    const arrive = (turn: Turn): void => {
      ready.push(turn);
      wake();
    };
    sources[index]?.next().then(
      (result) => arrive({ index, result }),
      (error: unknown) => arrive({ index, error }),
    );
  }

  return {
    async next() {
      if (!isStarted) for (const index of sources.keys()) take(index);
      isStarted = true;
      while (open > 0) {
        const turn = ready.shift();
        if (!turn) {
          await new Promise<void>((resolve) => (wake = resolve));
          continue;
        }
        const { index, result, error } = turn;
        if (result && !result.done) {
          take(index);
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
      wake();
      await Promise.all(sources.map(async (source) => source.return?.()));
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
