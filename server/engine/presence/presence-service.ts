import { asError, RefusalError } from '../../core/errors.ts';
import {
  CALL_ACTIONS,
  can,
  canRead,
  hasExpired,
  roleFor,
  type Identity,
  type Rights,
  type Role,
} from '../../core/permissions.ts';
import type { PresenceEvent } from '../../core/presence/presence.ts';
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
import { createPresenceRoom, type PresenceRoom, type PresenceSetting } from './presence-room.ts';

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
}

/** The presence of one engine. */
export interface EnginePresence extends PresenceService {
  /** A campaign was deleted: everybody who watches who is there is told. */
  onGone(campaignId: string): void;
  /** Whether a campaign has to stay in memory. */
  isAttended(campaignId: string): boolean;
  stop(): void;
}

export interface EnginePresenceOptions {
  readonly hosting: Pick<CampaignHost, 'host'>;
  readonly log: OrderedLog;
  readonly clock: Clock;
  readonly observer: EngineObserver;
  readonly rights: Rights;
}

/** Creates the presence of an engine: one room for each campaign that anybody here is in. */
export function createEnginePresence({ hosting, log, clock, observer, rights }: EnginePresenceOptions): EnginePresence {
  const rooms = new Map<string, PresenceRoom>();
  const audiences = new Map<string, PresenceAudience>();
  const drainPoll = createDrainPoll(clock);
  let stopped = false;

  const onFailure = (campaignId: string, error: unknown): void =>
    observer.failed?.({ what: 'presence', campaignId, error: asError(error) });

  log.presence.onPublished((campaignId, instance, text) => rooms.get(campaignId)?.onPublished(instance, text));

  const roomOf = ({ live, fanOut }: LoadedCampaign): PresenceRoom => {
    const present = rooms.get(live.id);
    if (present) return present;
    const room = createPresenceRoom({
      campaignId: live.id,
      log,
      clock,
      viewersHere: () => fanOut.size,
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

  /** @throws RefusalError where the identity may not read the campaign, or it was deleted */
  const demand = (identity: Identity, live: LiveCampaign): void => {
    if (hasExpired(identity, clock.now())) throw expired();
    if (can(identity, CALL_ACTIONS.watchPresence, live.id, isPublished(live.content))) {
      if (live.gone) throw live.gone;
      return;
    }
    throw identity.anonymous === true && can(identity, 'read', live.id, true)
      ? notFound(live.id)
      : forbidden(live.id, 'watchPresence');
  };

  const openWatch = async (
    { signal }: Caller,
    reader: Reader,
    loading: HostedCampaign['loaded'],
  ): Promise<AsyncIterableIterator<PresenceEvent>> => {
    const campaign = await loading;
    const { live } = campaign;
    demand(reader.identity(), live);
    if (stopped) throw shuttingDown();
    const room = roomOf(campaign);
    let told: PresencePicture | undefined;
    let cancelDrainWait: (() => void) | undefined;
    const page = room.enter(reader, () => iterator.wake());

    /** What its reader is to be told now; `undefined` where nothing has changed for it. */
    const eventNow = (): PresenceEvent | undefined => {
      const identity = reader.identity();
      demand(identity, live);
      const isEditor = can(identity, CALL_ACTIONS.setPresence, live.id, true);
      page.setMember(isEditor ? identity : undefined);
      const before = told;
      told = pictureOf(room.present(), audienceOf(roleFor(identity, live.id) ?? 'viewer', isEditor));
      return before ? changeOf(before, told) : wholeOf(told);
    };

    const iterator = createPullIterator<PresenceEvent>({
      reader,
      clock,
      signal,
      read(isWoken) {
        // What changes meanwhile is in the picture once the socket has drained.
        if (!isWoken || cancelDrainWait) return undefined;
        if (!isBackpressured(reader)) return eventNow();
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
      return deferredIterator(openWatch(caller, reader, hosting.host(campaignId).loaded), caller.signal);
    },

    set({ identity }, reader, campaignId, setting) {
      if (!can(identity, CALL_ACTIONS.setPresence, campaignId, true)) throw forbidden(campaignId, 'setPresence');
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
