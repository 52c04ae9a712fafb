import type { View } from '../../core/stream/views.ts';
import { createCampaignEvents } from './campaign-events.ts';
import type { LiveCampaign } from '../campaign/live-campaign.ts';
import type { EngineObserver } from '../observer.ts';
import type { Clock } from '../ports.ts';
import { createRooms, type Member } from './push-delivery.ts';
import type { Reader, ResumableEvent, RoomMember, DeliverySlot, WatchOptions } from '../service.ts';
import { createSubscriber, type Subscriber } from './subscriber.ts';
import { openSubscription, type Subscription } from './pull-delivery.ts';

/** Everyone who watches one campaign on this instance, by either way: pulled one by one, or pushed to by rooms. */
export interface FanOut {
  /** Something changed: whoever waits looks. What changes within one turn of the event loop is looked at once. */
  notify(): void;
  /** The line broke; these acknowledged mutations are known not to have survived. */
  reset(lost: readonly string[]): void;
  readonly size: number;
  subscribe(options: SubscribeOptions): AsyncIterableIterator<ResumableEvent>;
  /** Takes a place in the rooms; nothing is sent before `enter`. */
  enter(member: RoomMember, options: Omit<WatchOptions, 'campaignId'>): DeliverySlot;
}

export interface FanOutOptions {
  clock: Clock;
  observer: EngineObserver;
  /** `CAMPAIGN_SUBSCRIBER_BUFFER`. */
  buffer: number;
  /** What callers without a token see. */
  publicView: View;
  /** Whether the archive outlives the process. */
  persistent: boolean;
}

export interface SubscribeOptions extends Omit<WatchOptions, 'campaignId'> {
  reader: Reader;
  signal?: AbortSignal | undefined;
}

export function createFanOut(live: LiveCampaign, options: FanOutOptions): FanOut {
  const { clock, observer } = options;
  const events = createCampaignEvents(live, options.persistent);
  const surroundings = { ...options, live, events };
  const subscriptions = new Set<Subscription>();

  const report = ({ event }: ResumableEvent, readers: number): void => {
    if (event.type !== 'durable') observer.delivered?.(event.type === 'entries' ? event.entries.length : 1, readers);
  };
  const rooms = createRooms({ clock, onDelivered: report });

  const subscriberFor = (
    reader: Reader,
    { lastEventId, receipts = false }: Omit<WatchOptions, 'campaignId'>,
    onRights: () => void,
  ): Subscriber => createSubscriber(surroundings, { reader, lastEventId, receipts, onRights });

  const notify = (): void => {
    for (const subscription of subscriptions) subscription.wake();
    rooms.notify();
  };

  return {
    notify,

    reset(mutationIds) {
      events.lose(mutationIds);
      notify();
    },

    get size() {
      return subscriptions.size + rooms.size;
    },

    subscribe({ reader, signal, ...watching }) {
      const subscriber = subscriberFor(reader, watching, () => subscription.wake());
      const subscription = openSubscription({
        subscriber,
        clock,
        signal,
        onDelivered: (event) => report(event, 1),
        onClose: () => subscriptions.delete(subscription),
      });
      if (subscriber.cursor.phase !== 'closed') subscriptions.add(subscription);
      return subscription;
    },

    enter(to, watching) {
      const subscriber = subscriberFor(to.reader, watching, () => rooms.recheck(member));
      const member: Member = { subscriber, to };
      return {
        first: () => rooms.enter(member),
        leave() {
          if (subscriber.close()) rooms.leave(member);
        },
      };
    },
  };
}
