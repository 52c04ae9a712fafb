import { tracked } from '@trpc/server';
import type { TrackedEnvelope } from '@trpc/server';
import type { WatchEvent } from '../core/stream.ts';
import type { Caller, ResumableEvent, RoomSeat, WatchOptions } from '../engine/service.ts';
import { RoomTicket } from './frames.ts';
import { toCallError } from './failure.ts';
import type { CallContext } from './procedures.ts';

/**
 * A subscription whose events are pushed to the socket by a room. To tRPC it is an iterator that yields one value, a ticket (see
 * `frames.ts`), and then waits for its end.
 */
export function roomSubscription(
  ctx: CallContext,
  caller: Caller,
  options: WatchOptions,
): AsyncIterator<TrackedEnvelope<WatchEvent>> {
  const ended = Promise.withResolvers<void>();
  // Its end may come when nobody waits for it.
  ended.promise.catch(() => undefined);
  let seat: Promise<RoomSeat> | undefined;
  let frameFor: ((event: ResumableEvent) => Buffer) | undefined;

  const member = {
    reader: ctx.connection,
    send(event: ResumableEvent) {
      if (frameFor) ctx.connection.push(frameFor(event));
    },
    end(error: unknown) {
      if (error === undefined) ended.resolve();
      else ended.reject(error);
    },
  };

  const leave = (): void => {
    ended.resolve();
    seat?.then(
      (taken) => taken.leave(),
      () => undefined,
    );
  };

  return {
    async next() {
      if (seat) {
        await ended.promise;
        return { done: true, value: undefined };
      }
      seat = ctx.service.join(caller, member, options);
      const taken = await seat;
      caller.signal?.addEventListener('abort', leave, { once: true });
      if (caller.signal?.aborted === true) {
        leave();
        return { done: true, value: undefined };
      }
      const ticket = new RoomTicket((frames) => {
        frameFor = frames;
        try {
          return taken.first();
        } catch (error) {
          leave();
          throw toCallError(error, ctx.call.correlationId);
        }
      });
      // What the client reads under this type is the event that the ticket becomes when it is encoded.
      return { done: false, value: tracked('ticket', ticket as unknown as WatchEvent) };
    },
    return() {
      leave();
      return Promise.resolve({ done: true, value: undefined });
    },
  };
}
