import { createMemoryArchive, type MemoryStore } from '../../server/archive/memory-archive.ts';
import { createManager, type Manager, type ManagerOptions } from '../../server/engine/manager.ts';
import type { EngineObserver } from '../../server/engine/observer.ts';
import type { Archive, Clock, OrderedLog } from '../../server/engine/ports.ts';
import type { TargetingEngine } from '../../server/core/targeting/evaluator.ts';
import { createGrowthBookEngine } from '../../server/targeting/growthbook-engine.ts';
import { createMemoryLog } from '../../server/log/memory-log.ts';
import type { SeededRandom } from '../support/seeded-random.ts';
import { faultyArchive, faultyLog, faultyPlaces, type Faults } from './faults.ts';
import { createProcess, type SimProcess } from './process.ts';

/** One running server. */
export interface Instance extends Pick<SimProcess, 'onDown' | 'pause' | 'resume' | 'awake'> {
  readonly manager: Manager;
  readonly phase: SimProcess['phase'];
  /** `kill -9`: nothing of it happens from now on. */
  crash(): void;
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
  const process = createProcess(clock);
  const own = process.clock;

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

  return {
    ...process,
    manager,
    get phase() {
      return process.phase;
    },
    crash() {
      void plainLog.stop();
      process.end();
      sabotage.crash?.(store);
    },
    async stop(graceMs) {
      process.phase = 'draining';
      const clean = await manager.stop(graceMs);
      await archive.stop({ clean });
      process.end();
      return clean;
    },
  };
}

export function observerOf(met: (what: string) => void): EngineObserver {
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
