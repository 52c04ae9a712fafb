import { expect, test, vi } from 'vitest';
import type { Campaign, UndoOptions } from '../../../client-sdk/src/index.ts';
import { createTestCampaign } from '../../../client-sdk/src/testing/index.ts';
import { createEditor } from '../../../client-sdk/src/campaign/editor.ts';
import { updateCommand } from '../../../client-sdk/src/campaign/commands.ts';
import { createSettlements } from '../../../client-sdk/src/campaign/settlements.ts';
import * as editRules from '../../../client-sdk/src/sync/edit-rules.ts';
import { createEditRulesLoader, type EditRules } from '../../../client-sdk/src/sync/edit-rules-loader.ts';
import { createPendingEdits } from '../../../client-sdk/src/sync/pending-edits.ts';
import { plainOf } from '../../../server/core/document/document-tree.ts';
import { breathe } from '../support/breathe.ts';
import { manualClock } from '../support/manual-clock.ts';
import { later, live, WAIT } from '../support/world.ts';

async function open(undo?: UndoOptions) {
  const clock = manualClock();
  const kit = createTestCampaign({ clock, undo, state: { slug: 's', title: '', description: '', features: ['f'] } });
  later(kit.client.close);
  const mine = kit.client.campaign();
  await live(mine);

  /** Types letter by letter, each sent before the next. */
  async function type(field: 'title' | 'description', text: string, pauseMs = 400): Promise<void> {
    for (let length = 1; length <= text.length; length += 1) {
      const change = mine.pacedUpdate({ [field]: text.slice(0, length) }, { wait: 300 });
      clock.advance(300);
      await change;
      clock.advance(pauseMs - 300);
    }
  }
  return { kit, mine, clock, type };
}

const shown = (campaign: Campaign) => {
  const { title, description } = campaign.getSnapshot().state;
  return [title, description];
};

test('K210 what is typed in one field in one sitting is one step, however many mutations it was', async () => {
  const { kit, mine, type } = await open();
  await type('title', 'Hello');
  await type('description', 'There');
  expect(kit.history()).toHaveLength(11);
  await mine.undo();
  expect(shown(mine)).toEqual(['Hello', '']);
  await mine.undo();
  expect(shown(mine)).toEqual(['', '']);
  expect(mine.getSnapshot()).toMatchObject({ canUndo: false, canRedo: true });
  await mine.redo();
  await mine.redo();
  expect(shown(mine)).toEqual(['Hello', 'There']);
});

test('K210 a long pause, another edit, and an undo end the sitting', async () => {
  const { mine, clock, type } = await open();
  await type('title', 'ab');
  clock.advance(2_000);
  await type('title', 'abc');
  await mine.updateFeatures(['g'], 'add');
  await type('title', 'abcd');
  const titles = [];
  for (;;) {
    const undone = mine.undo();
    if (!undone) break;
    await undone;
    titles.push([mine.getSnapshot().state.title, mine.getSnapshot().state.features?.length]);
  }
  expect(titles).toEqual([
    ['abc', 2],
    ['abc', 1],
    ['ab', 1],
    ['', 1],
  ]);
  await mine.redo();
  await type('title', 'x');
  await mine.undo();
  expect(mine.getSnapshot().state.title).toBe('ab');
});

test('K210 a held edit stays in its sitting however long it is held, and leaves it when another field is added', async () => {
  const { mine, clock, type } = await open();
  await type('title', 'a');
  for (const title of ['ab', 'abc', 'abcd']) {
    void mine.pacedUpdate({ title }, { wait: 2_500 });
    clock.advance(1_900);
  }
  mine.flush();
  await mine.undo();
  expect(shown(mine)).toEqual(['', '']);
  await type('title', 'a');
  void mine.pacedUpdate({ title: 'ab' }, { wait: 300 });
  void mine.pacedUpdate({ description: 'd' }, { wait: 300 });
  mine.flush();
  await mine.undo();
  expect(shown(mine)).toEqual(['a', '']);
});

test.for([
  { wait: 300, mutations: 2 },
  // Sent at once, each of them, and still one sitting.
  { wait: 0, mutations: 3 },
])('K210 a leading keystroke belongs to the sitting that it begins (wait: $wait)', async ({ wait, mutations }) => {
  const { kit, mine, clock } = await open();
  for (const title of ['a', 'ab', 'abc']) {
    void mine.pacedUpdate({ title }, { wait, mode: 'throttle', leading: true });
    clock.advance(100);
  }
  mine.flush();
  await vi.waitFor(() => expect(kit.history()).toHaveLength(1 + mutations), WAIT);
  await mine.undo();
  expect(shown(mine)).toEqual(['', '']);
  expect(mine.getSnapshot().canUndo).toBe(false);
});

test('K210 with groupMs 0 every mutation is a step', async () => {
  const { mine, type } = await open({ groupMs: 0 });
  await type('title', 'abc');
  await mine.undo();
  expect(mine.getSnapshot().state.title).toBe('ab');
});

test('K210 of a sitting, what was refused leads back to nothing, and what somebody else wrote stays', async () => {
  const { kit, mine, clock, type } = await open();
  await type('title', 'a');
  kit.rejectNext('INVALID');
  const refused = mine.pacedUpdate({ title: 'ab' }, { wait: 300 });
  clock.advance(300);
  await expect(refused).rejects.toMatchObject({ reason: 'INVALID' });
  await type('title', 'abc');
  kit.push({ title: 'theirs' });
  await vi.waitFor(() => expect(mine.getSnapshot().state.title).toBe('theirs'), WAIT);
  expect(mine.undo()).toBeUndefined();
  await type('title', 'mine');
  await mine.undo();
  expect(mine.getSnapshot().state.title).toBe('theirs');
});

test('K211 a batch is one step, and so is a rollback, which undo takes back before anything older', async () => {
  const { kit, mine } = await open();
  await mine.update({ title: 'one' });
  await mine.batch(
    (batch) => void batch.update({ title: 'two' }).updateFeatures(['g'], 'add').update({ description: 'd' }),
  );
  await mine.rollback(1);
  await vi.waitFor(
    () => expect(mine.getSnapshot()).toMatchObject({ version: 4, state: { title: '', features: ['f'] } }),
    WAIT,
  );
  await mine.undo();
  expect(mine.getSnapshot().state).toMatchObject({ title: 'two', description: 'd', features: ['f', 'g'] });
  await mine.redo();
  expect(mine.getSnapshot().state).toMatchObject({ title: '', features: ['f'] });
  await mine.undo();
  await mine.undo();
  expect(mine.getSnapshot().state).toMatchObject({ title: 'one', features: ['f'] });
  expect(mine.getSnapshot().state.description).toBe('');
  await vi.waitFor(() => expect(kit.state()).toEqual(mine.getSnapshot().state), WAIT);
});

test('K211 a rollback that changes nothing, or is refused, is no step', async () => {
  const { kit, mine } = await open();
  await mine.rollback(1);
  kit.rejectNext('INVALID');
  await expect(mine.rollback(1)).rejects.toMatchObject({ reason: 'INVALID' });
  expect(mine.getSnapshot().canUndo).toBe(false);
});

test('K283 an undo that comes before its code is loaded is made then, and what can be undone is known at once', async () => {
  const clock = manualClock();
  const code = Promise.withResolvers<EditRules>();
  const fetchRules = vi.fn(() => code.promise);
  const rules = createEditRulesLoader(clock, fetchRules);
  const content = { state: { title: 'a', description: 'a' }, archivedAt: undefined };
  const edits = createPendingEdits('c', { epoch: 'e', version: 1, durableVersion: 1, content, recent: [] }, rules);
  const settlements = createSettlements(edits, clock);
  const publish = vi.fn();
  const editor = createEditor({ edits, settlements, rules, clock, undoGroupMs: 2_000, onConflict: 'mine', publish });
  expect(editor.takeBack('undo')).toBeUndefined();
  expect(fetchRules).not.toHaveBeenCalled();
  void editor.edit('m1', updateCommand({ title: 'b' }), undefined);
  void editor.edit('m2', updateCommand({ title: 'b' }), undefined);
  void editor.edit('m3', updateCommand({ description: 'b' }), undefined);
  expect(fetchRules).toHaveBeenCalledOnce();
  expect([editor.canUndo(), editor.canRedo()]).toEqual([true, false]);
  const first = editor.takeBack('undo');
  const second = editor.takeBack('undo');
  const third = editor.takeBack('undo');
  expect(plainOf(edits.view())).toEqual({ title: 'b', description: 'b' });
  code.resolve(editRules);
  await vi.waitFor(() => expect(editor.canUndo()).toBe(false), WAIT);
  expect(plainOf(edits.view())).toEqual({ title: 'a', description: 'a' });
  expect([editor.canUndo(), editor.canRedo()]).toEqual([false, true]);
  expect(publish).toHaveBeenCalled();
  const ids = edits.list().map(({ mutation }) => mutation.mutationId);
  expect(ids.slice(3)).toEqual([first?.mutationId, second?.mutationId]);
  await expect(third).rejects.toMatchObject({ reason: 'NOT_FOUND' });
});

test('K283 an undo whose code cannot be loaded says so, and is made when it is asked for again', async () => {
  const clock = manualClock();
  const attempts: PromiseWithResolvers<EditRules>[] = [];
  const rules = createEditRulesLoader(clock, () => {
    const attempt = Promise.withResolvers<EditRules>();
    attempts.push(attempt);
    return attempt.promise;
  });
  const content = { state: { title: 'a' }, archivedAt: undefined };
  const edits = createPendingEdits('c', { epoch: 'e', version: 1, durableVersion: 1, content, recent: [] }, rules);
  const settlements = createSettlements(edits, clock);
  const options = {
    edits,
    settlements,
    rules,
    clock,
    undoGroupMs: 2_000,
    onConflict: 'mine',
    publish: () => {},
  } as const;
  const editor = createEditor(options);
  void editor.edit('m1', updateCommand({ title: 'b' }), undefined);
  const failed = editor.takeBack('undo');
  attempts[0]?.reject(new Error('offline'));
  await expect(failed).rejects.toMatchObject({ reason: 'UNAVAILABLE', retryable: true });
  expect(settlements.answers().rejected).toMatchObject([{ error: { reason: 'UNAVAILABLE' } }]);
  expect(editor.canUndo()).toBe(true);

  // The next one finds a network that swallows everything.
  const unanswered = editor.takeBack('undo');
  expect(attempts).toHaveLength(2);
  clock.advance(10_000);
  await expect(unanswered).rejects.toMatchObject({ reason: 'UNAVAILABLE' });
  attempts[1]?.resolve(editRules);
  await attempts[1]?.promise;
  expect(plainOf(edits.view())).toEqual({ title: 'b' });
  expect(editor.takeBack('undo')).toBeDefined();
  expect(plainOf(edits.view())).toEqual({ title: 'a' });
});

test('K283 code that could not be loaded is tried again, at once where something is to be sent', async () => {
  const clock = manualClock();
  const fetchRules = vi.fn(() => Promise.reject<EditRules>(new Error('offline')));
  const rules = createEditRulesLoader(clock, fetchRules);
  const content = { state: { title: 'a' }, archivedAt: undefined };
  const edits = createPendingEdits('c', { epoch: 'e', version: 1, durableVersion: 1, content, recent: [] }, rules);
  const mutation = { mutationId: 'm1', base: 'e:1', command: { type: 'update', updates: { title: 'b' } } } as const;
  edits.add(mutation, 0, { kind: 'waiting' }, 'ask');
  const mirror = edits.mirror();
  if (mirror) edits.onMirror(mirror, [], false);
  const limits = { mutations: 10, bytes: 10_000 };
  for (let expected = 2; expected <= 3; expected += 1) {
    await breathe();
    clock.advance(60_000);
    expect(fetchRules).toHaveBeenCalledTimes(expected);
  }
  await breathe();
  fetchRules.mockResolvedValue(editRules);
  expect(edits.takePush(limits)).toEqual([]);
  expect(fetchRules).toHaveBeenCalledTimes(4);
  await breathe();
  expect(edits.takePush(limits)).toHaveLength(1);
});

test('K283 the code is no longer tried for once the client is closed', async () => {
  const clock = manualClock();
  const fetchRules = vi.fn(() => Promise.reject<EditRules>(new Error('offline')));
  const rules = createEditRulesLoader(clock, fetchRules);
  void rules.load();
  rules.stop();
  await breathe();
  clock.advance(60_000);
  expect(fetchRules).toHaveBeenCalledOnce();
});

test('K283 an edit that is refused before the code of undo is loaded is no step', async () => {
  const { kit, mine } = await open();
  kit.rejectNext('INVALID');
  await expect(mine.update({ title: 'b' })).rejects.toMatchObject({ reason: 'INVALID' });
  expect(mine.getSnapshot().canUndo).toBe(false);
  expect(mine.undo()).toBeUndefined();
});
