import { joining, step, type Cursor } from '../../core/stream/cursor.ts';
import { RefusalError } from '../../core/errors.ts';
import { can, hasExpired, type Identity } from '../../core/permissions.ts';
import { viewFor, viewKey, type View } from '../../core/stream/views.ts';
import type { CampaignEvents } from './campaign-events.ts';
import { isPublished, type LiveCampaign } from '../campaign/live-campaign.ts';
import type { EngineObserver } from '../observer.ts';
import type { Clock } from '../ports.ts';
import { expired, notFound } from '../refusals.ts';
import { RightsWatch } from './rights-watch.ts';
import type { Reader, ResumableEvent } from '../service.ts';

/** One who watches a campaign: its rights, its view, and how far it has got. Nothing is queued for it. */
export interface Subscriber {
  readonly reader: Reader;
  readonly receipts: boolean;
  /** Of the view that it has now. */
  readonly viewKey: string;
  /** Where it stands; somebody else may have moved it (a room moves all of its members at once). */
  cursor: Cursor;
  /** The next event that it must be sent, if there is one; throws a refusal once its right to read has ended. */
  take(): ResumableEvent | undefined;
  /** Its socket was congested: from now on lag counts, until the next event. */
  lag(): void;
  /** Ends it; true where it had not ended before. */
  close(): boolean;
}

/** What all subscribers of one campaign share. */
export interface SubscriberSurroundings {
  live: LiveCampaign;
  events: CampaignEvents;
  clock: Clock;
  observer: EngineObserver;
  /** `CAMPAIGN_SUBSCRIBER_BUFFER`. */
  buffer: number;
  publicView: View;
}

export interface SubscriberOptions {
  reader: Reader;
  lastEventId: string | undefined;
  receipts: boolean;
  /** The reader's rights are others now, or have run out. */
  onRights(): void;
}

export function createSubscriber(surroundings: SubscriberSurroundings, options: SubscriberOptions): Subscriber {
  return new CampaignSubscriber(surroundings, options);
}

/** A class, because there are as many as readers: methods on a prototype cost each of them nothing. */
class CampaignSubscriber implements Subscriber {
  readonly reader: Reader;
  readonly receipts: boolean;
  cursor: Cursor;
  readonly #surroundings: SubscriberSurroundings;
  readonly #rights: RightsWatch;
  #view: View;
  #lagging = false;

  constructor(surroundings: SubscriberSurroundings, { reader, lastEventId, receipts, onRights }: SubscriberOptions) {
    this.reader = reader;
    this.receipts = receipts;
    this.#surroundings = surroundings;
    this.#view = viewFor(reader.identity(), surroundings.publicView);
    this.cursor = joining(lastEventId, viewKey(this.#view));
    this.#rights = new RightsWatch(reader, surroundings.clock, onRights);
  }

  get viewKey(): string {
    return viewKey(this.#view);
  }

  take(): ResumableEvent | undefined {
    this.#authorise();
    const { live, events, observer, buffer } = this.#surroundings;
    const joins = this.cursor.phase === 'joining';
    const ringFloor = this.#view.kind === 'full' ? live.ring.floor : Math.max(live.ring.floor, live.publicFloor);
    const line = { ...live.head, lineage: live.lineage, ringFloor, durableVersion: live.watermark.version };
    const taken = step(this.cursor, line, { lagging: this.#lagging, buffer, receipts: this.receipts });
    this.cursor = taken.cursor;
    // Whatever comes of it, nothing is missing now.
    this.#lagging = false;
    if (taken.kind === 'idle') return undefined;
    if (joins && taken.kind !== 'durable') observer.joined?.(taken.kind === 'entries' ? 'entries' : taken.reason);
    if (taken.kind === 'snapshot' && taken.reason === 'slow') observer.dropped?.();
    return events.make(taken, this.#view);
  }

  lag(): void {
    this.#lagging = true;
  }

  close(): boolean {
    if (this.cursor.phase === 'closed') return false;
    this.cursor = { phase: 'closed' };
    this.#rights.stop();
    return true;
  }

  /**
   * Rights are looked at before every event: they may have been replaced, have run out, or the campaign may be a draft
   * again.
   */
  #authorise(): void {
    const { live, clock, publicView } = this.#surroundings;
    const identity = this.reader.identity();
    const refusal = refuseReader(identity, live, clock.now());
    if (refusal) throw refusal;
    const now = viewFor(identity, publicView);
    if (viewKey(now) !== viewKey(this.#view)) this.cursor = { phase: 'joining', reason: 'view' };
    this.#view = now;
  }
}

/** Why that identity may not read that campaign now, if it may not. */
export function refuseReader(identity: Identity, live: LiveCampaign, now: number): RefusalError | undefined {
  if (hasExpired(identity, now)) return expired();
  if (can(identity, 'read', live.id, isPublished(live.content))) return undefined;
  return identity.anonymous === true
    ? notFound(live.id)
    : new RefusalError('FORBIDDEN', `campaignId: your token gives no right to read ${live.id}`, {
        path: ['campaignId'],
      });
}
