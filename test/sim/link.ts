import type { Viewer } from '../../server/core/document/targeting-fields.ts';
import type { Identity } from '../../server/core/permissions.ts';
import type { Manager } from '../../server/engine/manager.ts';
import type { Clock } from '../../server/engine/ports.ts';
import type { Caller, NamedViewer, Reader, ResumableEvent, WatchOptions } from '../../server/engine/service.ts';
import type { SeededRandom } from '../support/seeded-random.ts';
import type { Way } from '../support/watching.ts';
import type { Instance } from './instance.ts';

/** What a call ends in when its connection does: whether it was done is not known. */
export class LinkBroken extends Error {
  override readonly name = 'LinkBroken';
}

/**
 * One client's connection to one instance. Each way keeps its order. What is on its way when the link breaks does not
 * arrive, except that the network may hold a call back, and deliver it when its client has long made it again
 * elsewhere.
 */
export interface Link {
  readonly up: boolean;
  call<T>(work: (manager: Manager, caller: Caller) => Promise<T>): Promise<T>;
  /** Reads the stream as the adapters do, by either way. */
  watch(options: WatchOptions, way: Way, on: StreamHandlers): void;
  /** Another viewer, for its streams too. @param onArrival it has reached the server, which goes by it from now on */
  setViewer(viewer: Viewer, onArrival: () => void): void;
  /** The socket holds more than it can send, for that long. */
  stall(milliseconds: number): void;
  break(): void;
}

export interface StreamHandlers {
  /** On the server, when it is written. */
  sent(event: ResumableEvent): void;
  /** On the client. */
  received(event: ResumableEvent): void;
  /** On the client: it goes on no more, though the link does. */
  ended(error: unknown): void;
}

export interface LinkOptions {
  instance: Instance;
  identity: Identity;
  clock: Clock;
  random: SeededRandom;
  /** The longest way in one direction, in milliseconds. */
  latency: number;
  onBreak: () => void;
  /** What a handler throws. */
  onError: (error: unknown) => void;
}

/** For how long, at most, in milliseconds. */
const HELD_BACK_MS = 1_000;

export function openLink({ instance, identity, clock, random, latency, onBreak, onError }: LinkOptions): Link {
  let up = true;
  let stalledUntil = 0;
  const controller = new AbortController();
  const broken = Promise.withResolvers<never>();
  // Not every link has a call in flight when it breaks.
  broken.promise.catch(() => undefined);
  const lastArrival = { there: 0, back: 0 };

  const travel = (way: keyof typeof lastArrival, orElse?: (arrive: () => void) => void): Promise<void> => {
    const from = way === 'back' ? Math.max(clock.now(), stalledUntil) : clock.now();
    lastArrival[way] = Math.max(lastArrival[way], from + random.int(0, latency));
    return new Promise((resolve) =>
      clock.after(lastArrival[way] - clock.now(), () => (up ? resolve() : orElse?.(resolve))),
    );
  };

  const holdBack = (arrive: () => void): void => {
    if (random.chance(0.5)) clock.after(random.int(0, HELD_BACK_MS), () => instance.phase === 'up' && arrive());
  };

  const breakLink = (): void => {
    if (!up) return;
    up = false;
    forget();
    broken.reject(new LinkBroken('the connection broke'));
    // The server hears of it as well.
    controller.abort();
    onBreak();
  };
  const forget = instance.onDown(breakLink);

  let named: NamedViewer | undefined;
  const listeners = new Set<() => void>();
  const reader: Reader = {
    disconnect: breakLink,
    identity: () => identity,
    bufferedBytes: () => (clock.now() < stalledUntil ? 300 * 1024 : 0),
    viewer: () => named,
    onIdentity(callback) {
      listeners.add(callback);
      return () => listeners.delete(callback);
    },
  };

  const caller = { identity, correlationId: 'sim', signal: controller.signal };

  return {
    get up() {
      return up;
    },

    async call<T>(work: (manager: Manager, caller: Caller) => Promise<T>): Promise<T> {
      const answered = async (): Promise<T> => {
        await travel('there', holdBack);
        await instance.awake();
        const outcome = await settled(work(instance.manager, caller));
        await travel('back');
        if ('error' in outcome) throw outcome.error;
        return outcome.value;
      };
      return await Promise.race([answered(), broken.promise]);
    },

    watch(options, way, on) {
      const send = (event: ResumableEvent): void => {
        if (!up) return;
        try {
          on.sent(event);
        } catch (error) {
          onError(error);
        }
        travel('back')
          .then(() => on.received(event))
          .catch(onError);
      };
      const end = (error: unknown): void => {
        travel('back')
          .then(() => on.ended(error))
          .catch(onError);
      };

      const pull = async (): Promise<void> => {
        for await (const event of instance.manager.watch(caller, reader, options)) send(event);
      };
      const enter = async (): Promise<void> => {
        const slot = await instance.manager.join(caller, { reader, send, end }, options);
        caller.signal.addEventListener('abort', () => slot.leave());
        if (caller.signal.aborted) return slot.leave();
        try {
          send(slot.first());
        } catch (error) {
          slot.leave();
          throw error;
        }
      };
      travel('there')
        .then(way === 'push' ? enter : pull)
        .catch(end);
    },

    setViewer(viewer, onArrival) {
      travel('there')
        .then(() => {
          onArrival();
          named = { viewer, revision: (named?.revision ?? 0) + 1 };
          for (const listener of listeners) listener();
        })
        .catch(onError);
    },

    stall(milliseconds) {
      stalledUntil = clock.now() + milliseconds;
    },
    break: breakLink,
  };
}

async function settled<T>(promise: Promise<T>): Promise<{ value: T } | { error: unknown }> {
  try {
    return { value: await promise };
  } catch (error) {
    return { error };
  }
}
