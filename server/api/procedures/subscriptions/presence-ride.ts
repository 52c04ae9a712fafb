import type { PresenceEvent } from '../../../core/presence/presence.ts';
import type { PresenceWatchEvent, WatchEvent } from '../../../core/stream/events.ts';
import { interleave, type Interleaved } from './interleave.ts';

/** An event of a stream on which presence rides. */
export interface RiddenEvent {
  readonly resumeId: string;
  readonly event: WatchEvent | PresenceWatchEvent;
}

/** The last event that was made of each: all who stand at the same position are sent the same bytes. */
const made = new WeakMap<PresenceEvent, RiddenEvent>();

/**
 * An event of presence for a stream.
 *
 * @param resumeId of the last event that the stream has brought: where it resumes does not move
 */
export function riddenEvent(resumeId: string, presence: PresenceEvent): RiddenEvent {
  const known = made.get(presence);
  if (known?.resumeId === resumeId) return known;
  const event: RiddenEvent = { resumeId, event: { type: 'presence', presence } };
  made.set(presence, event);
  return event;
}

/** Presence on its way to a stream that is pushed. */
export interface PresenceRide {
  /** Of the last event that the stream has brought. */
  resumeId: string;
  stop(): void;
}

/**
 * Lets presence ride on a stream that is pushed: it is pulled, so that a socket that is congested is not told of every
 * change, and written between the stream's own frames.
 *
 * @param onEnd it has failed: the stream ends with it
 */
export function startPresenceRide(
  resumeId: string,
  presence: AsyncIterator<PresenceEvent>,
  send: (event: RiddenEvent) => void,
  onEnd: (error: unknown) => void,
): PresenceRide {
  let isStopped = false;
  const ride: PresenceRide = {
    resumeId,
    stop() {
      if (isStopped) return;
      isStopped = true;
      presence.return?.().catch(() => undefined);
    },
  };
  const run = async (): Promise<void> => {
    for (let next = await presence.next(); !next.done && !isStopped; next = await presence.next())
      send(riddenEvent(ride.resumeId, next.value));
  };
  run().catch((error: unknown) => !isStopped && onEnd(error));
  return ride;
}

/** The same for a stream that is pulled: presence begins behind its first event. */
export function withPresence(
  watch: AsyncIterator<{ readonly resumeId: string; readonly event: WatchEvent }>,
  openPresence: () => AsyncIterator<PresenceEvent>,
): AsyncIterator<RiddenEvent, void> {
  const sources: Interleaved<RiddenEvent | PresenceEvent> = interleave();
  let resumeId: string | undefined;
  let isStarted = false;
  return {
    async next() {
      if (!isStarted) sources.add(watch);
      isStarted = true;
      const turn = await sources.next();
      if (turn?.error !== undefined) {
        await sources.close();
        throw turn.error;
      }
      if (!turn?.result || turn.result.done === true) {
        await sources.close();
        return { done: true, value: undefined };
      }
      const { value } = turn.result;
      if (!('resumeId' in value)) return { done: false, value: riddenEvent(resumeId ?? '', value) };
      if (resumeId === undefined) sources.add(openPresence());
      resumeId = value.resumeId;
      return { done: false, value };
    },
    async return() {
      await Promise.all([sources.close(), isStarted ? undefined : watch.return?.()]);
      return { done: true, value: undefined };
    },
  };
}
