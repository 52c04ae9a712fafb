import { createMemoryArchive, type MemoryStore } from '../../server/archive/memory-archive.ts';
import { createManager, type Manager, type ManagerOptions } from '../../server/engine/manager.ts';
import type { EngineObserver } from '../../server/engine/observer.ts';
import type { Archive, Clock, OrderedLog } from '../../server/engine/ports.ts';
import type { TargetingEngine } from '../../server/core/targeting/evaluator.ts';
import { createGrowthBookEngine } from '../../server/targeting/growthbook-engine.ts';
import { createMemoryLog } from '../../server/log/memory-log.ts';
import type { SeededRandom } from '../support/seeded-random.ts';
import { faultyArchive, faultyLog, faultyPlaces, type Faults } from './faults.ts';

/** One running server. */
export interface Instance {
  readonly manager: Manager;
  /** `draining`: it stops, and takes no new connections. */
  readonly phase: 'up' | 'draining' | 'down';
  /** Calls back when it is gone; returns how to stop that. */
  onDown(callback: () => void): () => void;
  /** `kill -9`: nothing of it happens from now on. */
  crash(): void;
  /** SIGSTOP for that long: nothing of it happens, and then all that was due does. */
  pause(milliseconds: number): void;
  /** SIGCONT, before its time. */
  resume(): void;
  /** Resolves at once, or when it goes on. */
  awake(): Promise<void>;
  /** SIGTERM: true where it says that all it had accepted is committed. */
  stop(graceMs: number): Promise<boolean>;
}

export interface InstanceOptions {
  clock: Clock;
  random: SeededRandom;
  /** The disk; it outlives every instance. */
  store: MemoryStore;
  faults: Faults;
  recentAtMost: number;
  /** Puts something wrong into the engine's ports. */
  sabotage: Sabotage;
  /** Counts what a run comes across. */
  met: (what: string) => void;
  /** Its connection to the log that it shares with others; without it, it has a log of its own. */
  connectLog?: ((clock: Clock) => OrderedLog) | undefined;
  /** Whether people keep their arms over a login. */
  holdsPlaces: boolean;
}

/** Where the places stand that people keep. */
export type PlaceStore = NonNullable<ManagerOptions['analytics']>['store'];

/** The key of the hashes under which they stand. */
export const PLACES_KEY = 'sim';

/** Where a mutant may reach in; each gets the port and puts another one in its place. */
export interface Sabotage {
  archive?(archive: Archive, clock: Clock): Archive;
  places?(store: PlaceStore): PlaceStore;
  log?(log: OrderedLog, clock: Clock): OrderedLog;
  manager?(manager: Manager, store: MemoryStore): Manager;
  engine?(engine: TargetingEngine): TargetingEngine;
  /** What happens to the disk at a crash, beside nothing. */
  crash?(store: MemoryStore): void;
}

export function startInstance({
  clock,
  random,
  store,
  faults,
  recentAtMost,
  sabotage,
  met,
  connectLog,
  holdsPlaces,
}: InstanceOptions): Instance {
  let phase: Instance['phase'] = 'up';
  const cancels = new Set<() => void>();
  const downs = new Set<() => void>();
  /** What was due while it was paused. */
  let held: (() => void)[] | undefined;

  const own: Clock = {
    ...clock,
    after(milliseconds, callback) {
      if (phase === 'down') return () => undefined;
      const cancel = clock.after(milliseconds, () => {
        cancels.delete(cancel);
        if (cancelled) return;
        if (held) held.push(() => !cancelled && callback());
        else callback();
      });
      let cancelled = false;
      cancels.add(cancel);
      return () => {
        cancelled = true;
        cancels.delete(cancel);
        cancel();
      };
    },
  };

  const plainLog = connectLog?.(own) ?? createMemoryLog();
  const plainArchive = createMemoryArchive({ store, soleUser: connectLog === undefined });
  const faulty = { faults, clock: own, random, recentAtMost };
  const log = faultyLog(sabotage.log?.(plainLog, own) ?? plainLog, faulty);
  const archive = faultyArchive(sabotage.archive?.(plainArchive, own) ?? plainArchive, faulty);
  const places = faultyPlaces(sabotage.places?.(plainArchive) ?? plainArchive, faulty);
  const plainManager = createManager({
    ...(holdsPlaces && { analytics: { store: places, key: PLACES_KEY } }),
    log,
    archive,
    clock: own,
    observer: observerOf(met),
    idleTtl: 1_500,
    subscriberBuffer: 2,
    appendTimeoutMs: 1_000,
    durableTimeoutMs: 3_000,
    maxBacklog: 12,
    ...(sabotage.engine && { targeting: sabotage.engine(createGrowthBookEngine()) }),
    // Most pushes weigh more, so that they are decided in parts.
    turnWeight: 2,
  });
  const manager = sabotage.manager?.(plainManager, store) ?? plainManager;

  const end = (): void => {
    phase = 'down';
    held = undefined;
    for (const cancel of cancels) cancel();
    cancels.clear();
    for (const callback of downs) callback();
    downs.clear();
  };

  const resume = (): void => {
    const due = held ?? [];
    held = undefined;
    for (const callback of due) callback();
  };

  return {
    manager,
    get phase() {
      return phase;
    },
    onDown(callback) {
      downs.add(callback);
      return () => downs.delete(callback);
    },
    pause(milliseconds) {
      if (phase === 'down' || held) return;
      const standing: (() => void)[] = (held = []);
      clock.after(milliseconds, () => held === standing && resume());
    },
    resume,
    awake: () => new Promise((resolve) => (held ? held.push(resolve) : resolve())),
    crash() {
      void plainLog.stop();
      end();
      sabotage.crash?.(store);
    },
    async stop(graceMs) {
      phase = 'draining';
      const clean = await manager.stop(graceMs);
      await archive.stop({ clean });
      end();
      return clean;
    },
  };
}

function observerOf(met: (what: string) => void): EngineObserver {
  return {
    mutation: ({ outcome, refusal }) => met(refusal ? `mutation ${refusal.reason}` : `mutation ${outcome}`),
    joined: (outcome) => met(outcome === 'entries' ? 'resumed by entries' : `snapshot ${outcome}`),
    dropped: () => met('slow reader'),
    evicted: () => met('eviction'),
    commitFailed: () => met('failed batch'),
    stalled: () => met('stalled campaign'),
    committed: ({ campaigns }) => campaigns > 1 && met('group commit'),
  };
}
