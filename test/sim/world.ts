import { createMemoryStore, type MemoryStore } from '../../server/archive/memory-archive.ts';
import type { JsonObject } from '../../server/core/json.ts';
import type { Identity } from '../../server/core/permissions.ts';
import type { Clock, OrderedLog } from '../../server/engine/ports.ts';
import { seededRandom, type SeededRandom } from '../support/seeded-random.ts';
import { connectSharedLog, createSharedLogStore, type SharedLogStore } from '../support/shared-log.ts';
import { simulatedClock, type SimulatedClock } from '../support/simulated-clock.ts';
import { WAYS } from '../support/watching.ts';
import { createChecker, type Checker } from './checker.ts';
import { createClient, type SimClient } from './client.ts';
import { noFaults, type Faults } from './faults.ts';
import { startInstance, type Instance, type Sabotage } from './instance.ts';
import { openLink } from './link.ts';
import { startRelay, type SimRelay } from './relay.ts';
import { CAMPAIGNS, drawAttributes, EDITORS, READERS, VIEWERS, type Plan } from './plan.ts';

/** A mutant: an engine with one rule broken, which a run must find. */
export interface Mutant {
  name: string;
  sabotage: Sabotage;
  /** The intent behind a mutation id, where the mutant changes ids. */
  intentOf?: (mutationId: string) => string;
  /** Clients push without saying where they stand. */
  blind?: true;
  /** The log compares nothing but versions. */
  careless?: true;
  /** It takes several servers to show. */
  cluster?: true;
  /** It takes rules and viewers to show. */
  targeting?: true;
}

/** Everything that a run plays with: one disk, servers over it, and clients that find them again. */
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
  /** The log that several servers share; alone, a server has its own. */
  readonly log: SharedLogStore | undefined;
  /** A server that runs now, if one does. */
  readonly instance: Instance | undefined;
  readonly instances: readonly Instance[];
  readonly relays: readonly SimRelay[];
  say(line: string): void;
  crash(index: number, downtime: number): void;
  restart(index: number, graceMs: number, downtime: number): void;
  pause(index: number, milliseconds: number): void;
  crashRelay(index: number, downtime: number): void;
}

const EDITOR: Identity = { id: 'ed', grants: { '*': 'admin' } };
const VIEWER: Identity = { id: 'vera', grants: { '*': 'viewer' } };
const ANYONE: Identity = { id: 'anonymous', grants: { '*': 'viewer' }, anonymous: true };

export function createWorld(
  { seed, instances: count, relays: relayCount = 0, viewers }: Plan,
  mutant: Mutant | undefined,
): World {
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
  const log = count === undefined ? undefined : createSharedLogStore(mutant?.careless);
  const instances: Instance[] = [];
  let connections = 0;

  const say = (line: string): void => {
    journal.push(`${String(clock.now() - began).padStart(6)} ${line}`);
  };

  const meet = (what: string): void => void met.set(what, (met.get(what) ?? 0) + 1);

  const connectLog = (index: number): ((own: Clock) => OrderedLog) | undefined => {
    if (!log) return undefined;
    const own = random.fork();
    return (instanceClock) =>
      connectSharedLog(log, {
        clock: instanceClock,
        instance: `i${(connections += 1)}`,
        checkIntervalMs: 500,
        publicationDelay: () =>
          (faults.deafUntil.get(index) ?? 0) > clock.now() || own.chance(0.02)
            ? undefined
            : own.int(0, faults.logLatency),
      });
  };

  const start = (index: number): void => {
    const before = instances[index];
    if (before && before.phase !== 'down') return;
    const sabotage = mutant?.sabotage ?? {};
    instances[index] = startInstance({
      clock,
      random: random.fork(),
      store,
      faults,
      recentAtMost,
      sabotage,
      met: meet,
      connectLog: connectLog(index),
      holdsPlaces: viewers === true,
    });
    say(`server ${index} runs`);
  };

  for (let index = 0; index < (count ?? 1); index += 1) start(index);

  const anyOf = (own: SeededRandom, servers: readonly Instance[]): Instance | undefined => {
    const up = servers.filter(({ phase }) => phase === 'up');
    return up.length > 0 ? own.pick(up) : undefined;
  };

  const relays: SimRelay[] = [];
  // With chance of their own: a run without them is what it was before there were any.
  const forRelays = seededRandom(seed ^ 0x9e1a);
  const startRelayOf = (index: number): void => {
    const own = forRelays.fork();
    const upstream = () => anyOf(own, index === 0 ? instances : relays.slice(0, 1));
    relays[index] = startRelay({ clock, random: own, latency: 10, upstream, met: meet });
    say(`relay ${index} runs`);
  };
  for (let index = 0; index < relayCount; index += 1) startRelayOf(index);

  /** Behind a balancer: any that runs. */
  const anInstance = (own: SeededRandom): Instance | undefined => anyOf(own, [...instances, ...relays]);

  const clients = Array.from({ length: EDITORS + READERS }, (_, index) => {
    const isEditor = index < EDITORS;
    const own = random.fork();
    return createClient({
      name: isEditor ? `editor${index}` : `reader${index}`,
      campaignId: CAMPAIGNS[index % CAMPAIGNS.length] ?? CAMPAIGNS[0],
      way: random.pick(WAYS),
      view: isEditor ? 'full' : 'public',
      ...(viewers && !isEditor && { attributes: {} }),
      clock,
      random: own,
      checker,
      journal: say,
      intentOf,
      blind: mutant?.blind === true,
      connect(onBreak) {
        const instance = anInstance(own);
        if (!instance) return undefined;
        return openLink({
          instance,
          identity: isEditor ? EDITOR : ANYONE,
          clock,
          random: own,
          latency: 10,
          onBreak,
          onError: checker.note,
        });
      },
    });
  });

  // With chance of their own: a run without them is what it was before there were any.
  const forViewers = seededRandom(seed ^ 0x0a11);
  for (let index = 0; viewers && index < VIEWERS; index += 1) {
    const own = forViewers.fork();
    const way = forViewers.pick(WAYS);
    const attributes = drawAttributes(forViewers);
    // Who has logged in shows that by its token; for who only says so nothing is held.
    const claims: JsonObject | undefined = attributes['id'] === undefined ? undefined : { id: attributes['id'] };
    clients.push(
      createClient({
        name: `viewer${index}`,
        campaignId: CAMPAIGNS[index % CAMPAIGNS.length] ?? CAMPAIGNS[0],
        way,
        view: 'viewer',
        attributes,
        ...(claims && { claims }),
        clock,
        random: own,
        checker,
        journal: say,
        intentOf,
        blind: false,
        connect(onBreak) {
          const instance = anInstance(own);
          if (!instance) return undefined;
          return openLink({
            instance,
            identity: claims ? { ...VIEWER, attributes: claims } : VIEWER,
            clock,
            random: own,
            latency: 10,
            onBreak,
            onError: checker.note,
          });
        },
      }),
    );
  }

  return {
    clock,
    random,
    store,
    faults,
    checker,
    clients,
    journal,
    met,
    log,
    instances,
    relays,
    get instance() {
      return instances.find(({ phase }) => phase === 'up');
    },
    say,

    crash(index, downtime) {
      const instance = instances[index];
      if (!instance || instance.phase === 'down') return;
      say(`CRASH of server ${index}`);
      meet('crash');
      instance.crash();
      if (!log) checker.crashed();
      clock.after(downtime, () => start(index));
    },

    restart(index, graceMs, downtime) {
      const stopping = instances[index];
      if (stopping?.phase !== 'up') return;
      say(`server ${index} is told to stop`);
      const stopped = async (): Promise<void> => {
        const clean = await stopping.stop(graceMs);
        say(`server ${index} has stopped, ${clean ? 'clean' : 'not clean'}`);
        meet(clean ? 'clean stop' : 'stop that was not clean');
        // What others have accepted is not this one's to commit.
        if (log) return void clock.after(downtime, () => start(index));
        if (clean) checker.stoppedCleanly();
        else checker.crashed();
        clock.after(downtime, () => start(index));
      };
      stopped().catch(checker.note);
    },

    pause(index, milliseconds) {
      say(`server ${index} stands still for ${milliseconds} ms`);
      meet('pause');
      instances[index]?.pause(milliseconds);
    },

    crashRelay(index, downtime) {
      const relay = relays[index];
      if (!relay || relay.phase === 'down') return;
      say(`CRASH of relay ${index}`);
      relay.crash();
      clock.after(downtime, () => startRelayOf(index));
    },
  };
}
