import { replicaStream } from '../../server/api/procedures/subscriptions/replica-stream.ts';
import type { CallContext } from '../../server/api/procedures/run-call.ts';
import type { Identity } from '../../server/core/permissions.ts';
import type { Position } from '../../server/core/stream/position.ts';
import type { Manager } from '../../server/engine/manager.ts';
import type { Clock } from '../../server/engine/ports.ts';
import type { Caller, Reader } from '../../server/engine/service.ts';
import { away, LINK_LOST, type UpstreamLink, type UpstreamSubscriber } from '../../server/relay/upstream-link.ts';
import type { SeededRandom } from '../support/seeded-random.ts';
import type { Instance } from './instance.ts';

/** The link of a relay to its upstream, which is made again whenever it breaks. */
export interface SimUpstream extends UpstreamLink {
  /** It breaks now. */
  cut(): void;
  /** Nothing comes from upstream any more, until that is noticed. */
  silence(): void;
}

export interface SimUpstreamOptions {
  /** Of the relay's process. */
  clock: Clock;
  random: SeededRandom;
  /** The longest way in one direction, in milliseconds. */
  latency: number;
  /** A server that runs now, if one does. */
  pick(): Instance | undefined;
  onUp(): void;
}

/** What a method of the engine is called with through a relay, in the place of a procedure and its input. */
export interface ForwardedMethod {
  readonly path: keyof Manager;
  readonly input: { readonly given: Partial<Caller>; readonly rest: readonly unknown[] };
}

interface Connection {
  readonly instance: Instance;
  readonly forget: () => void;
  readonly broken: AbortController;
  readonly lastArrival: { there: number; back: number };
  isSilent: boolean;
}

const RELAY: Identity = { id: 'relay', grants: { '*': 'relay' } };
/** As the heartbeat notices it. */
const SILENCE_MS = 5_000;

export function createSimUpstream({ clock, random, latency, pick, onUp }: SimUpstreamOptions): SimUpstream {
  const callers = new Map<string, Identity>();
  const waiting = new Set<(error: Error) => void>();
  const subscribers = new Set<UpstreamSubscriber>();
  let connection: Connection | undefined;
  let isUp = false;
  let generation = 0;
  let stopped = false;

  /** Resolves when a message has arrived; never where its connection has broken, or is silent on the way back. */
  const travel = (over: Connection, way: 'there' | 'back'): Promise<void> => {
    const { lastArrival } = over;
    lastArrival[way] = Math.max(lastArrival[way], clock.now() + random.int(0, latency));
    return new Promise((resolve) =>
      clock.after(lastArrival[way] - clock.now(), () => {
        if (connection === over && !(way === 'back' && over.isSilent)) resolve();
      }),
    );
  };

  const lose = (): void => {
    const lost = connection;
    if (!lost) return;
    connection = undefined;
    isUp = false;
    lost.forget();
    lost.broken.abort();
    callers.clear();
    const [calls, streams] = [[...waiting], [...subscribers]];
    waiting.clear();
    subscribers.clear();
    for (const reject of calls) reject(LINK_LOST);
    for (const { onEnd } of streams) onEnd(LINK_LOST);
    connectLater();
  };

  const connectLater = (): void => {
    if (!stopped) clock.after(random.int(20, 400), () => void connect());
  };

  const connect = async (): Promise<void> => {
    const instance = pick();
    if (stopped || connection) return;
    if (!instance) return connectLater();
    const made: Connection = {
      instance,
      forget: instance.onDown(() => connection === made && lose()),
      broken: new AbortController(),
      lastArrival: { there: 0, back: 0 },
      isSilent: false,
    };
    connection = made;
    await travel(made, 'there');
    await instance.awake();
    await travel(made, 'back');
    isUp = true;
    generation += 1;
    onUp();
  };
  connectLater();

  const run = (path: string, input: unknown, { instance, broken }: Connection): unknown => {
    const { manager } = instance;
    const relay: Caller = { identity: RELAY, correlationId: 'sim', signal: broken.signal };
    // Each is asked by the code of the relay, with what that path takes.
    switch (path) {
      case 'relay.look': {
        const { campaignId, seen } = input as { campaignId: string; seen?: Position };
        return manager.replicas.look(relay, campaignId, seen);
      }
      case 'relay.heads':
        return manager.replicas.heads(relay, (input as { campaignIds: string[] }).campaignIds);
      case 'relay.enter': {
        const { caller, token } = input as { caller: string; token: string };
        callers.set(caller, JSON.parse(token) as Identity);
        return {};
      }
      case 'relay.leave':
        return callers.delete((input as { caller: string }).caller);
      case 'relay.forward': {
        const { caller, path: method, input: asked } = input as ForwardedMethod & { caller: string };
        const own = { ...asked.given, identity: callers.get(caller), correlationId: 'sim', signal: broken.signal };
        // A method of the engine that takes a caller first.
        const call = manager[method] as (caller: unknown, ...rest: readonly unknown[]) => unknown;
        return call(own, ...asked.rest);
      }
      default:
        throw new Error(`${path} is not relayed here`);
    }
  };

  const ask = (path: string, input: unknown, timeoutMs: number): Promise<unknown> => {
    const over = connection;
    if (!over || !isUp) throw LINK_LOST;
    const sent = toJson(input);
    return new Promise((resolve, reject) => {
      const fail = (error: Error): void => {
        cancel();
        waiting.delete(fail);
        reject(error);
      };
      const cancel = clock.after(timeoutMs, () => fail(away(`upstream has not answered ${path} in time`)));
      waiting.add(fail);
      const answered = async (): Promise<void> => {
        await travel(over, 'there');
        await over.instance.awake();
        const outcome = await Promise.resolve()
          .then(() => run(path, sent, over))
          .then(
            (value) => ({ value: toJson(value) }),
            (error: unknown) => ({ error }),
          );
        await travel(over, 'back');
        if (!waiting.delete(fail)) return;
        cancel();
        if ('error' in outcome) reject(outcome.error);
        else resolve(outcome.value);
      };
      void answered();
    });
  };

  return {
    get isUp() {
      return isUp;
    },
    get generation() {
      return generation;
    },
    refusal: () => (isUp ? undefined : LINK_LOST),
    query: ask,
    tell: (path, input) => ask(path, input, SILENCE_MS),
    subscribe(_path, input, subscriber) {
      const over = connection;
      if (!over || !isUp) throw LINK_LOST;
      subscribers.add(subscriber);
      let stream: AsyncIterator<unknown> | undefined;
      const watch = async (): Promise<void> => {
        await travel(over, 'there');
        await over.instance.awake();
        if (!subscribers.has(subscriber)) return;
        const reader: Reader = {
          identity: () => RELAY,
          bufferedBytes: () => 0,
          disconnect: lose,
          onIdentity: () => () => undefined,
        };
        const caller: Caller = { identity: RELAY, correlationId: 'sim', signal: over.broken.signal };
        // As much of the context of a call as is read.
        const ctx = { service: over.instance.manager, connection: reader } as unknown as CallContext;
        const opened = replicaStream(ctx, caller, input as { campaignId: string });
        stream = opened;
        let end: Error | undefined;
        try {
          for (;;) {
            const result = await opened.next();
            if (result.done === true) break;
            const message = toJson(result.value);
            void travel(over, 'back').then(() => subscribers.has(subscriber) && subscriber.onData(message, 0));
          }
        } catch (error) {
          end = error instanceof Error ? error : new Error(String(error));
        }
        await travel(over, 'back');
        if (subscribers.delete(subscriber)) subscriber.onEnd(end);
      };
      void watch();
      return () => {
        if (!subscribers.delete(subscriber) || connection !== over) return;
        void travel(over, 'there').then(() => stream?.return?.());
      };
    },
    distrust: lose,
    cut: lose,
    silence() {
      const over = connection;
      if (!over || over.isSilent) return;
      over.isSilent = true;
      clock.after(SILENCE_MS, () => connection === over && lose());
    },
    stop() {
      stopped = true;
      lose();
    },
  };
}

function toJson<T>(value: T): T {
  return value === undefined ? value : JSON.parse(JSON.stringify(value));
}
