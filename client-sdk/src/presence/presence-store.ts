import type { JsonObject } from '../../../server/core/json.ts';
import type { PresenceEvent, PresenceMember } from '../../../server/core/presence/presence.ts';
import { systemClock, type Clock } from '../clock.ts';
import type { CampaignError } from '../errors.ts';
import { watcherOf } from '../campaign/watcher.ts';
import { storeWhileNeeded } from '../live/store-while-needed.ts';
import { perCampaign } from '../live/stream-store.ts';
import { writable } from '../observable-value.ts';
import type { CampaignClient, Readable } from '../types.ts';

/** The part of a client that presence is read through. */
export type PresenceClient = Pick<CampaignClient, 'trpc' | 'campaign'>;

/** Who is at a campaign. */
export interface Presence {
  /** `undefined` before the first answer; empty for who may not edit the campaign, and is told counts only. */
  readonly members: readonly PresenceMember[] | undefined;
  /** Members that are not told by name. */
  readonly more: number;
  /** Streams of the campaign that are open. */
  readonly viewers: number;
  readonly error: CampaignError | undefined;
}

/** What a page says of itself. */
export interface OwnPresence {
  /** The path in the document that it is at; missing: none. */
  readonly focus?: readonly string[] | undefined;
  /** At most 2 KiB of JSON. */
  readonly data?: JsonObject | undefined;
}

/** The presence of one campaign: live while anyone subscribes, and then this page is a member too. */
export interface PresenceStore extends Readable<Presence> {
  /** Says where this page is: at most ten times a second, the latest counts, and again after a reconnect. */
  readonly set: (own: OwnPresence) => void;
}

const NOTHING: Presence = Object.freeze({ members: undefined, more: 0, viewers: 0, error: undefined });
/** How long the page stays after the last subscriber has left, in milliseconds. */
const RELEASE_AFTER_MS = 1_000;
const SET_INTERVAL_MS = 100;

const storeOf = perCampaign<PresenceStore>();

/**
 * Who is at a campaign, and where. It rides on the campaign's own stream, which is open while anyone reads this.
 *
 * @example
 * const presence = campaignPresence(client, 'summer');
 * presence.subscribe(() => console.log(presence.getSnapshot().members?.map(({ id, focus }) => [id, focus])));
 * presence.set({ focus: ['ui_content', 'banner'] });
 */
export function campaignPresence(
  client: PresenceClient,
  campaignId: string,
  clock: Pick<Clock, 'after' | 'now'> = systemClock,
): PresenceStore {
  return storeOf(client, campaignId, () => createPresenceStore(client, campaignId, clock));
}

function createPresenceStore(
  client: PresenceClient,
  campaignId: string,
  clock: Pick<Clock, 'after' | 'now'>,
): PresenceStore {
  let own: OwnPresence = {};
  let isJoined = false;
  let saidAt = 0;
  let cancelSay: (() => void) | undefined;

  function say(): void {
    cancelSay ??= clock.after(Math.max(0, saidAt + SET_INTERVAL_MS - clock.now()), () => {
      cancelSay = undefined;
      if (!isJoined) return;
      saidAt = clock.now();
      const { focus, data } = own;
      const setting = { campaignId, ...(focus && { focus: [...focus] }), ...(data && { data }) };
      // What is not answered is said again after the reconnect; what is refused is not worth a word.
      client.trpc.presence.set.mutate(setting).catch(() => undefined);
    });
  }

  const shown = writable(NOTHING);
  let leave = () => {};

  function onEvent(event: PresenceEvent): void {
    // After a reconnect the server does not know where this page is.
    if (event.type === 'all') {
      isJoined = true;
      if (own.focus || own.data) say();
    }
    shown.set(after(shown.getSnapshot(), event));
  }

  const stream = {
    start() {
      const campaign = client.campaign(campaignId);
      const ride = (listener: typeof onEvent | undefined): void => {
        const watcher = watcherOf.get(campaign);
        if (!watcher) return;
        watcher.onPresence = listener;
        watcher.renew();
      };
      const onCampaign = (): void => {
        const { error } = campaign.getSnapshot();
        if (error && error !== shown.getSnapshot().error) shown.set({ ...NOTHING, error });
      };
      // First, so that a stream that begins now begins with it.
      ride(onEvent);
      const unsubscribe = campaign.subscribe(onCampaign);
      onCampaign();
      leave = () => {
        unsubscribe();
        ride(undefined);
      };
    },
    stop() {
      leave();
      isJoined = false;
      shown.set(NOTHING);
    },
  };
  const store = storeWhileNeeded(shown, stream, clock, RELEASE_AFTER_MS);
  return {
    ...store,
    set(next) {
      own = next;
      say();
    },
  };
}

/**
 * Members that have not changed are the same objects as before, so that who selects one renders on its changes only.
 */
function after(before: Presence, event: PresenceEvent): Presence {
  const { more, viewers } = event;
  if (event.type === 'all') {
    const known = new Map(before.members?.map((member) => [member.id, member]));
    const members = event.members.map((member) => sameAs(known.get(member.id), member));
    return { members, more, viewers, error: undefined };
  }
  const gone = new Set([...event.removed, ...event.changed.map(({ id }) => id)]);
  const isSame = gone.size === 0;
  const kept = before.members ?? [];
  const members = isSame ? kept : [...kept.filter(({ id }) => !gone.has(id)), ...event.changed];
  return { members, more, viewers, error: undefined };
}

function sameAs(before: PresenceMember | undefined, member: PresenceMember): PresenceMember {
  return before && JSON.stringify(before) === JSON.stringify(member) ? before : member;
}
