import type { MutationOptions } from '../../server/core/commands/command.ts';
import type { Receipt } from '../../server/core/stream/entry.ts';
import type { JsonObject } from '../../server/core/json.ts';
import type { Assignments } from '../../server/core/targeting/evaluate.ts';
import type { DryRun } from '../../server/engine/service.ts';
import type { ChangeCommand } from '../../server/core/commands/command.ts';
import { canonical, Violation } from './checker.ts';
import type { SimClient } from './client.ts';
import { noFaults } from './faults.ts';
import { CAMPAIGNS, EDITORS, SECRET, type DirectCall, type Plan, type Step } from './plan.ts';
import { createWorld, type Mutant, type World } from './world.ts';

/** How a run ended. */
export interface Outcome {
  violation: Violation | undefined;
  journal: readonly string[];
  /** Entries on the disk, over all campaigns. */
  entries: number;
  /** What the run came across, and how often. */
  met: ReadonlyMap<string, number>;
}

const FIRST_STATE = { slug: 'first', title: 'First', owner_id: 'one', status: 'active' };

/**
 * Plays a plan to its end, and on until everything has come to rest; everything that is promised is looked at after
 * every step.
 */
export async function run(plan: Plan, mutant?: Mutant): Promise<Outcome> {
  const world = createWorld(plan, mutant);
  try {
    for (const campaignId of CAMPAIGNS) await create(world, campaignId);
    for (const step of plan.steps) {
      await world.clock.advance(step.wait);
      world.say(`· ${JSON.stringify(step)}`);
      perform(world, step);
      await world.clock.settle();
      look(world);
    }
    await comeToRest(world);
  } catch (error) {
    // What is found first is what went wrong; the rest may follow from it.
    if (!world.checker.violation && !(error instanceof Violation))
      world.say(String(error instanceof Error ? error.stack : error));
    return outcomeOf(
      world,
      world.checker.violation ?? (error instanceof Violation ? error : new Violation('the run', String(error))),
    );
  } finally {
    for (const server of [...world.relays, ...world.instances]) server.crash();
  }
  return outcomeOf(world, world.checker.violation);
}

function outcomeOf({ journal, store, met }: World, violation: Violation | undefined): Outcome {
  const entries = [...store.campaigns.values()].reduce((sum, campaign) => sum + campaign.entries.length, 0);
  return { violation, journal, entries, met };
}

function look({ checker }: World): void {
  checker.disk();
  if (checker.violation) throw checker.violation;
}

async function create(world: World, campaignId: string): Promise<void> {
  const admin = { identity: { id: 'ada', grants: { '*': 'admin' } as const }, correlationId: 'sim' };
  if (!world.instance) throw new Error('no server runs');
  await world.clock.until(
    world.instance.manager.create(admin, campaignId, FIRST_STATE, { mutationId: `create-${campaignId}` }),
  );
  look(world);
}

function perform(world: World, step: Step): void {
  const { faults, clock } = world;
  switch (step.kind) {
    case 'edit':
      return clientOf(world, step).edit(step.command);
    case 'direct':
      return void direct(world, clientOf(world, step), step.call).catch(world.checker.note);
    case 'read':
      return void read(clientOf(world, step), world, step.call).catch(world.checker.note);
    case 'become':
      return clientOf(world, step).become(step.attributes);
    case 'look':
      return void lookAt(clientOf(world, step), world).catch(world.checker.note);
    case 'disconnect':
      return clientOf(world, step).disconnect();
    case 'forget':
      return clientOf(world, step).forget();
    case 'stall':
      return clientOf(world, step).stall(step.milliseconds);
    case 'crash':
      return world.crash(step.instance ?? 0, step.downtime);
    case 'restart':
      return world.restart(step.instance ?? 0, step.graceMs, step.downtime);
    case 'pause':
      return world.pause(step.instance, step.milliseconds);
    case 'deaf':
      faults.deafUntil.set(step.instance, clock.now() + step.milliseconds);
      return;
    case 'log-away':
      faults.logAwayUntil = clock.now() + step.milliseconds;
      return;
    case 'log-flush':
      return world.log?.flush();
    case 'log-lose-entries':
      return world.log?.loseEntries();
    case 'log-restart':
      return world.log?.restart();
    case 'log-replica':
      return world.log?.replicate();
    case 'log-promote':
      return world.log?.promote();
    case 'archive-away':
      faults.archiveAwayUntil = clock.now() + step.milliseconds;
      return;
    case 'archive-faults':
      faults.writes.push(...step.faults);
      return;
    case 'log-faults':
      faults.appends.push(...step.faults);
      return;
    case 'latency':
      faults.archiveLatency = step.archive;
      faults.logLatency = step.log;
      return;
    case 'relay-crash':
      return world.crashRelay(step.relay, step.downtime);
    case 'relay-pause':
      return world.relays[step.relay]?.pause(step.milliseconds);
    case 'relay-cut':
      return world.relays[step.relay]?.cut();
    case 'relay-silence':
      return world.relays[step.relay]?.silence();
    case 'idle':
      // Nobody is there, so that campaigns leave memory.
      for (const client of world.clients) client.stall(0);
      for (const client of world.clients) client.disconnect();
  }
}

function clientOf(world: World, { client }: { client: number }): SimClient {
  const found = world.clients[client];
  if (!found) throw new Error(`there is no client ${client}`);
  return found;
}

async function direct(world: World, client: SimClient, call: DirectCall): Promise<void> {
  const { checker } = world;
  const { campaignId, mirror } = client;
  const id = client.nextId();
  if (call.type === 'whenDurable') {
    const position = mirror.resumeId;
    if (position === undefined) return;
    const done = await client.call('whenDurable', (manager, caller) =>
      manager.whenDurable(caller, campaignId, position),
    );
    const [epoch = '', version = ''] = position.split(':');
    if (done) checker.durable(campaignId, epoch, Number(version), `${client.name}'s whenDurable`);
    return;
  }
  const mutate = (command: ChangeCommand, options: MutationOptions): Promise<Receipt | DryRun | undefined> => {
    checker.sent(campaignId, id);
    return client.call(`${id} ${call.type}`, (manager, caller) =>
      manager.mutate(caller, campaignId, command, { mutationId: id, ...options }),
    );
  };
  const answer = await mutate(...commandOf(call, mirror));
  if (answer && !('dryRun' in answer)) {
    checker.receipt(answer, id);
    const expected = call.type === 'expected' ? mirror.resumeId : undefined;
    if (expected !== undefined && answer.changed && answer.version === 1)
      checker.fail('G7', `${id}: nothing changes at version 1`);
  }
}

function commandOf(
  call: Exclude<DirectCall, { type: 'whenDurable' }>,
  { resumeId, version }: SimClient['mirror'],
): [ChangeCommand, MutationOptions] {
  const base = resumeId === undefined ? {} : { base: resumeId };
  switch (call.type) {
    case 'durable':
      return [call.command, { ...base, durability: 'durable' }];
    case 'expected':
      return [call.command, { ...base, ...(resumeId !== undefined && { expectedVersion: resumeId }) }];
    case 'dry-run':
      return [call.command, { dryRun: true }];
    case 'rule':
      return [call.command, { ...base, comment: SECRET }];
    case 'rollback':
      return [{ type: 'rollback', toVersion: Math.max(1, version - 2) }, base];
    case 'archive':
    case 'restore':
      return [{ type: call.type }, base];
  }
}

/**
 * A viewer reads by itself what it is sent otherwise: now, at an earlier version, and as a difference and a history.
 */
async function lookAt(client: SimClient, { checker }: World): Promise<void> {
  const { campaignId, name, attributes } = client;
  const { epoch, durable } = client.mirror;
  if (!attributes) return;
  const viewer = { attributes };
  const held = (answer: { readonly state: object; readonly assignments?: Assignments }) => ({
    attributes,
    state: toJson(answer.state),
    assignments: answer.assignments ?? {},
    isPublic: false,
  });
  const now = await client.call('get', (manager, caller) => manager.get({ ...caller, viewer }, campaignId));
  if (now) checker.projection(campaignId, now.epoch, now.version, held(now), `${name}'s get`);
  const history = await client.call('history', (manager, caller) =>
    manager.history({ ...caller, viewer }, campaignId, { limit: 10 }),
  );
  if (history) checker.bytes(JSON.stringify(history), `${name}'s history`);
  if (durable === 0) return;
  const then = await client.call('at', (manager, caller) =>
    manager.at({ ...caller, viewer }, campaignId, `${epoch}:${durable}`),
  );
  if (then) checker.projection(campaignId, epoch, then.version, held(then), `${name}'s at`);
  const between = await client.call('diff', (manager, caller) =>
    manager.diff({ ...caller, viewer }, campaignId, 0, `${epoch}:${durable}`),
  );
  if (between) checker.bytes(JSON.stringify(between), `${name}'s diff`);
  // From nothing, the difference is the whole.
  if (between && then && canonical(between.change) !== canonical(toJson(then.state)))
    checker.fail('G6', `${name}: the difference is not what lies between`);
}

async function read(client: SimClient, { checker }: World, call: 'at' | 'diff' | 'history' | 'list'): Promise<void> {
  const { campaignId, name } = client;
  const { epoch, durable } = client.mirror;
  if (durable === 0) return;
  switch (call) {
    case 'at': {
      // A number alone may name another entry on the line that answers; what is durable is the same on all that
      // survive.
      const answer = await client.call('at', (manager, caller) => manager.at(caller, campaignId, durable));
      if (answer) checker.state(campaignId, epoch, durable, toJson(answer.state), `${name}'s at`);
      return;
    }
    case 'diff':
      return void (await client.call('diff', (manager, caller) => manager.diff(caller, campaignId, 1, durable)));
    case 'history': {
      const page = await client.call('history', (manager, caller) =>
        manager.history(caller, campaignId, { limit: 10 }),
      );
      page?.items.forEach((entry, index) => {
        const above = page.items[index - 1];
        if (above && entry.version !== above.version - 1)
          checker.fail('G1', `${name}: the history goes from ${above.version} to ${entry.version}`);
      });
      return;
    }
    case 'list':
      await client.call('list', (manager, caller) => manager.list(caller, { limit: 10 }));
  }
}

/** A document as it travels. */
function toJson(state: object): JsonObject {
  return JSON.parse(JSON.stringify(state));
}

/** Everything mends, everyone comes back, and all that was promised for then is looked at. */
async function comeToRest(world: World): Promise<void> {
  const { clock, clients, checker, faults, store } = world;
  Object.assign(faults, { ...noFaults(), writes: [], appends: [] });
  for (const server of [...world.instances, ...world.relays]) server.resume();
  world.say('everything mends');
  const editors = clients.slice(0, EDITORS);
  for (let waited = 0; waited < 60_000; waited += 500) {
    await clock.advance(500);
    look(world);
    if (world.instance?.phase === 'up' && clients.every(({ idle, connected }) => idle && connected)) break;
  }
  for (const { idle, connected, name } of clients)
    if (!idle || !connected) checker.fail('G9', `${name} does not come to rest`);

  // The last change is behind us: two seconds are enough for everyone; a relay notices after five that its link is
  // silent, and asks for each stream again after as long at most.
  await clock.advance(world.relays.length > 0 ? 15_000 : 2_000);
  const { instance } = world;
  if (!instance) throw new Error('no server runs');
  const admin = { identity: { id: 'ada', grants: { '*': 'admin' } as const }, correlationId: 'sim' };
  for (const { name, campaignId, mirror } of editors) {
    const now = await clock.until(instance.manager.get(admin, campaignId));
    if (mirror.epoch !== now.epoch || mirror.version !== now.version) {
      checker.fail('G9', `${name} is at ${mirror.resumeId}, the server at ${now.epoch}:${now.version}`);
    }
  }
  // What a dead server left is saved by another, once its lease has run out.
  if (world.log) await clock.advance(10_000);
  for (const { name, campaignId, mirror } of editors) {
    const now = await clock.until(instance.manager.get(admin, campaignId));
    const stored = store.campaigns.get(campaignId);
    if (stored?.head.version !== now.version || now.durableVersion !== now.version) {
      checker.fail(
        'G8',
        `${campaignId}: ${now.version} versions, of which ${now.durableVersion} are said to be durable and ${stored?.head.version} are`,
      );
    }
    if (canonical(mirror.content.state) !== canonical(JSON.parse(stored?.state ?? 'null')))
      checker.fail('G6', `${name} does not hold what the archive holds`);
  }
  for (const client of editors) checkIntents(world, client);
  const viewers = clients.filter(({ attributes, name }) => attributes && !name.startsWith('reader'));
  // Twice: what one of them comes to hold with the first look counts for all with the second.
  for (const _look of [1, 2]) {
    for (const viewer of viewers) viewer.forget();
    await clock.advance(3_000);
  }
  for (const { name, campaignId, mirror, attributes } of clients) {
    if (!attributes || mirror.resumeId === undefined || name.startsWith('reader')) continue;
    const viewer = {
      identity: { id: 'vera', grants: { '*': 'viewer' } as const },
      correlationId: 'sim',
      viewer: { attributes },
    };
    const now = await clock.until(instance.manager.get(viewer, campaignId));
    checker.projection(
      campaignId,
      now.epoch,
      now.version,
      {
        attributes,
        isSettled: true,
        state: toJson(now.state),
        assignments: now.assignments ?? {},
        isPublic: false,
      },
      `${name}'s last look`,
    );
    if (mirror.version !== now.version || canonical(mirror.content.state) !== canonical(toJson(now.state)))
      checker.fail(
        'G9',
        `${name} holds ${canonical(mirror.content.state)}, and is shown ${canonical(toJson(now.state))}`,
      );
  }
  checker.atRest();

  for (const client of clients) client.leave();
  await clock.advance(20_000);
  look(world);
  const { campaigns, subscribers, archive } = instance.manager.stats();
  if (campaigns + subscribers + archive.backlogEntries > 0) {
    checker.fail(
      'G10',
      `${campaigns} campaigns, ${subscribers} subscribers and ${archive.backlogEntries} entries stay though nobody is there`,
    );
  }
}

/** G3, G5, G7: what a client was told is accepted is there, in the order in which it was meant. */
function checkIntents({ checker }: World, { name, campaignId, pushed, accepted }: SimClient): void {
  let before = 0;
  for (const intent of pushed) {
    const version = checker.versionOf(campaignId, intent);
    if (version === undefined) {
      if (accepted.has(intent)) checker.fail('G5', `${intent} was accepted, and is lost, though its client lived`);
      continue;
    }
    if (checker.isPin(campaignId, intent)) continue;
    if (version < before)
      checker.fail('G7', `${name}: ${intent} stands at ${version}, before what was meant earlier, at ${before}`);
    before = version;
  }
}
