import { tracked } from '@trpc/server';
import type { TrackedEnvelope } from '@trpc/server';
import type { WatchEvent } from '../../core/stream/events.ts';
import type { Caller, ResumableEvent, RoomMember, DeliverySlot, WatchOptions } from '../../engine/service.ts';
import type { Connection } from '../connection/context.ts';
import { encodeFrame, FrameTicket } from './frames.ts';
import { toCallError } from '../failure.ts';
import type { CallContext } from './procedures.ts';

type Step = IteratorResult<TrackedEnvelope<WatchEvent>, void>;

const DONE: Step = { done: true, value: undefined };

/**
 * A subscription whose events are pushed to the socket by a room. To tRPC it is an iterator that yields one value, a
 * ticket (see `frames.ts`), and then waits for its end. A class, and nothing kept that only its beginning needs,
 * because there are as many as watchers.
 */
export class RoomSubscription implements AsyncIterator<TrackedEnvelope<WatchEvent>, void>, RoomMember {
  readonly #ctx: CallContext;
  /** What it begins with; `undefined` once it has begun. */
  #beginning: { caller: Caller; options: WatchOptions } | undefined;
  #seat: DeliverySlot | undefined;
  /** What its frames begin with; `undefined` until it has its place. */
  #prefix: string | undefined;
  /** How it ended. */
  #end: Promise<Step> | undefined;
  /** Told of the end by which tRPC waits for it. */
  #waiting: PromiseWithResolvers<Step> | undefined;

  constructor(ctx: CallContext, caller: Caller, options: WatchOptions) {
    this.#ctx = ctx;
    this.#beginning = { caller, options };
  }

  get reader(): Connection {
    return this.#ctx.connection;
  }

  send(event: ResumableEvent): void {
    if (this.#prefix !== undefined) this.reader.push(encodeFrame(this.#prefix, event));
  }

  end(error: unknown): void {
    this.#settle(error === undefined ? Promise.resolve(DONE) : Promise.reject(error));
  }

  next(): Promise<Step> {
    const beginning = this.#beginning;
    this.#beginning = undefined;
    if (beginning && !this.#end) return this.#begin(beginning.caller, beginning.options);
    if (this.#end) return this.#end;
    this.#waiting ??= Promise.withResolvers();
    return this.#waiting.promise;
  }

  return(): Promise<Step> {
    this.#leave();
    return Promise.resolve(DONE);
  }

  async #begin(caller: Caller, options: WatchOptions): Promise<Step> {
    this.#seat = await this.#ctx.service.join(caller, this, options);
    if (this.#end) {
      this.#seat.leave();
      return DONE;
    }
    const ticket = new FrameTicket((prefix) => this.#enter(prefix));
    // What the client reads under this type is the event that the ticket becomes when it is encoded.
    return { done: false, value: tracked('ticket', ticket as unknown as WatchEvent) };
  }

  #enter(prefix: string): ResumableEvent {
    this.#prefix = prefix;
    try {
      if (!this.#seat) throw new Error('a ticket was redeemed before there was a place');
      return this.#seat.first();
    } catch (error) {
      this.#leave();
      throw toCallError(error, this.#ctx.call.correlationId);
    }
  }

  #leave(): void {
    this.#settle(Promise.resolve(DONE));
    this.#seat?.leave();
  }

  /** Only the first end counts. */
  #settle(end: Promise<Step>): void {
    // Its end may come when nobody waits for it.
    end.catch(() => undefined);
    this.#end ??= end;
    this.#waiting?.resolve(this.#end);
  }
}
