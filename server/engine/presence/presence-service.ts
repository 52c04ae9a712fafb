import { asError, RefusalError } from '../../core/errors.ts';
import {
  CALL_ACTIONS,
  can,
  canRead,
  hasExpired,
  mayRelay,
  roleFor,
  type Identity,
  type Rights,
  type Role,
} from '../../core/permissions.ts';
import type { PresenceEvent, RelayedPresence } from '../../core/presence/presence.ts';
import { deferredIterator } from '../calls/deferred-iterator.ts';
import { isPublished, type LiveCampaign } from '../campaign/live-campaign.ts';
import type { CampaignHost, HostedCampaign } from '../hosting/campaign-host.ts';
import type { LoadedCampaign } from '../hosting/log-follower.ts';
import type { EngineObserver } from '../observer.ts';
import type { Clock, OrderedLog } from '../ports.ts';
import { expired, forbidden, notFound, shuttingDown } from '../refusals.ts';
import type { Caller, Reader } from '../service.ts';
import { createDrainPoll, isBackpressured } from '../streams/backpressure.ts';
import { createPullIterator } from '../streams/pull-iterator.ts';
import { changeOf, pictureOf, wholeOf, type PresenceAudience, type PresencePicture } from './presence-pictures.ts';
import { createPresenceRoom, type PresencePage, type PresenceRoom, type PresenceSetting } from './presence-room.ts';
import { relayedAfter, type RelayedState } from './relayed-presence.ts';

/** Presence, as the procedures see it: never stored, never in the history. */
export interface PresenceService {
  /**
   * Who is here: all of it, then what changes, at most ten times a second. An editor who watches is a member for as
   * long as it does; others are told counts.
   */
  watch(caller: Caller, reader: Reader, campaignId: string): AsyncIterableIterator<PresenceEvent>;
  /**
   * Where this page is, and what it says of itself; the latest word counts.
   *
   * @throws RefusalError `NOT_FOUND` where the connection does not watch the campaign's presence
   */
  set(caller: Caller, reader: Reader, campaignId: string, setting: PresenceSetting): void;
  /** An editor is a member for as long as this lasts, and is told once that it is, and nothing else. */
  attend(caller: Caller, reader: Reader, campaignId: string): AsyncIterableIterator<Attending>;
  /**
   * Who is here, for a relay: what every source says but the relay itself, then what changes. Like the document, it is
   * told places in every field, and names.
   */
  relayed(caller: Caller, reader: Reader, campaignId: string): AsyncIterableIterator<RelayedPresence>;
}

/** What who attends is told: it is a member from now on. */
export interface Attending {
  readonly type: 'attending';
}
const ATTENDING: Attending = { type: 'attending' };

/** The presence of one engine. */
export interface EnginePresence extends PresenceService {
  /** A campaign was deleted: everybody who watches who is there is told. */
  onGone(campaignId: string): void;
  /** Whether a campaign has to stay in memory. */
  isAttended(campaignId: string): boolean;
  stop(): void;
}

export interface EnginePresenceOptions {
  readonly hosting: Pick<CampaignHost, 'host' | 'viewers' | 'relayedViewers'>;
  readonly log: OrderedLog;
  readonly clock: Clock;
  readonly observer: EngineObserver;
  readonly rights: Rights;
}

/** What a stream of presence brings its reader, and by which right. */
interface PresenceStream<T> {
  /** @throws RefusalError where the identity has no right to it */
  demand(identity: Identity, live: LiveCampaign): void;
  /** What its reader is to be told now; `undefined` where nothing has changed for it. */
  eventNow(now: {
    readonly identity: Identity;
    readonly room: PresenceRoom;
    readonly page: PresencePage;
  }): T | undefined;
}

/** Creates the presence of an engine: one room for each campaign that anybody here is in. */
export function createEnginePresence({ hosting, log, clock, observer, rights }: EnginePresenceOptions): EnginePresence {
  const rooms = new Map<string, PresenceRoom>();
  const audiences = new Map<string, PresenceAudience>();
  const drainPoll = createDrainPoll(clock);
  let stopped = false;

  const onFailure = (campaignId: string, error: unknown): void =>
    observer.failed?.({ what: 'presence', campaignId, error: asError(error) });

  hosting.relayedViewers.onChange((campaignId) => rooms.get(campaignId)?.onViewers());
  log.presence.onPublished((campaignId, instance, text) => rooms.get(campaignId)?.onPublished(instance, text));

  const roomOf = ({ live }: LoadedCampaign): PresenceRoom => {
    const present = rooms.get(live.id);
    if (present) return present;
    const room = createPresenceRoom({
      campaignId: live.id,
      log,
      clock,
      viewersHere: () => hosting.viewers(live.id),
      onEmpty: () => rooms.get(live.id) === room && rooms.delete(live.id),
      onFailure: (error) => onFailure(live.id, error),
    });
    rooms.set(live.id, room);
    return room;
  };

  const audienceOf = (role: Role, isEditor: boolean): PresenceAudience => {
    const key = `${role} ${isEditor}`;
    const audience = audiences.get(key) ?? { isEditor, mayRead: (path) => canRead(rights, role, path) };
    audiences.set(key, audience);
    return audience;
  };

  const isEditor = (identity: Identity, campaignId: string): boolean =>
    can(identity, CALL_ACTIONS.setPresence, campaignId, true);

  /** @throws RefusalError where the identity may not read the campaign */
  const demandWatch = (identity: Identity, { id, content }: LiveCampaign): void => {
    if (can(identity, CALL_ACTIONS.watchPresence, id, isPublished(content))) return;
    throw identity.anonymous === true && can(identity, 'read', id, true)
      ? notFound(id)
      : forbidden(id, 'watchPresence');
  };

  /** A stream of one connection that is in the room of a campaign for as long as it is open. */
  const open = async <T>(
    { signal }: Caller,
    reader: Reader,
    loading: HostedCampaign['loaded'],
    { demand, eventNow }: PresenceStream<T>,
  ): Promise<AsyncIterableIterator<T>> => {
    const campaign = await loading;
    const { live } = campaign;
    /** @throws RefusalError where the right to it has ended, or the campaign was deleted */
    const identityNow = (): Identity => {
      const identity = reader.identity();
      if (hasExpired(identity, clock.now())) throw expired();
      demand(identity, live);
      if (live.gone) throw live.gone;
      return identity;
    };
    identityNow();
    if (stopped) throw shuttingDown();
    const room = roomOf(campaign);
    let cancelDrainWait: (() => void) | undefined;
    const page = room.enter(reader, () => iterator.wake());
    const iterator = createPullIterator<T>({
      reader,
      clock,
      signal,
      read(isWoken) {
        // What changes meanwhile is in the picture once the socket has drained.
        if (!isWoken || cancelDrainWait) return undefined;
        if (!isBackpressured(reader)) return eventNow({ identity: identityNow(), room, page });
        cancelDrainWait = drainPoll.wait({
          reader,
          onDrained() {
            cancelDrainWait = undefined;
            iterator.wake();
          },
          onDisconnected: () => void iterator.return?.(),
        });
        return undefined;
      },
      onClose() {
        cancelDrainWait?.();
        page.leave();
      },
    });
    // The whole picture first: what the other instances know is being read.
    await room.ready;
    return iterator;
  };

  return {
    watch(caller, reader, campaignId) {
      // Before the campaign is looked up: whoever has no right to it learns nothing of it.
      if (!can(caller.identity, CALL_ACTIONS.watchPresence, campaignId, true))
        throw forbidden(campaignId, 'watchPresence');
      let told: PresencePicture | undefined;
      const watching = open<PresenceEvent>(caller, reader, hosting.host(campaignId).loaded, {
        demand: demandWatch,
        eventNow({ identity, room, page }) {
          const isMember = isEditor(identity, campaignId);
          page.setMember(isMember ? identity : undefined);
          const before = told;
          told = pictureOf(room.present(), audienceOf(roleFor(identity, campaignId) ?? 'viewer', isMember));
          return before ? changeOf(before, told) : wholeOf(told);
        },
      });
      return deferredIterator(watching, caller.signal);
    },

    attend(caller, reader, campaignId) {
      const demand = (identity: Identity): void => {
        if (!isEditor(identity, campaignId)) throw forbidden(campaignId, 'setPresence');
      };
      demand(caller.identity);
      let isTold = false;
      const attending = open<Attending>(caller, reader, hosting.host(campaignId).loaded, {
        demand,
        eventNow({ identity, page }) {
          page.setMember(identity);
          if (isTold) return undefined;
          isTold = true;
          return ATTENDING;
        },
      });
      return deferredIterator(attending, caller.signal);
    },

    relayed(caller, reader, campaignId) {
      const demand = (identity: Identity): void => {
        if (!mayRelay(identity, campaignId)) throw forbidden(campaignId, 'relay');
      };
      demand(caller.identity);
      let told: RelayedState | undefined;
      const relaying = open<RelayedPresence>(caller, reader, hosting.host(campaignId).loaded, {
        demand,
        eventNow({ room }) {
          const viewers = room.present().viewers - hosting.relayedViewers.at(reader, campaignId);
          const next = relayedAfter(told, room.sources(), reader, Math.max(0, viewers));
          told = next.state;
          return next.event;
        },
      });
      return deferredIterator(relaying, caller.signal);
    },

    set({ identity }, reader, campaignId, setting) {
      if (!isEditor(identity, campaignId)) throw forbidden(campaignId, 'setPresence');
      if (rooms.get(campaignId)?.move(reader, setting) === true) return;
      const message = 'campaignId: this connection does not watch the presence of that campaign; do that first';
      throw new RefusalError('NOT_FOUND', message, { path: ['campaignId'] });
    },

    onGone(campaignId) {
      rooms.get(campaignId)?.end();
      rooms.delete(campaignId);
    },

    isAttended: (campaignId) => rooms.has(campaignId),
    stop() {
      stopped = true;
      for (const room of rooms.values()) room.stop();
    },
  };
}
