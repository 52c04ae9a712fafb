import { createMemoryStore, type MemoryStore } from '../../server/archive/memory-archive.ts';
import type { Identity } from '../../server/core/permissions.ts';
import { seededRandom, type SeededRandom } from '../support/seeded-random.ts';
import { simulatedClock, type SimulatedClock } from '../support/simulated-clock.ts';
import { WAYS } from '../support/watching.ts';
import { createChecker, type Checker } from './checker.ts';
import { createClient, type SimClient } from './client.ts';
import { noFaults, type Faults } from './faults.ts';
import { startInstance, type Instance, type Sabotage } from './instance.ts';
import { openLink } from './link.ts';
import { CAMPAIGNS, EDITORS, READERS } from './plan.ts';

/** A mutant: an engine with one rule broken, which a run must find. */
export interface Mutant {
  name: string;
  sabotage: Sabotage;
  /** The intent behind a mutation id, where the mutant changes ids. */
  intentOf?: (mutationId: string) => string;
  /** Clients push without saying where they stand. */
  blind?: true;
}

/** Everything that a run plays with: one disk, one server at a time, and clients that find it again. */
export interface World {
  readonly clock: SimulatedClock;
  readonly random: SeededRandom;
  readonly store: MemoryStore;
  readonly faults: Faults;
  readonly checker: Checker;
  readonly clients: readonly SimClient[];
  readonly journal: readonly string[];
  /** What the run came across, and how often. */
  readonly met: ReadonlyMap<string, number>;
  /** The server that runs now, if one does. */
  readonly instance: Instance | undefined;
  say(line: string): void;
  /** Starts a server where none runs. */
  start(): void;
  crash(downtime: number): void;
  restart(patience: number, downtime: number): void;
}

const EDITOR: Identity = { id: 'ed', grants: { '*': 'admin' } };
const ANYONE: Identity = { id: 'anonymous', grants: { '*': 'viewer' }, anonymous: true };

export function createWorld(seed: number, mutant: Mutant | undefined): World {
  const clock = simulatedClock(seed);
  const random = seededRandom(seed ^ 0x5eed);
  const store = createMemoryStore();
  const faults = noFaults();
  const began = clock.now();
  const journal: string[] = [];
  const met = new Map<string, number>();
  const intentOf = mutant?.intentOf ?? ((mutationId: string) => mutationId);
  const checker = createChecker(store, intentOf);
  const recentAtMost = random.pick([1, 4, 256]);
  let instance: Instance | undefined;

  const say = (line: string): void => {
    journal.push(`${String(clock.now() - began).padStart(6)} ${line}`);
  };

  const meet = (what: string): void => void met.set(what, (met.get(what) ?? 0) + 1);

  const start = (): void => {
    if (instance && instance.phase !== 'down') return;
    instance = startInstance({ clock, random: random.fork(), store, faults, recentAtMost, sabotage: mutant?.sabotage ?? {}, met: meet });
    say('the server runs');
  };

  start();

  const clients = Array.from({ length: EDITORS + READERS }, (_, index) => {
    const isEditor = index < EDITORS;
    const own = random.fork();
    return createClient({
      name: isEditor ? `editor${index}` : `reader${index}`,
      campaignId: CAMPAIGNS[index % CAMPAIGNS.length] ?? CAMPAIGNS[0],
      way: random.pick(WAYS),
      view: isEditor ? 'full' : 'public',
      clock,
      random: own,
      checker,
      journal: say,
      intentOf,
      blind: mutant?.blind === true,
      connect(onBreak) {
        if (instance?.phase !== 'up') return undefined;
        return openLink({ instance, identity: isEditor ? EDITOR : ANYONE, clock, random: own, latency: 10, onBreak, onError: checker.note });
      },
    });
  });

  return {
    clock,
    random,
    store,
    faults,
    checker,
    clients,
    journal,
    met,
    get instance() {
      return instance;
    },
    say,
    start,

    crash(downtime) {
      if (!instance || instance.phase === 'down') return;
      say('CRASH');
      meet('crash');
      instance.crash();
      checker.crashed();
      clock.after(downtime, start);
    },

    restart(patience, downtime) {
      const stopping = instance;
      if (stopping?.phase !== 'up') return;
      say('the server is told to stop');
      const stopped = async (): Promise<void> => {
        const clean = await stopping.stop(patience);
        say(`the server has stopped, ${clean ? 'clean' : 'not clean'}`);
        meet(clean ? 'clean stop' : 'stop that was not clean');
        if (clean) checker.stoppedCleanly();
        else checker.crashed();
        clock.after(downtime, start);
      };
      stopped().catch(checker.note);
    },
  };
}
