import type { JudgedBy, Projector } from '../../core/stream/audience.ts';
import type { Views } from '../../core/stream/views.ts';
import { createCampaignEvents } from './campaign-events.ts';
import { createCohorts } from './cohorts.ts';
import type { HeldPlacesService } from '../campaign/held-places.ts';
import type { LiveCampaign } from '../campaign/live-campaign.ts';
import type { TurnBudget } from '../campaign/turn-budget.ts';
import type { EngineObserver } from '../observer.ts';
import type { Clock } from '../ports.ts';
import { createDrainPoll } from './backpressure.ts';
import { createPullDelivery, type PullDelivery } from './pull-delivery.ts';
import { createPushDelivery, type PushMember } from './push-delivery.ts';
import type { DeliverySlot, PushTarget, Reader, ResumableEvent, WatchOptions } from '../service.ts';
import { createSubscriber, type Subscriber } from './subscriber.ts';

/** All subscribers of one campaign on this instance, whether they pull their events or are pushed to. */
export interface FanOut {
  /**
   * The campaign has changed: every subscriber is sent what it lacks. Several changes within one turn of the event loop
   * are pushed at once.
   */
  notify(): void;
  /** The campaign was forked: `lost` are the ids of acknowledged mutations that are not on the current timeline. */
  reset(lost: readonly string[]): void;
  /** Entries were redacted: nothing that was made of them is sent again. */
  forget(): void;
  readonly size: number;
  /** Those that count: a relay's readers do, and it does not; previews never do. */
  readonly viewers: number;
  /** Cohorts: different outcomes of the rules among the subscribers. */
  readonly cohorts: number;
  /** Subscribes a reader that pulls; the iterator ends when `signal` aborts. */
  pull(options: PullOptions): AsyncIterableIterator<ResumableEvent>;
  /** Subscribes a target that is pushed to; nothing is sent to it before the slot's `first`. */
  push(target: PushTarget, options: SubscriptionOptions): DeliverySlot;
}

export interface FanOutOptions {
  readonly clock: Clock;
  readonly observer: EngineObserver;
  /** Entries that a lagging reader may be behind and still be sent one by one; `CAMPAIGN_SUBSCRIBER_BUFFER`. */
  buffer: number;
  /** What callers see by their roles. */
  views: Views;
  readonly projector: Projector;
  readonly heldPlaces: HeldPlacesService;
  /** Budget of evaluations in a turn of the event loop, over all readers that pull. */
  readonly evaluationTurns: TurnBudget;
  /** Whether the archive outlives the process. */
  persistent: boolean;
}

/** What a subscriber asks for. */
export interface SubscriptionOptions extends Omit<WatchOptions, 'campaignId'> {
  /**
   * Revision of the reader's viewer when it asked, which may be before the campaign was loaded: what it says after that
   * takes the place of `viewer`.
   */
  readonly viewerRevision: number;
  /** By what it is judged, as was looked up before. Default: it is looked up while it reads. */
  readonly judgedBy?: JudgedBy;
}

export interface PullOptions extends SubscriptionOptions {
  reader: Reader;
  signal?: AbortSignal | undefined;
}

export function createFanOut(live: LiveCampaign, options: FanOutOptions): FanOut {
  const { clock, observer } = options;
  const { projector, evaluationTurns } = options;
  const events = createCampaignEvents(live, projector, options.persistent);
  const cohorts = createCohorts(live.id);
  const context = { ...options, live, events, cohorts };
  const drainPoll = createDrainPoll(clock);
  const pulls = new Set<PullDelivery<ResumableEvent>>();
  /** Open ones that are no viewers. */
  const uncounted = new Set<Subscriber>();

  const onDelivered = ({ event }: ResumableEvent, readers: number): void => {
    if (event.type !== 'durable') observer.delivered?.(event.type === 'entries' ? event.entries.length : 1, readers);
  };
  const pushes = createPushDelivery({
    clock,
    drainPoll,
    onDelivered,
    onLeft: ({ subscriber }) => uncounted.delete(subscriber),
    evaluations: () => projector.evaluations,
  });

  const subscriberFor = (
    reader: Reader,
    { lastEventId, receipts = false, viewer, viewerRevision, judgedBy }: SubscriptionOptions,
    onRightsChanged: () => void,
  ): Subscriber =>
    createSubscriber(context, { reader, lastEventId, receipts, viewer, viewerRevision, judgedBy, onRightsChanged });

  /** Counts a subscriber that is open, or not: by who it is now. */
  const count = (subscriber: Subscriber): void => {
    const { reader, closed } = subscriber;
    if (!closed && (reader.isRelay === true || reader.identity().isPreview === true)) uncounted.add(subscriber);
    else uncounted.delete(subscriber);
  };

  const notify = (): void => {
    for (const delivery of pulls) delivery.wake();
    pushes.notify();
  };

  return {
    notify,

    reset(lost) {
      events.setLost(lost);
      notify();
    },

    forget: events.forget,

    get size() {
      return pulls.size + pushes.size;
    },

    get viewers() {
      return pulls.size + pushes.size - uncounted.size;
    },

    get cohorts() {
      return cohorts.size;
    },

    pull({ reader, signal, ...watching }) {
      const subscriber = subscriberFor(reader, watching, () => {
        count(subscriber);
        delivery.wake();
      });
      const delivery = createPullDelivery({
        source: subscriber,
        drainPoll,
        signal,
        onDelivered: (event) => onDelivered(event, 1),
        turn: () => (subscriber.isNextItsOwn() ? evaluationTurns.spend(1) : undefined),
        onClose() {
          pulls.delete(delivery);
          uncounted.delete(subscriber);
        },
      });
      if (!subscriber.closed) {
        pulls.add(delivery);
        count(subscriber);
      }
      return delivery;
    },

    push(target, watching) {
      let hasJoined = false;
      const subscriber = subscriberFor(target.reader, watching, () => {
        if (hasJoined) count(subscriber);
        pushes.recheck(member);
      });
      const member: PushMember = { subscriber, target };
      return {
        first() {
          const event = pushes.join(member);
          hasJoined = true;
          count(subscriber);
          return event;
        },
        leave() {
          if (subscriber.close()) pushes.leave(member);
        },
      };
    },
  };
}
