import { joining, step, type Cursor } from '../../core/stream/cursor.ts';
import { RefusalError } from '../../core/errors.ts';
import { CALL_ACTIONS, can, hasExpired, type Identity } from '../../core/permissions.ts';
import { showsActors, viewFor, viewKey, type View, type Views } from '../../core/stream/views.ts';
import type { CampaignEvents } from './campaign-events.ts';
import { isPublished, type LiveCampaign } from '../campaign/live-campaign.ts';
import type { EngineObserver } from '../observer.ts';
import type { Clock } from '../ports.ts';
import { expired, notFound } from '../refusals.ts';
import { RightsWatch } from './rights-watch.ts';
import type { Reader, ResumableEvent } from '../service.ts';

/**
 * Per-subscriber state: view, cursor, rights. It has no queue; what it missed is read from the campaign's ring buffer.
 */
export interface Subscriber {
  readonly reader: Reader;
  /** Whether it is also sent the watermark. */
  readonly receipts: boolean;
  /** Key of the view that it has now. */
  readonly viewKey: string;
  readonly closed: boolean;
  /** Where it stands in the stream. Push delivery sets it too, because the members of a group share one cursor. */
  cursor: Cursor;
  /**
   * Moves the cursor to the next event.
   *
   * @returns that event, or `undefined` at the head
   * @throws RefusalError once its right to read has ended
   */
  nextEvent(): ResumableEvent | undefined;
  /** Its socket is congested: until the next event, a lag of more than the buffer is answered with a snapshot. */
  markLagging(): void;
  /** Ends it; false where it had ended before. */
  close(): boolean;
}

/** What all subscribers of one campaign share. */
export interface SubscriberContext {
  live: LiveCampaign;
  events: CampaignEvents;
  clock: Clock;
  observer: EngineObserver;
  /** Entries that a lagging reader may be behind and still be sent one by one; `CAMPAIGN_SUBSCRIBER_BUFFER`. */
  buffer: number;
  views: Views;
}

export interface SubscriberOptions {
  reader: Reader;
  /** Resume id of the last event that the reader has; `undefined` begins with a snapshot. */
  lastEventId: string | undefined;
  receipts: boolean;
  /** The reader's identity has been replaced, or its token has expired. */
  onRightsChanged(): void;
}

export function createSubscriber(context: SubscriberContext, options: SubscriberOptions): Subscriber {
  return new CampaignSubscriber(context, options);
}

/** A class, because there is one for each reader: methods on a prototype take no memory of each. */
class CampaignSubscriber implements Subscriber {
  readonly reader: Reader;
  readonly receipts: boolean;
  cursor: Cursor;
  readonly #context: SubscriberContext;
  readonly #rights: RightsWatch;
  #view: View;
  #lagging = false;

  constructor(context: SubscriberContext, { reader, lastEventId, receipts, onRightsChanged }: SubscriberOptions) {
    this.reader = reader;
    this.receipts = receipts;
    this.#context = context;
    this.#view = viewFor(reader.identity(), context.live.id, context.views);
    this.cursor = joining(lastEventId, viewKey(this.#view));
    this.#rights = new RightsWatch(reader, context.clock, onRightsChanged);
  }

  get closed(): boolean {
    return this.cursor.phase === 'closed';
  }

  get viewKey(): string {
    return viewKey(this.#view);
  }

  nextEvent(): ResumableEvent | undefined {
    this.#authorise();
    const { live, events, observer, buffer } = this.#context;
    const joins = this.cursor.phase === 'joining';
    const ringFloor = showsActors(this.#view) ? live.ring.floor : Math.max(live.ring.floor, live.publicFloor);
    const timeline = { ...live.head, lineage: live.lineage, ringFloor, durableVersion: live.watermark.version };
    const next = step(this.cursor, timeline, { lagging: this.#lagging, buffer, receipts: this.receipts });
    this.cursor = next.cursor;
    // Whichever step it was, the reader now lacks nothing.
    this.#lagging = false;
    if (next.kind === 'idle') return undefined;
    if (joins && next.kind !== 'durable') observer.joined?.(next.kind === 'entries' ? 'entries' : next.reason);
    if (next.kind === 'snapshot' && next.reason === 'slow') observer.dropped?.();
    return events.make(next, this.#view);
  }

  markLagging(): void {
    this.#lagging = true;
  }

  close(): boolean {
    if (this.cursor.phase === 'closed') return false;
    this.cursor = { phase: 'closed' };
    this.#rights.stop();
    return true;
  }

  /**
   * Checks the right to read before every event: since the last one the identity may have been replaced, the token may
   * have expired, or the campaign may have become a draft.
   */
  #authorise(): void {
    const { live, clock, views } = this.#context;
    const identity = this.reader.identity();
    const refusal = refuseReader(identity, live, clock.now());
    if (refusal) throw refusal;
    const view = viewFor(identity, live.id, views);
    if (viewKey(view) !== viewKey(this.#view)) this.cursor = { phase: 'joining', reason: 'view' };
    this.#view = view;
  }
}

/** The refusal for an identity that may not read a campaign now, or `undefined` where it may. */
export function refuseReader(identity: Identity, live: LiveCampaign, now: number): RefusalError | undefined {
  if (hasExpired(identity, now)) return expired();
  if (can(identity, CALL_ACTIONS.watch, live.id, isPublished(live.content))) return undefined;
  return identity.anonymous === true
    ? notFound(live.id)
    : new RefusalError('FORBIDDEN', `campaignId: your token gives no right to read ${live.id}`, {
        path: ['campaignId'],
      });
}
