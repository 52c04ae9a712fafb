import fc from 'fast-check';
import { expect, test } from 'vitest';
import { clientOn } from '../../../client-sdk/src/client.ts';
import type { CampaignError } from '../../../client-sdk/src/errors.ts';
import { createMemoryCampaign, type MemoryCampaign } from '../../../client-sdk/src/testing/memory-campaign.ts';
import { createMemoryLink } from '../../../client-sdk/src/testing/memory-link.ts';
import type { Campaign, Change } from '../../../client-sdk/src/types.ts';
import type { EditCommand } from '../../../server/core/commands/command.ts';
import { effect } from '../../../server/core/commands/effect.ts';
import type { Receipt } from '../../../server/core/stream/entry.ts';
import { mergePatch } from '../../../server/core/document/merge-patch.ts';
import type { JsonObject } from '../../../server/core/json.ts';
import { manualClock, type ManualClock } from '../support/manual-clock.ts';

/** One edit of one client, and what has become of it. */
interface Made {
  readonly command: EditCommand;
  readonly change: Change;
  receipt?: Receipt;
  durable?: Receipt;
  error?: CampaignError;
}

interface Participant {
  readonly campaign: Campaign;
  readonly drop: () => void;
  readonly reconnect: () => void;
  readonly up: (() => void)[];
  readonly down: (() => void)[];
  readonly made: Made[];
}

function join(campaign: MemoryCampaign, clock: ManualClock): Participant {
  const up: (() => void)[] = [];
  const down: (() => void)[] = [];
  const link = createMemoryLink({
    campaign,
    actor: { id: 'editor', role: 'editor' },
    clock,
    toServer: (deliver) => up.push(deliver),
    toClient: (deliver) => down.push(deliver),
  });
  const handle = clientOn(link.connection, clock, 1_000).campaign('spring');
  handle.subscribe(() => undefined);
  return { campaign: handle, drop: link.drop, reconnect: link.reconnect, up, down, made: [] };
}

function edit(participant: Participant, command: EditCommand): void {
  const { campaign } = participant;
  const change =
    command.type === 'update'
      ? campaign.update(command.updates)
      : command.type === 'updateFeatures'
        ? campaign.updateFeatures(command.features, command.action)
        : campaign.batch((batch) => {
            if (command.type !== 'batch') return;
            for (const inner of command.commands) if (inner.type === 'update') batch.update(inner.updates);
          });
  const made: Made = { command, change };
  change.then(
    (receipt) => (made.receipt = receipt),
    () => undefined,
  );
  // What was accepted, lost by a reset, and then refused when it was sent again, fails here alone.
  change.durable.then(
    (receipt) => (made.durable = receipt),
    (error: CampaignError) => (made.error = error),
  );
  participant.made.push(made);
}

/** Lets everything that is due without time or wire happen. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

const key = fc.constantFrom('title', 'banner', 'cta');
const update = fc
  .tuple(
    key,
    fc.oneof(
      fc.constantFrom<string | null>('a', 'b', 'c', null),
      fc.record({ x: fc.constantFrom(1, 2), y: fc.constant(3) }),
    ),
  )
  .map(([name, value]): EditCommand => ({ type: 'update', updates: { [name]: value } }));
const features = fc
  .tuple(
    fc.uniqueArray(fc.constantFrom('f', 'g', 'h'), { maxLength: 2 }),
    fc.constantFrom('add' as const, 'remove' as const, 'set' as const),
  )
  .map(([named, action]): EditCommand => ({ type: 'updateFeatures', features: named, action }));
const batch = fc.tuple(key, key).map(([a, b]): EditCommand => ({
  type: 'batch',
  commands: [
    { type: 'update', updates: { [a]: 'p' } },
    { type: 'update', updates: { [b]: 'q' } },
  ],
}));
const command = fc.oneof(
  { weight: 4, arbitrary: update },
  { weight: 3, arbitrary: features },
  { weight: 1, arbitrary: batch },
);

const who = fc.constantFrom(0, 1);
const action = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('edit' as const), who, command }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('up' as const), who, count: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('down' as const), who, count: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('remote' as const), command }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('drop' as const), who }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('reconnect' as const), who }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('reject' as const),
      reason: fc.constantFrom('INVALID' as const, 'OVERLOADED' as const),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('commit' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reset' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('tick' as const), ms: fc.integer({ min: 1, max: 1_000 }) }) },
);
type Action = typeof action extends fc.Arbitrary<infer T> ? T : never;

interface World {
  readonly campaign: MemoryCampaign;
  readonly clock: ManualClock;
  readonly participants: Participant[];
  /** Every position that ever was, with the state and the ids it contains. */
  readonly past: Map<string, { state: JsonObject; ids: Set<string> }>;
  remotes: number;
}

function record({ campaign, past }: World): void {
  const { epoch } = campaign.head();
  const history = campaign.history();
  const ids = new Set<string>();
  let state: JsonObject = {};
  for (const entry of history) {
    state = mergePatch(state, entry.change);
    ids.add(entry.mutationId);
    past.set(`${epoch}:${entry.version}`, { state, ids: new Set(ids) });
  }
}

async function perform(world: World, step: Action): Promise<void> {
  const { campaign, clock, participants } = world;
  const participant = 'who' in step ? participants[step.who] : undefined;
  switch (step.do) {
    case 'edit':
      if (participant) edit(participant, step.command);
      break;
    case 'remote':
      world.remotes += 1;
      campaign.mutate({ mutationId: `remote${world.remotes}`, command: step.command }, { id: 'other', role: 'editor' });
      break;
    case 'up':
    case 'down':
      for (const deliver of participant?.[step.do].splice(0, step.count) ?? []) {
        deliver();
        await settle();
      }
      break;
    case 'drop':
      participant?.drop();
      break;
    case 'reconnect':
      participant?.reconnect();
      break;
    case 'reject':
      campaign.rejectNext({ reason: step.reason, message: 'by the test' });
      break;
    case 'commit':
      campaign.commit();
      break;
    case 'reset':
      campaign.reset();
      break;
    case 'tick':
      clock.advance(step.ms);
      break;
  }
  record(world);
  await settle();
}

/**
 * The view is the confirmed state with the client's own unconfirmed edits on top, in their order; never anything else.
 */
function expectExplained({ past }: World, { campaign, made }: Participant): void {
  const { position, state } = campaign.getSnapshot();
  if (position === undefined) {
    expect(state).toEqual({});
    return;
  }
  const confirmed = past.get(position);
  if (!confirmed) throw new Error(`The client is at ${position}, where the server never was`);
  const afterReset = !position.startsWith('epoch1:');
  const contains = ({ change }: Made) => confirmed.ids.has(change.mutationId);
  // A snapshot does not say whose edits it contains: until the answer comes, such an edit is shown on top of itself.
  // And one that changed nothing is in no history.
  const isDoubtful = (item: Made) =>
    contains(item) ? item.receipt === undefined || afterReset : item.receipt?.changed === false;
  const open = made.filter((item) => !item.error && (!contains(item) || isDoubtful(item)));
  const doubtful = open.filter(isDoubtful);
  const explanations = Array.from({ length: 2 ** doubtful.length }, (_, choice) =>
    open
      .filter((item) => !doubtful.includes(item) || ((choice >> doubtful.indexOf(item)) & 1) === 1)
      .reduce((view, item) => mergePatch(view, effect(view, item.command)), confirmed.state),
  );
  expect(explanations).toContainEqual(state);
}

async function drain(world: World): Promise<void> {
  const { campaign, clock, participants } = world;
  for (const { reconnect } of participants) reconnect();
  for (let round = 0; round < 200; round += 1) {
    await settle();
    for (const { up, down } of participants) {
      for (const deliver of [...up.splice(0), ...down.splice(0)]) {
        deliver();
        await settle();
      }
    }
    campaign.commit();
    clock.advance(10_000);
    const quiet = participants.every(
      ({ up, down, campaign: mine }) => up.length + down.length === 0 && mine.getSnapshot().sync.unsavedCount === 0,
    );
    if (quiet && round > 3) return;
  }
}

function expectConverged({ campaign, participants }: World): void {
  const history = campaign.history();
  for (const { campaign: mine, made } of participants) {
    expect(mine.getSnapshot().state).toEqual(campaign.content().state);
    expect(mine.getSnapshot().sync).toMatchObject({ state: 'saved', pendingCount: 0, unsavedCount: 0 });
    for (const { change, receipt, durable, error } of made) {
      const times = history.filter((entry) => entry.mutationId === change.mutationId).length;
      if (error) expect(times).toBe(0);
      else {
        expect(receipt).toBeDefined();
        expect(durable).toMatchObject({ mutationId: change.mutationId, durability: 'durable' });
        if (durable?.changed) expect(times).toBe(1);
      }
    }
    const order = history
      // One without a change only keeps a late copy of what had no effect from having one.
      .filter((entry) => Object.keys(entry.change).length > 0)
      .map((entry) => made.findIndex(({ change }) => change.mutationId === entry.mutationId))
      .filter((index) => index >= 0);
    expect(order).toEqual(order.toSorted((a, b) => a - b));
  }
}

async function run(steps: readonly Action[], seed: number): Promise<void> {
  const clock = manualClock(seed);
  const campaign = createMemoryCampaign('spring', { slug: 'spring', title: 'Spring', features: ['f'] }, clock.now);
  const participants = [join(campaign, clock), join(campaign, clock)];
  const world: World = { campaign, clock, participants, past: new Map(), remotes: 0 };
  record(world);
  for (const step of steps) {
    await perform(world, step);
    for (const participant of world.participants) expectExplained(world, participant);
  }
  await drain(world);
  record(world);
  expectConverged(world);
}

test('K30 any interleaving of edits, remote entries, drops, refusals, resets and reconnects ends equal to the server, and the view is explained at every step', async () => {
  await fc.assert(fc.asyncProperty(fc.array(action, { maxLength: 60, size: 'max' }), fc.integer({ min: 1 }), run), {
    numRuns: Number(process.env.FC_RUNS ?? 150),
  });
});
