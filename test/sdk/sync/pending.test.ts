import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { clientOn } from '../../../client-sdk/src/client.ts';
import { CampaignError } from '../../../client-sdk/src/errors.ts';
import type { Mirror } from '../../../client-sdk/src/sync/mirror.ts';
import { findStaleEdits } from '../../../client-sdk/src/sync/conflict-rules.ts';
import { createOverlay } from '../../../client-sdk/src/sync/overlay.ts';
import {
  applyOutcomes,
  markSent,
  nextPush,
  rebase,
  reject,
  requeueSent,
  type Pending,
} from '../../../client-sdk/src/sync/pending.ts';
import { createLinger } from '../../../client-sdk/src/linger.ts';
import { createMemoryCampaign, type MemoryCampaign } from '../../../client-sdk/src/testing/memory-campaign.ts';
import { createMemoryLink } from '../../../client-sdk/src/testing/memory-link.ts';
import { effect } from '../../../server/core/commands/effect.ts';
import type { Entry, Receipt } from '../../../server/core/stream/entry.ts';
import type { JsonObject } from '../../../server/core/json.ts';
import { mergePatch } from '../../../server/core/document/merge-patch.ts';
import { manualClock } from '../support/manual-clock.ts';

function mutation(mutationId: string, updates: JsonObject = { title: mutationId }): Pending {
  const command = { type: 'update', updates } as const;
  return {
    campaignId: 'spring',
    mutation: { mutationId, command },
    madeAt: 0,
    delivery: { kind: 'waiting' },
    containedAt: undefined,
  };
}

function mirror(epoch: string, version: number, durableVersion = 0): Mirror {
  return { epoch, version, durableVersion, content: { state: {}, archivedAt: undefined }, recent: [] };
}

function receipt(
  mutationId: string,
  epoch: string,
  version: number,
  durability: Receipt['durability'] = 'accepted',
): Receipt {
  return {
    campaignId: 'spring',
    position: `${epoch}:${version}`,
    epoch,
    version,
    changed: true,
    durability,
    mutationId,
  };
}

function entryOf(mutationId: string, version: number): Entry {
  return {
    version,
    type: 'update',
    change: { title: mutationId },
    actor: { id: 'ed', role: 'editor' },
    mutationId,
    correlationId: 'c',
    at: 0,
    format: 1,
  };
}

const LIMITS = { mutations: 100, bytes: 100_000 };
const ids = (pending: readonly Pending[]) => pending.map((item) => `${item.mutation.mutationId} ${item.delivery.kind}`);

/** One mutation, sent while the mirror was there. */
function sent(at: Mirror | undefined, ...names: string[]): readonly Pending[] {
  const pending = names.map((name) => mutation(name));
  return markSent(pending, nextPush(pending, LIMITS), at);
}

test('K34 a push takes the oldest within both limits, and always at least one', () => {
  const pending = ['a', 'b', 'c'].map((name) => mutation(name, { text: 'x'.repeat(100) }));
  const take = (limits: typeof LIMITS) => nextPush(pending, limits).map(({ mutationId }) => mutationId);
  expect(take(LIMITS)).toEqual(['a', 'b', 'c']);
  expect(take({ mutations: 2, bytes: 100_000 })).toEqual(['a', 'b']);
  expect(take({ mutations: 100, bytes: 400 })).toEqual(['a', 'b']);
  expect(take({ mutations: 100, bytes: 1 })).toEqual(['a']);
});

test('K35 a mutation leaves the optimistic view when the mirror reaches its version, not when its receipt comes', () => {
  const at = mirror('e1', 4);
  const accepted = applyOutcomes(sent(at, 'a'), [{ ok: true, receipt: receipt('a', 'e1', 5) }], at);
  expect(accepted.settled).toMatchObject([{ kind: 'accepted', mutationId: 'a' }]);
  const overlay = createOverlay();
  expect(overlay({ title: 'old' }, accepted.pending)).toEqual({ title: 'a' });
  const reached = rebase(accepted.pending, at, mirror('e1', 5), [], false);
  expect(overlay({ title: 'newer' }, reached.pending)).toEqual({ title: 'newer' });
  expect(reached.settled).toEqual([]);
  expect(rebase(reached.pending, mirror('e1', 5), mirror('e1', 5, 5), [], false)).toMatchObject({
    pending: [],
    settled: [{ kind: 'durable', mutationId: 'a', receipt: { durability: 'durable' } }],
  });
});

test('K36 G7 a resent mutation is pushed with those behind it, which stay pending until then', () => {
  const at = mirror('e1', 4);
  const receipts = [{ ...receipt('a', 'e1', 5), changed: false }, receipt('b', 'e1', 6)];
  const { pending } = applyOutcomes(
    sent(at, 'a', 'b'),
    receipts.map((given) => ({ ok: true, receipt: given })),
    at,
  );
  // The timeline continues as e2, with b on it: whether a still has no effect there, the server must say, and know of b
  // when it does.
  const resumed = rebase(pending, at, mirror('e2', 6, 6), [entryOf('b', 6)], false);
  expect(ids(resumed.pending)).toEqual(['a waiting', 'b accepted']);
  expect(resumed.settled).toEqual([]);
  const push = nextPush(resumed.pending, LIMITS);
  expect(push.map(({ mutationId }) => mutationId)).toEqual(['a', 'b']);
  const again = [{ ...receipt('a', 'e1', 6, 'durable'), changed: false }, receipt('b', 'e1', 6, 'durable')];
  const done = applyOutcomes(
    markSent(resumed.pending, push, mirror('e2', 6, 6)),
    again.map((given) => ({ ok: true, receipt: given })),
    mirror('e2', 6, 6),
  );
  expect(done.pending).toEqual([]);
  expect(done.settled.filter(({ kind }) => kind === 'durable').map(({ mutationId }) => mutationId)).toEqual(['a', 'b']);
});

test('K37 G7 a resent mutation is marked as a retry unless it was answered', () => {
  const limits = { mutations: 10, bytes: 10_000 };
  const pending = [mutation('a'), mutation('b')];
  const push = nextPush(pending, limits);
  expect(push.map(({ isRetry }) => isRetry)).toEqual([undefined, undefined]);
  const sent = requeueSent(markSent(pending, push, undefined));
  expect(nextPush(sent, limits).map(({ mutationId, isRetry }) => [mutationId, isRetry])).toEqual([
    ['a', true],
    ['b', true],
  ]);
  expect(nextPush([...sent, mutation('c')], limits).map(({ isRetry }) => isRetry)).toEqual([true, true, undefined]);
});

test('K38 mutations behind a retryable refusal wait with it, in order', () => {
  const at = mirror('e1', 1);
  const busy = { reason: 'OVERLOADED', message: 'busy', retryable: true } as const;
  const step = applyOutcomes(
    sent(at, 'a', 'b', 'c'),
    [
      { ok: true, receipt: receipt('a', 'e1', 2) },
      { ok: false, mutationId: 'b', error: busy },
    ],
    at,
  );
  expect(ids(step.pending)).toEqual(['a accepted', 'b waiting', 'c waiting']);
  expect(nextPush(step.pending, LIMITS).map(({ mutationId }) => mutationId)).toEqual(['b', 'c']);
});

test('G5 after a reset what is not known to be durable is resent, in order; what is durable is not', () => {
  const before = mirror('e1', 1);
  const outcomes = [receipt('a', 'e1', 2, 'durable'), receipt('b', 'e1', 3), receipt('c', 'e1', 4)].map((given) => ({
    ok: true as const,
    receipt: given,
  }));
  const { pending } = applyOutcomes(sent(before, 'a', 'b', 'c'), outcomes, before);
  const after = rebase(pending, before, mirror('e2', 2, 2), [], true);
  expect(ids(after.pending)).toEqual(['b waiting', 'c waiting']);
  expect(after.settled).toMatchObject([{ kind: 'durable', mutationId: 'a' }]);
});

test('G5 an answer from before the fork says nothing about the new timeline', () => {
  const late = applyOutcomes(
    sent(mirror('e1', 1), 'a'),
    [{ ok: true, receipt: receipt('a', 'e1', 2) }],
    mirror('e2', 1),
  );
  expect(ids(late.pending)).toEqual(['a waiting']);
  expect(late.settled).toEqual([]);
});

test('G5 the receipt of a retry names an entry of the new timeline by its old epoch', () => {
  const at = mirror('e2', 7, 7);
  expect(applyOutcomes(sent(at, 'a'), [{ ok: true, receipt: receipt('a', 'e1', 5) }], at)).toMatchObject({
    pending: [],
    settled: [{ kind: 'accepted' }, { kind: 'durable' }],
  });
});

test('K8 what the stream has shown is applied, whatever the answer to a late retry says', () => {
  const at = mirror('e1', 1);
  const entry = {
    version: 2,
    type: 'update',
    change: {},
    actor: { id: 'me', role: 'editor' },
    mutationId: 'a',
    correlationId: '',
    at: 0,
    format: 1,
  } as const;
  const seen = rebase(requeueSent(sent(at, 'a')), at, mirror('e1', 2), [entry], false);
  const tooOld = new CampaignError({ reason: 'TOO_OLD', message: 'forgotten' });
  const step = reject(seen.pending, 'a', tooOld, mirror('e1', 2));
  expect(step.settled).toMatchObject([
    { kind: 'accepted', receipt: { campaignId: 'spring', position: 'e1:2', changed: true } },
  ]);
  expect(ids(step.pending)).toEqual(['a accepted']);
});

const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

function connect(campaign: MemoryCampaign, clock: ReturnType<typeof manualClock>) {
  const link = createMemoryLink({
    campaign,
    actor: { id: 'me', role: 'editor' },
    clock,
    toServer: (deliver) => queueMicrotask(deliver),
    toClient: (deliver) => queueMicrotask(deliver),
  });
  const handle = clientOn(link.connection, clock, 1_000).campaign('spring');
  handle.subscribe(() => undefined);
  return handle;
}

test('K10 after a refusal with retryAfterMs nothing is sent before that time', async () => {
  const clock = manualClock();
  const campaign = createMemoryCampaign('spring', { slug: 's', title: 'S' }, clock.now);
  const push = vi.fn(campaign.push);
  const handle = connect({ ...campaign, push }, clock);
  await settle();
  campaign.rejectNext({ reason: 'OVERLOADED', message: 'busy', retryAfterMs: 1_000 });
  const change = handle.update({ title: 'T' });
  await settle();
  void handle.update({ title: 'U' });
  clock.advance(999);
  await settle();
  expect(push).toHaveBeenCalledTimes(1);
  clock.advance(1);
  expect(await change).toMatchObject({ version: 2 });
  await settle();
  expect(push).toHaveBeenCalledTimes(2);
});

test('K31 after a gap the campaign is read from a snapshot', async () => {
  const clock = manualClock();
  const campaign = createMemoryCampaign('spring', { slug: 's', title: 'S' }, clock.now);
  let lose = false;
  const lossy: MemoryCampaign = {
    ...campaign,
    subscribe: (id, subscriber) =>
      campaign.subscribe(id, (resumeId, event) =>
        lose && event.type === 'entries' ? undefined : subscriber(resumeId, event),
      ),
  };
  const handle = connect(lossy, clock);
  await settle();
  const change = (counter: number) =>
    campaign.mutate(
      { mutationId: `m${counter}`, command: { type: 'update', updates: { counter } } },
      { id: 'other', role: 'editor' },
    );
  lose = true;
  change(1);
  await settle();
  lose = false;
  change(2);
  await settle();
  expect(handle.getSnapshot().version).toBe(1);
  clock.advance(1_000);
  await settle();
  expect(handle.getSnapshot()).toMatchObject({ version: 3, state: { counter: 2 } });
  change(3);
  await settle();
  expect(handle.getSnapshot().version).toBe(4);
});

test('K3 a subscription lingers for its grace period, and no longer', () => {
  const clock = manualClock();
  const [start, stop] = [vi.fn(), vi.fn()];
  const { need, end } = createLinger({ start, stop }, clock, 1_000);
  need(true);
  need(false);
  clock.advance(999);
  need(true);
  clock.advance(5_000);
  expect([start.mock.calls.length, stop.mock.calls.length]).toEqual([1, 0]);
  need(false);
  clock.advance(999);
  expect(stop).not.toHaveBeenCalled();
  clock.advance(1);
  expect(stop).toHaveBeenCalledTimes(1);
  need(true);
  end();
  need(true);
  expect([start.mock.calls.length, stop.mock.calls.length]).toEqual([2, 2]);
});

test('K33 one more edit, and one more keystroke of the newest one, cost one step, however many wait', () => {
  let steps = 0;
  const counted = (counter: number): Pending => {
    const mutation = {
      mutationId: `c${counter}`,
      command: { type: 'update', updates: { [`field${counter}`]: counter } },
    } as const;
    const watched = Object.defineProperty({ ...mutation }, 'command', { get: () => ((steps += 1), mutation.command) });
    return {
      campaignId: 'spring',
      mutation: watched,
      madeAt: 0,
      delivery: { kind: 'waiting' },
      containedAt: undefined,
    };
  };
  const overlay = createOverlay();
  const cost = (state: JsonObject, pending: readonly Pending[]) => {
    steps = 0;
    // Whatever it remembers, it says what one says who remembers nothing.
    const view = overlay(state, pending);
    const taken = steps;
    expect(view).toEqual(createOverlay()(state, pending));
    return taken;
  };
  const state = { title: 'old' };
  const pending = Array.from({ length: 1_000 }, (_, counter) => counted(counter));
  expect(cost(state, pending)).toBe(1_000);
  expect(cost(state, pending)).toBe(0);
  expect(cost(state, [...pending, counted(1_000)])).toBe(1);
  expect(cost(state, [...pending, counted(1_001)])).toBe(1);
  expect(cost(state, pending)).toBe(0);
  expect(cost({ title: 'new' }, pending)).toBe(1_000);
  expect(cost({ title: 'new' }, pending.slice(1))).toBe(999);
  expect(cost(state, [])).toBe(0);
});

test('K33 the view is what the server’s effects lead to, down to the order of its members', () => {
  const key = fc.constantFrom('a', 'b', 'c', 'features');
  const value = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      fc.constantFrom(1, 'x', true),
      fc.array(fc.constantFrom('p', 'q')),
      fc.dictionary(key, tie('value'), { maxKeys: 3 }),
    ),
  })).value;
  const document = fc.dictionary(key, value, { maxKeys: 4 });
  const updates = fc.dictionary(key, fc.oneof(value, fc.constant(null)), { maxKeys: 4 });
  fc.assert(
    fc.property(document, fc.array(updates, { maxLength: 4 }), (state, edits) => {
      const pending = edits.map((edit, index) => mutation(`m${index}`, edit as JsonObject));
      const expected = pending.reduce(
        (view, item) => mergePatch(view, effect(view, item.mutation.command)),
        state as JsonObject,
      );
      expect(JSON.stringify(createOverlay()(state as JsonObject, pending))).toBe(JSON.stringify(expected));
    }),
  );
});

test('K224 an edit that asks, whose page ended before it was known what it was made on, is asked about unless it changes nothing', () => {
  const at = mirror('e', 2);
  const theirs = { ...at, content: { ...at.content, state: { title: 'theirs' } } };
  const asks = (base: string, title: string, onConflict: Pending['onConflict'] = 'ask') => {
    const made = mutation('m1', { title });
    const stored = { ...made, mutation: { ...made.mutation, base }, onConflict };
    return findStaleEdits([stored], theirs).get('m1');
  };
  expect(asks('e:1', 'mine')).toMatchObject([{ path: ['title'], theirs: 'theirs', mine: 'mine' }]);
  expect(asks('lost:2', 'mine')).toHaveLength(1);
  expect(asks('e:1', 'theirs')).toBeUndefined();
  expect(asks('e:2', 'mine')).toBeUndefined();
  expect(asks('e:1', 'mine', 'theirs')).toBeUndefined();
});
