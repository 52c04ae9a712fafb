import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { composePatches } from '../../../client-sdk/src/sync/compose-patch.ts';
import { CampaignError, toCampaignError, type Campaign, type Change } from '../../../client-sdk/src/index.ts';
import { createTestCampaign, type TestCampaign } from '../../../client-sdk/src/testing/index.ts';
import { mergePatch } from '../../../server/core/document/merge-patch.ts';
import type { JsonObject } from '../../../server/core/json.ts';
import { breathe } from '../support/breathe.ts';
import { manualClock } from '../support/manual-clock.ts';
import { later, live, WAIT } from '../support/world.ts';

async function open(): Promise<{ kit: TestCampaign; mine: Campaign; clock: ReturnType<typeof manualClock> }> {
  const clock = manualClock();
  const kit = createTestCampaign({
    clock,
    state: { slug: 's', title: 'A', features: ['f'], ui_content: { banner: 'b', cta: 'c' } },
  });
  later(kit.client.close);
  const mine = kit.client.campaign();
  await live(mine);
  return { kit, mine, clock };
}

const settled = (campaign: Campaign) =>
  vi.waitFor(() => expect(campaign.getSnapshot().sync.unsavedCount).toBe(0), WAIT);

test('K14 undo takes back the newest edit, redo makes it again, a new edit ends what could be redone', async () => {
  const { kit, mine } = await open();
  expect(mine.getSnapshot()).toMatchObject({ canUndo: false, canRedo: false });
  expect(mine.undo()).toBeUndefined();
  await mine.update({ title: 'B', description: 'new' });
  await mine.updateConfig('ui_content', { banner: 'B' });

  expect(await mine.undo()).toMatchObject({ changed: true, version: 4 });
  expect(mine.getSnapshot()).toMatchObject({
    canUndo: true,
    canRedo: true,
    state: { title: 'B', ui_content: { banner: 'b', cta: 'c' } },
  });
  await mine.undo();
  expect(mine.getSnapshot().state).toEqual({
    slug: 's',
    title: 'A',
    features: ['f'],
    ui_content: { banner: 'b', cta: 'c' },
  });
  expect(mine.getSnapshot()).toMatchObject({ canUndo: false, canRedo: true });
  await mine.redo();
  await mine.redo();
  expect(mine.getSnapshot()).toMatchObject({
    canRedo: false,
    state: { title: 'B', description: 'new', ui_content: { banner: 'B' } },
  });
  await mine.undo();
  await mine.update({ title: 'C' });
  expect(mine.getSnapshot().canRedo).toBe(false);
  await settled(mine);
  expect(kit.state()).toEqual(mine.getSnapshot().state);
});

test('K14 what others have changed since stays', async () => {
  const { kit, mine } = await open();
  await mine.update({ title: 'Mine', ui_content: { banner: 'Mine', cta: 'Mine' } });
  await mine.updateFeatures(['g', 'h'], 'add');
  kit.push({ title: 'Theirs', ui_content: { cta: 'Theirs' }, features: ['f', 'g', 'h', 'i'] });
  await vi.waitFor(() => expect(mine.getSnapshot().state.title).toBe('Theirs'), WAIT);
  await mine.undo();
  expect(mine.getSnapshot().state.features).toEqual(['f', 'i']);
  await mine.undo();
  expect(mine.getSnapshot().state).toMatchObject({ title: 'Theirs', ui_content: { banner: 'b', cta: 'Theirs' } });

  await mine.update({ title: 'Mine again' });
  kit.push({ title: 'Theirs again' });
  await vi.waitFor(() => expect(mine.getSnapshot().state.title).toBe('Theirs again'), WAIT);
  // Nothing of it is left to take back.
  expect(mine.undo()).toBeUndefined();
  expect(mine.getSnapshot()).toMatchObject({ canUndo: false, state: { title: 'Theirs again' } });
});

test('K14 a refused edit is not there to be taken back', async () => {
  const { kit, mine } = await open();
  await mine.update({ title: 'Good' });
  kit.rejectNext('INVALID');
  await expect(mine.update({ title: 'Bad' })).rejects.toMatchObject({ reason: 'INVALID' });
  await mine.undo();
  expect(mine.getSnapshot()).toMatchObject({ canUndo: false, state: { title: 'A' } });
});

test('K15 what is typed is shown at once and sent as one mutation, after the last keystroke', async () => {
  const { kit, mine, clock } = await open();
  const changes = ['H', 'He', 'Hel'].map((title) => {
    clock.advance(200);
    const change = mine.pacedUpdate({ title }, { wait: 300 });
    expect(mine.getSnapshot()).toMatchObject({
      version: 1,
      state: { title },
      sync: { pendingCount: 1, state: 'saving' },
    });
    return change;
  });
  expect(new Set(changes).size).toBe(1);
  clock.advance(299);
  await Promise.resolve();
  expect(kit.history()).toHaveLength(1);
  clock.advance(1);
  expect(await changes[0]).toMatchObject({ version: 2 });
  expect(kit.state().title).toBe('Hel');
  await mine.undo();
  expect(mine.getSnapshot().state.title).toBe('A');
});

test('K15 throttled, it is sent a fixed time after the first keystroke', async () => {
  const { kit, mine, clock } = await open();
  void mine.pacedUpdate({ title: 'H' }, { wait: 300, mode: 'throttle' });
  clock.advance(200);
  const change = mine.pacedUpdate({ title: 'He' }, { wait: 300, mode: 'throttle' });
  clock.advance(100);
  await change;
  expect(kit.history()).toHaveLength(2);
});

test('K15 with a leading edge, the first keystroke after a pause is sent at once, and those that follow it as one', async () => {
  const { kit, mine, clock } = await open();
  const type = (title: string) => mine.pacedUpdate({ title }, { wait: 300, mode: 'throttle', leading: true });
  const first = type('H');
  expect(await first).toMatchObject({ version: 2 });
  clock.advance(50);
  const rest = ['He', 'Hel', 'Hell'].map((title) => {
    const change = type(title);
    clock.advance(90);
    return change;
  });
  expect(new Set([first, ...rest]).size).toBe(2);
  expect(kit.history()).toHaveLength(2);
  clock.advance(30);
  expect(await rest[0]).toMatchObject({ version: 3 });
  expect(kit.state().title).toBe('Hell');

  // Someone who types on is not at a first keystroke again.
  const close = type('Hello');
  clock.advance(299);
  await Promise.resolve();
  expect(kit.history()).toHaveLength(3);
  clock.advance(1);
  await close;
  clock.advance(300);
  expect(await type('Hello!')).toMatchObject({ version: 5 });
});

test('K15 another edit, and flush, send it first; what no single patch can say is two mutations', async () => {
  const { kit, mine } = await open();
  const held = mine.pacedUpdate({ title: 'Typed' }, { wait: 1_000 });
  const other = mine.updateFeatures(['g'], 'add');
  expect([(await held).version, (await other).version]).toEqual([2, 3]);

  const removed = mine.pacedUpdate({ ui_content: null }, { wait: 1_000 });
  const filled = mine.pacedUpdate({ ui_content: { banner: 'only this' } }, { wait: 1_000 });
  expect(filled).not.toBe(removed);
  mine.flush();
  expect([(await removed).version, (await filled).version]).toEqual([4, 5]);
  expect(kit.state().ui_content).toEqual({ banner: 'only this' });
});

test('K15 a composed patch does what the two do, one after the other, to any state', () => {
  const json = fc.letrec((tie) => ({
    value: fc.oneof({ maxDepth: 3 }, fc.constantFrom(1, 'a', null), fc.constant([1]), tie('object')),
    object: fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('value'), { maxKeys: 3 }),
  }));
  fc.assert(
    fc.property(json.object, json.object, json.object, (target, first, second) => {
      const [state, one, two] = [mergePatch({}, target as JsonObject), first as JsonObject, second as JsonObject];
      const composed = composePatches(one, two);
      if (composed) expect(mergePatch(state, composed)).toEqual(mergePatch(mergePatch(state, one), two));
    }),
  );
});

test('K5 an error of a direct call is converted to the same typed error', async () => {
  const { kit } = await open();
  const thrown: unknown = await kit.client.trpc.campaign.get
    .query({ campaignId: 'nowhere' })
    .catch((error: unknown) => error);
  const read = toCampaignError(thrown);
  expect(read).toBeInstanceOf(CampaignError);
  expect(read).toMatchObject({ reason: 'NOT_FOUND', path: ['campaignId'], retryable: false });
  expect(toCampaignError(read)).toBe(read);
});

test('K286 a change says when it is first sent: a held one when it is released, one made offline with the connection', async () => {
  const clock = manualClock();
  const kit = createTestCampaign({ clock });
  later(kit.client.close);
  const mine = kit.client.campaign();
  await live(mine);
  const sent: string[] = [];
  const note = (name: string, { sentAt }: Change) =>
    void sentAt.then(
      (at) => sent.push(`${name} ${at - start}`),
      ({ reason }: CampaignError) => sent.push(`${name} ${reason}`),
    );
  const start = clock.now();
  note('at once', mine.update({ title: 'a' }));
  note('held', mine.pacedUpdate({ title: 'b' }, { wait: 300 }));
  await vi.waitFor(() => expect(sent).toEqual(['at once 0']), WAIT);
  clock.advance(200);
  note('held', mine.pacedUpdate({ title: 'bc' }, { wait: 300 }));
  clock.advance(300);
  await vi.waitFor(() => expect(sent).toEqual(['at once 0', 'held 500', 'held 500']), WAIT);
  kit.drop();
  note('offline', mine.update({ title: 'c' }));
  clock.advance(1_000);
  await breathe();
  kit.reconnect();
  await vi.waitFor(() => expect(sent.slice(3)).toEqual(['offline 1500']), WAIT);
  note('refused', mine.update({ title: 1n as unknown as string }));
  note('unnamed', kit.client.campaign('test').update({ title: 'd' }));
  await vi.waitFor(() => expect(sent.slice(4)).toEqual(['refused INVALID', 'unnamed 1500']), WAIT);
});

test('K286 an early edit of the default campaign says it all the same, and what it was in conflict with', async () => {
  const kit = createTestCampaign({ clock: manualClock() });
  later(kit.client.close);
  kit.drop();
  const change = kit.client.campaign().update({ title: 'a' });
  kit.reconnect();
  expect(await change.sentAt).toBe(1_700_000_000_000);
  await change.durable;
  expect(await change.conflict).toBeUndefined();
});

test('K286 a paced update says for itself what becomes of it where somebody else has changed the same', async () => {
  const clock = manualClock();
  const kit = createTestCampaign({ clock, state: { slug: 's', title: 'base' } });
  later(kit.client.close);
  const mine = kit.client.campaign();
  await live(mine);
  // Loads the rules of conflicts.
  await mine.update({ description: 'd' }).durable;
  void mine.pacedUpdate({ title: 'mine' }, { wait: 300, onConflict: 'ask' });
  kit.push({ title: 'theirs' });
  await vi.waitFor(
    () => expect(mine.getSnapshot().sync.conflicts).toMatchObject([{ mine: 'mine', theirs: 'theirs' }]),
    WAIT,
  );
  const change = mine.pacedUpdate({ title: 'mine too' }, { wait: 300, onConflict: 'ask' });
  clock.advance(300);
  await breathe();
  expect(kit.state().title).toBe('theirs');
  expect(mine.getSnapshot().state.title).toBe('mine too');
  mine.resolveConflict(change.mutationId, 'mine');
  await change.sentAt;
  await vi.waitFor(() => expect(kit.state().title).toBe('mine too'), WAIT);
});
