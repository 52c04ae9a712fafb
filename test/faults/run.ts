import { setTimeout as pause } from 'node:timers/promises';
import { seededRandom, type SeededRandom } from '../support/seeded-random.ts';
import { openTcpProxy } from '../support/tcp-proxy.ts';
import type { Actor } from './actor.ts';
import { createCampaigns, readCampaigns, SLEEPERS, WATCHED } from './campaigns.ts';
import { check, type Violation } from './checker.ts';
import { concludeServers, convergence, disown } from './conclusion.ts';
import { countAll, type Counts } from './counts.ts';
import { startEvents, type FaultyEvents } from './events.ts';
import { FAULTS, type Fault } from './faults.ts';
import { watchHeld, type HeldCampaign } from './held.ts';
import { createJournal, type Journal } from './journal.ts';
import { startReaders, type FaultyReaders } from './readers.ts';
import { recovery } from './recovery.ts';
import { inMixes, inTurn, type Recoveries } from './schedule.ts';
import { startSdkActor } from './sdk-actor.ts';
import { startStockActor } from './stock-actor.ts';
import { checkSnapshots, type SnapshotCounts } from './snapshots/check.ts';
import { flood } from './snapshots/flood.ts';
import { snapshotFolder, takeSnapshots } from './snapshots/take.ts';
import { startWorld, type World, type WorldOptions } from './world.ts';

export interface RunOptions {
  seed: number;
  clients: number;
  /** Mean time between two mutations of one client, in milliseconds. */
  pace: number;
  hold: { short: number; long: number };
  /** Default: all that there are, in a random order. */
  faults?: readonly Fault[];
  /** Every fault once, so many at a time. */
  atOnce: number;
  /** Then random mixes, until all of it has lasted so long, in milliseconds. */
  lasts: number;
  say: (text: string) => void;
  /** Snapshots that are taken meanwhile, and compared afterwards. Default: none. */
  snapshots?: {
    /** Changes a second to campaigns that nobody watches. */
    changes: number;
    /** How many of them are restored afterwards. */
    restores: number;
  };
  /** Another deployment than a Redis and a Postgres by their own addresses. */
  deployment?: WorldOptions['deployment'];
}

export interface RunResult {
  journal: Journal;
  violations: Violation[];
  counts: Counts;
  /** Batches of events that were acknowledged. */
  events: number;
  /** Changes of rules and messages of their readers, whichever is less. */
  searched: number;
  /** What Postgres holds in the end. */
  held: readonly HeldCampaign[];
  recoveries: Recoveries;
  snapshots: SnapshotCounts | undefined;
  /** The newest log lines of each instance. */
  logs: Record<string, readonly string[]>;
}

/** How long the service may take to work again after the last fault has ended, in milliseconds, on a loaded machine. */
const RECOVERY_MS = 60_000;

/** One run: a world, clients, faults, then calm, and a judgement. */
export async function runFaults(options: RunOptions): Promise<RunResult> {
  const { seed, clients, pace, hold, atOnce, lasts, say } = options;
  const random = seededRandom(seed);
  const faults = options.faults ?? shuffled(FAULTS, random);
  const journal = createJournal();
  const folder = options.snapshots && (await snapshotFolder());
  const world = await startWorld({
    // One of the instances, and one of that relay.
    relays: 2,
    env: { CAMPAIGN_IDLE_TTL: '1s', ...folder?.env },
    ...(options.deployment && { deployment: options.deployment }),
  });
  const actors: Actor[] = [];
  let events: FaultyEvents | undefined;
  let readers: FaultyReaders | undefined;
  try {
    await createCampaigns(world);
    for (let index = 0; index < clients; index += 1)
      actors.push(await startActor(world, journal, random.fork(), index, pace));
    const flooding = options.snapshots && (await flood(world, options.snapshots.changes));
    const taking = folder && takeSnapshots(world, folder.folder);
    const servers = [...world.instances, ...world.relays];
    const eventLink = await openTcpProxy(() => random.pick(servers).port);
    events = await startEvents(world, eventLink, random.fork());
    const readerLink = await openTcpProxy(() => random.pick(servers).port);
    readers = await startReaders(world, readerLink, seededRandom(seed));
    const looking = watchHeld(world.postgres.url, world.namespace, journal);
    const watchers = actors.filter(({ watched }) => watched.length > 0);
    const recovered = () => recovery({ journal, actors: watchers, campaigns: WATCHED, timeoutMs: RECOVERY_MS });
    await recovered();
    say(`${clients} clients at work; seed ${seed}`);

    const recoveries: Recoveries = new Map();
    const reach = { world, actors, random: random.fork() };
    const schedule = { reach, journal, faults, hold, say, recovered };
    const stuck = await attempt(async () => {
      const until = performance.now() + lasts;
      await inTurn(faults, atOnce, schedule, recoveries);
      await inMixes(until, schedule, recoveries);
      await flooding?.stop();
      await within(
        RECOVERY_MS,
        'all clients are answered',
        Promise.all([...actors.map((actor) => actor.settle()), events?.settle()]),
      );
      say('calm');
      await convergence(world, actors, RECOVERY_MS);
      for (const actor of actors) actor.conclude();
      await concludeServers(world, journal, RECOVERY_MS);
      await disown(world, journal);
      // One more look, so that the last claims are looked for too.
      await pause(600);
    });
    await flooding?.stop();
    const taken = await taking?.stop();
    await looking.stop();
    await readers.close();
    const { changes, messages } = readers;
    say(`${messages} messages searched for ${changes} changes of rules`);
    const uncounted = stuck.length > 0 ? [] : await events.check(world);
    const held = await readCampaigns(world).catch((error: unknown) => {
      // Where a fault could not be healed, that is what is to be reported.
      if (stuck.length > 0) return [];
      throw error;
    });
    // Before that takes its time: where the run did not come to an end, its clients are at work still.
    const violations = [...stuck, ...check(journal, held)];
    const counts = countAll(journal, held);
    say('comparing snapshots');
    const snapshots = taken && (await checkSnapshots(world, taken, options.snapshots?.restores ?? 0));
    return {
      journal,
      held,
      recoveries,
      snapshots: snapshots?.counts,
      violations: [...violations, ...(snapshots?.violations ?? []), ...uncounted, ...readers.violations],
      events: events.acknowledged,
      searched: Math.min(changes, messages),
      counts,
      logs: Object.fromEntries([...world.instances, ...world.relays].map(({ name, log }) => [name, log])),
    };
  } finally {
    await events?.close();
    await readers?.close();
    await Promise.all(actors.map((actor) => actor.close()));
    await Promise.all(actors.map(({ link }) => link.close()));
    await world.close();
    await folder?.remove();
  }
}

/** Every second client is one of the SDK; every tenth writes to sleepers and watches nothing. */
async function startActor(
  { instances, relays }: World,
  journal: Journal,
  random: SeededRandom,
  index: number,
  pace: number,
): Promise<Actor> {
  const isSdk = index % 2 === 0;
  const sleeps = index % 10 === 9;
  const name = `${isSdk ? 'sdk' : sleeps ? 'sleeper' : 'stock'}-${index + 1}`;
  const servers = [...instances, ...relays];
  const link = await openTcpProxy(
    () => random.pick([...servers.filter(({ port }) => port !== undefined), ...servers]).port,
  );
  const watched = sleeps
    ? []
    : [WATCHED[index % WATCHED.length] ?? '', WATCHED[(index + 1 + (index % 3)) % WATCHED.length] ?? ''];
  const options = {
    name,
    link,
    journal,
    random,
    watched,
    campaigns: sleeps ? SLEEPERS : watched,
    pace: sleeps ? pace * 5 : pace,
  };
  return isSdk ? startSdkActor(options) : startStockActor(options);
}

/** What does not come to an end is a violation too: of whatever should have brought it about. */
async function attempt(work: () => Promise<void>): Promise<Violation[]> {
  try {
    await work();
    return [];
  } catch (cause) {
    return [{ rule: 'G9', message: cause instanceof Error ? cause.message : String(cause), lines: [] }];
  }
}

function shuffled<T>(items: readonly T[], random: SeededRandom): T[] {
  return items
    .map((item) => ({ item, place: random.next() }))
    .sort((a, b) => a.place - b.place)
    .map(({ item }) => item);
}

function within<T>(milliseconds: number, what: string, work: Promise<T>): Promise<T> {
  const late = pause(milliseconds, undefined, { ref: false }).then(() => {
    throw new Error(`not within ${milliseconds / 1_000} s: ${what}`);
  });
  return Promise.race([work, late]);
}
