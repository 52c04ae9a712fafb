import { tracked } from '@trpc/server';
import type { TrackedEnvelope } from '@trpc/server';
import type { PresenceEvent } from '../../../core/presence/presence.ts';
import type { WatchEvent } from '../../../core/stream/events.ts';
import type { Caller, ResumableEvent, PushTarget, DeliverySlot, WatchOptions } from '../../../engine/service.ts';
import type { Connection } from '../../connection/context.ts';
import { encodeFrame, FrameTicket } from './frames.ts';
import { startPresenceRide, type PresenceRide, type RiddenEvent } from './presence-ride.ts';
import { toCallError } from '../../failure.ts';
import type { CallContext } from '../run-call.ts';

type OpenPresence = () => AsyncIterator<PresenceEvent>;
type Next = IteratorResult<TrackedEnvelope<WatchEvent>, void>;

const DONE: Next = { done: true, value: undefined };

/**
 * Subscription whose events the campaign's fan-out pushes to the socket. To tRPC it is an iterator that yields one
 * value, a `FrameTicket` (see `frames.ts`), and then waits for the end. A class, and without what only its start needs,
 * because there is one per subscriber.
 */
export class PushSubscription implements AsyncIterator<TrackedEnvelope<WatchEvent>, void>, PushTarget {
  readonly #ctx: CallContext;
  /** Opens the presence that rides on it, where that was asked for; then how it rides. */
  #presence: OpenPresence | PresenceRide | undefined;
  /** Arguments of the start; `undefined` once it has started. */
  #start: { caller: Caller; options: WatchOptions } | undefined;
  #slot: DeliverySlot | undefined;
  /** The start of each of its frames; `undefined` until it has its slot. */
  #prefix: string | undefined;
  /** Its end: a value or a rejection. */
  #end: Promise<Next> | undefined;
  /** Settled with the end, for tRPC's pending `next()`. */
  #waiting: PromiseWithResolvers<Next> | undefined;

  constructor(ctx: CallContext, caller: Caller, options: WatchOptions, openPresence?: OpenPresence) {
    this.#ctx = ctx;
    this.#presence = openPresence;
    this.#start = { caller, options };
  }

  get reader(): Connection {
    return this.#ctx.connection;
  }

  send(event: ResumableEvent): void {
    if (typeof this.#presence === 'object') this.#presence.resumeId = event.resumeId;
    this.#write(event, this.reader.deflateLevel);
  }

  end(error: unknown): void {
    this.#settle(error === undefined ? Promise.resolve(DONE) : Promise.reject(error));
  }

  next(): Promise<Next> {
    const start = this.#start;
    this.#start = undefined;
    if (start && !this.#end) return this.#join(start.caller, start.options);
    if (this.#end) return this.#end;
    this.#waiting ??= Promise.withResolvers();
    return this.#waiting.promise;
  }

  return(): Promise<Next> {
    this.#leave();
    return Promise.resolve(DONE);
  }

  async #join(caller: Caller, options: WatchOptions): Promise<Next> {
    this.#slot = await this.#ctx.service.join(caller, this, options);
    if (this.#end) {
      this.#slot.leave();
      return DONE;
    }
    const ticket = new FrameTicket((prefix) => this.#enter(prefix), this.reader);
    // The encoder turns the ticket into an event, which is what the client reads under this type.
    return { done: false, value: tracked('ticket', ticket as unknown as WatchEvent) };
  }

  #enter(prefix: string): ResumableEvent {
    this.#prefix = prefix;
    try {
      if (!this.#slot) throw new Error('a ticket was redeemed before its slot was reserved');
      const first = this.#slot.first();
      const open = this.#presence;
      if (typeof open === 'function')
        this.#presence = startPresenceRide(
          first.resumeId,
          open(),
          (event) => this.#write(event),
          (error) => this.#fail(error),
        );
      return first;
    } catch (error) {
      this.#leave();
      throw toCallError(error, this.#ctx.call.correlationId);
    }
  }

  /** @param level of its compression; presence has none: what members say of themselves stands beside names. */
  #write(event: RiddenEvent, level = 0): void {
    if (this.#prefix !== undefined && !this.#end) this.reader.writeFrame(encodeFrame(this.#prefix, event, level));
  }

  #fail(error: unknown): void {
    this.end(error);
    this.#slot?.leave();
  }

  #leave(): void {
    this.#settle(Promise.resolve(DONE));
    this.#slot?.leave();
  }

  /** Only the first end counts. */
  #settle(end: Promise<Next>): void {
    // A rejection must not count as unhandled where no `next()` is pending.
    end.catch(() => undefined);
    this.#end ??= end;
    if (typeof this.#presence === 'object') this.#presence.stop();
    this.#waiting?.resolve(this.#end);
  }
}
