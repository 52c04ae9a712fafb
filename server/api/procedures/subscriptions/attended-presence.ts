import type { PresenceEvent } from '../../../core/presence/presence.ts';
import type { Attending } from '../../../engine/presence/presence-service.ts';
import { callerOf } from '../procedures.ts';
import type { CallContext } from '../run-call.ts';

type Signal = AbortSignal | undefined;

/** Who is at a campaign, for the connection of a call. Where this server is a relay, its upstream knows of it too. */
export function watchPresence(
  ctx: CallContext,
  signal: Signal,
  campaignId: string,
): AsyncIterableIterator<PresenceEvent> {
  const watching = ctx.service.presence.watch(callerOf(ctx, signal), ctx.connection, campaignId);
  return attended(ctx, campaignId, watching);
}

/** The connection of a call is at a campaign, and is not told who else is. */
export function attendPresence(ctx: CallContext, signal: Signal, campaignId: string): AsyncIterableIterator<Attending> {
  const attending = ctx.service.presence.attend(callerOf(ctx, signal), ctx.connection, campaignId);
  return attended(ctx, campaignId, attending);
}

function attended<T>(
  { upstream, connection }: CallContext,
  campaignId: string,
  source: AsyncIterableIterator<T>,
): AsyncIterableIterator<T> {
  if (!upstream) return source;
  const leave = upstream.attend(connection, campaignId);
  const iterator: AsyncIterableIterator<T> = {
    async next() {
      try {
        const result = await source.next();
        if (result.done === true) leave();
        return result;
      } catch (error) {
        leave();
        throw error;
      }
    },
    async return() {
      leave();
      await source.return?.();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]: () => iterator,
  };
  return iterator;
}
