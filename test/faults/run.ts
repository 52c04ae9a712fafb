import { setTimeout as pause } from 'node:timers/promises';
import { createTRPCClient, httpLink } from '@trpc/client';
import { readFailure } from '../../client-sdk/src/errors.ts';
import type { AppRouter } from '../../server/api/router.ts';
import { seededRandom, type SeededRandom } from '../support/seeded-random.ts';
import { openTcpProxy } from '../support/tcp-proxy.ts';
import type { Actor } from './actor.ts';
import { check, type Violation } from './checker.ts';
import { countAll, type Counts } from './counts.ts';
import { gather, lostMutations } from './evidence.ts';
import { FAULTS, type Fault } from './faults.ts';
import { readHeld, watchHeld, type HeldCampaign } from './held.ts';
import type { Instance } from './instance.ts';
import { createJournal, type Journal } from './journal.ts';
import { recovery } from './recovery.ts';
import { inMixes, inTurn, type Recoveries } from './schedule.ts';
import { startSdkActor } from './sdk-actor.ts';
import { startStockActor } from './stock-actor.ts';
import { startWorld, type World } from './world.ts';

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
}

export interface RunResult {
  journal: Journal;
  violations: Violation[];
  counts: Counts;
  /** What Postgres holds in the end. */
  held: readonly HeldCampaign[];
  recoveries: Recoveries;
  /** The newest log lines of each instance. */
  logs: Record<string, readonly string[]>;
}

/** Campaigns that everyone watches, and two that nobody does: they leave memory and Redis between two edits. */
const WATCHED = ['faults_a', 'faults_b', 'faults_c', 'faults_d'];
const SLEEPERS = ['faults_sleeper_a', 'faults_sleeper_b'];
/** How long the service may take to work again after the last fault has ended, in milliseconds, on a loaded machine. */
const RECOVERY_MS = 60_000;

/** One run: a world, clients, faults, then calm, and a judgement. */
export async function runFaults(options: RunOptions): Promise<RunResult> {
  const { seed, clients, pace, hold, atOnce, lasts, say } = options;
  const random = seededRandom(seed);
  const faults = options.faults ?? shuffled(FAULTS, random);
  const journal = createJournal();
  const world = await startWorld({ env: { CAMPAIGN_IDLE_TTL: '1s' } });
  const actors: Actor[] = [];
  try {
    await createCampaigns(world);
    for (let index = 0; index < clients; index += 1) actors.push(await startActor(world, journal, random.fork(), index, pace));
    const looking = watchHeld(world.postgres.url, world.namespace, journal);
    const watchers = actors.filter(({ watched }) => watched.length > 0);
    const recovered = () => recovery({ journal, actors: watchers, campaigns: WATCHED, patience: RECOVERY_MS });
    await recovered();
    say(`${clients} clients at work; seed ${seed}`);

    const recoveries: Recoveries = new Map();
    const reach = { world, actors, random: random.fork() };
    const schedule = { reach, journal, faults, hold, say, recovered };
    const until = performance.now() + lasts;
    await inTurn(faults, atOnce, schedule, recoveries);
    await inMixes(until, schedule, recoveries);

    await within(RECOVERY_MS, 'all clients are answered', Promise.all(actors.map((actor) => actor.settle())));
    say('calm');
    const kept = await convergence(world, actors);
    for (const actor of actors) actor.conclude();
    await concludeInstances(world, kept, journal);
    await disown(world, kept, journal);
    // One more look, so that the last claims are looked for too.
    await pause(600);
    await looking.stop();
    return {
      journal,
      held: kept,
      recoveries,
      violations: check(journal, kept),
      counts: countAll(journal, kept),
      logs: Object.fromEntries(world.instances.map(({ name, log }) => [name, log])),
    };
  } finally {
    await Promise.all(actors.map((actor) => actor.close()));
    await Promise.all(actors.map(({ link }) => link.close()));
    await world.close();
  }
}

function over(instance: Instance) {
  return createTRPCClient<AppRouter>({ links: [httpLink({ url: `http://127.0.0.1:${instance.port}/trpc` })] });
}

async function createCampaigns({ instances }: World): Promise<void> {
  const [first] = instances;
  if (!first) throw new Error('a world has instances');
  for (const campaignId of [...WATCHED, ...SLEEPERS]) {
    await over(first).campaign.create.mutate({ campaignId, state: { slug: campaignId, title: 'At the start', features: ['referral'] } });
  }
}

/** Every second client is one of the SDK; every tenth writes to sleepers and watches nothing. */
async function startActor({ instances }: World, journal: Journal, random: SeededRandom, index: number, pace: number): Promise<Actor> {
  const isSdk = index % 2 === 0;
  const sleeps = index % 10 === 9;
  const name = `${isSdk ? 'sdk' : sleeps ? 'sleeper' : 'stock'}-${index + 1}`;
  const link = await openTcpProxy(() => random.pick([...instances.filter(({ port }) => port !== undefined), ...instances]).port);
  const watched = sleeps ? [] : [WATCHED[index % WATCHED.length] ?? '', WATCHED[(index + 1 + (index % 3)) % WATCHED.length] ?? ''];
  const options = { name, link, journal, random, watched, campaigns: sleeps ? SLEEPERS : watched, pace: sleeps ? pace * 5 : pace };
  return isSdk ? startSdkActor(options) : startStockActor(options);
}

/** Waits until Postgres, every instance and every client stand at one place in each campaign (G9). */
async function convergence({ instances, postgres, namespace }: World, actors: readonly Actor[]): Promise<HeldCampaign[]> {
  const until = performance.now() + RECOVERY_MS;
  for (;;) {
    const kept = (await readHeld(postgres.url, namespace)).filter(({ campaignId }) => [...WATCHED, ...SLEEPERS].includes(campaignId));
    const apart: string[] = [];
    for (const { campaignId, head } of kept) {
      const wanted = `${head.epoch}:${head.version}`;
      for (const instance of instances) {
        const { epoch, version, durableVersion } = await over(instance).campaign.get.query({ campaignId });
        if (`${epoch}:${version}` === wanted && durableVersion === version) continue;
        apart.push(`${instance.name} ${campaignId} ${epoch}:${version} (${durableVersion} durable) instead of ${wanted}`);
      }
      for (const actor of actors) {
        const at = actor.watched.includes(campaignId) ? actor.position(campaignId) : wanted;
        if (at?.split(':')[1] !== String(head.version)) apart.push(`${actor.name} ${campaignId} ${at} instead of ${wanted}`);
      }
    }
    if (apart.length === 0) return kept;
    if (performance.now() > until) throw new Error(`G9: ${RECOVERY_MS / 1_000} s after the last change, still apart:\n${apart.join('\n')}`);
    await pause(100);
  }
}

async function concludeInstances({ instances }: World, kept: readonly HeldCampaign[], journal: Journal): Promise<void> {
  for (const instance of instances) {
    for (const { campaignId } of kept) {
      const { epoch, version, state } = await over(instance).campaign.get.query({ campaignId });
      journal.note(instance.name, campaignId, { kind: 'final', position: `${epoch}:${version}`, state });
    }
  }
}

/** Asks the service for the position of each acknowledged change that is gone: it must say that it is. */
async function disown({ instances: [instance] }: World, kept: readonly HeldCampaign[], journal: Journal): Promise<void> {
  for (const evidence of gather(journal, kept)) {
    const { campaignId } = evidence.held;
    for (const { mutationId, client, answers } of lostMutations(evidence)) {
      const position = answers.find(({ receipt }) => receipt.changed)?.receipt.position;
      if (!instance || position === undefined) continue;
      const reason = await over(instance).campaign.whenDurable.query({ campaignId, position }).then(
        () => 'DURABLE',
        (thrown: unknown) => readFailure(thrown).error.reason,
      );
      journal.note(client, campaignId, { kind: 'disowned', mutationId, position, reason });
    }
  }
}

function shuffled<T>(items: readonly T[], random: SeededRandom): T[] {
  return items.map((item) => ({ item, place: random.next() })).sort((a, b) => a.place - b.place).map(({ item }) => item);
}

function within<T>(milliseconds: number, what: string, work: Promise<T>): Promise<T> {
  const late = pause(milliseconds, undefined, { ref: false }).then(() => {
    throw new Error(`not within ${milliseconds / 1_000} s: ${what}`);
  });
  return Promise.race([work, late]);
}
