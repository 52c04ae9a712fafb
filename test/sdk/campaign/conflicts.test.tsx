// @vitest-environment jsdom
import { act, cleanup, renderHook } from '@testing-library/react';
import { afterEach, expect, test, vi } from 'vitest';
import type { Campaign, CampaignUpdates, ConflictPolicy } from '../../../client-sdk/src/index.ts';
import { useConflicts } from '../../../client-sdk/src/react/index.ts';
import { CampaignTestProvider, createTestCampaign } from '../../../client-sdk/src/testing/index.ts';
import { manualClock } from '../support/manual-clock.ts';
import { later, live, WAIT } from '../support/world.ts';

afterEach(cleanup);

async function open(onConflict?: ConflictPolicy) {
  const kit = createTestCampaign({
    clock: manualClock(),
    onConflict,
    state: { slug: 's', title: 'base', description: 'base', features: ['f'], ui_content: { banner: 'b', cta: 'c' } },
  });
  later(kit.client.close);
  const mine = kit.client.campaign();
  await live(mine);

  /** Both edit while this client is offline. */
  async function meet<T>(edit: () => T, theirs: CampaignUpdates): Promise<{ readonly made: T }> {
    kit.drop();
    const made = edit();
    kit.push(theirs);
    kit.reconnect();
    await settle();
    return { made };
  }
  return { kit, mine, meet };
}

const settle = () => new Promise<void>((resolve) => setTimeout(resolve, 5));
const syncOf = (campaign: Campaign) => campaign.getSnapshot().sync;

test('K220 an offline edit over somebody else’s is applied, and says what it has overwritten: path, values, who, when', async () => {
  const { kit, mine, meet } = await open();
  const { made: change } = await meet(() => mine.update({ title: 'mine', ui_content: { banner: 'mine' } }), {
    title: 'theirs',
  });
  expect(await change).toMatchObject({ version: 3 });
  const conflict = {
    mutationId: change.mutationId,
    path: ['title'],
    theirs: 'theirs',
    mine: 'mine',
    actor: { id: 'other-user' },
    version: 2,
    at: 1_700_000_000_000,
  };
  expect(await change.conflict).toMatchObject(conflict);
  expect(syncOf(mine)).toMatchObject({ overwritten: [conflict], conflicts: [] });
  expect(kit.state().title).toBe('mine');
  mine.dismiss(change.mutationId);
  expect(syncOf(mine).overwritten).toEqual([]);
});

test('K220 no conflict: other places, the same value, members of features, what was seen before the edit, own edits', async () => {
  const { kit, mine, meet } = await open();
  kit.push({ title: 'seen' });
  await vi.waitFor(() => expect(mine.getSnapshot().state.title).toBe('seen'), WAIT);
  const changes: ReturnType<Campaign['update']>[] = [];
  await meet(
    () => {
      changes.push(mine.update({ title: 'x' }), mine.update({ title: 'y' }));
      changes.push(mine.update({ ui_content: { banner: 'same' } }), mine.updateFeatures(['g'], 'add'));
      changes.push(mine.updateConfig('theme', { dark: true }));
    },
    { description: 'theirs', ui_content: { banner: 'same', cta: 'theirs' }, features: ['f', 'h'] },
  );
  expect(await Promise.all(changes.map((change) => change.conflict))).toEqual(changes.map(() => undefined));
  expect(syncOf(mine)).toMatchObject({ overwritten: [], conflicts: [] });
  expect(kit.state()).toMatchObject({ title: 'y', description: 'theirs', features: ['f', 'h', 'g'] });
});

test('K220 a removal is a conflict with an edit, an edit of a part with a replacement of the whole, and a set of features with theirs', async () => {
  const { mine, meet } = await open();
  await meet(
    () => {
      void mine.update({ description: null });
      void mine.update({ ui_content: { banner: 'mine' } });
      void mine.updateFeatures(['only'], 'set');
    },
    { description: 'theirs', ui_content: null, features: ['theirs'] },
  );
  expect(syncOf(mine).overwritten.map(({ path, theirs, mine: ours }) => [path.join('.'), theirs, ours])).toEqual([
    ['description', 'theirs', undefined],
    ['ui_content.banner', undefined, 'mine'],
    ['features', ['theirs'], ['only']],
  ]);
});

test('K221 theirs: the edit is sent without the place, or refused where nothing is left of it', async () => {
  const { kit, mine, meet } = await open('theirs');
  const { made } = await meet(
    () => ({
      both: mine.update({ title: 'mine', description: 'mine' }),
      only: mine.batch((batch) => void batch.update({ title: 'mine too' })),
    }),
    { title: 'theirs' },
  );
  const { both, only } = made;
  await expect(only).rejects.toMatchObject({ reason: 'CONFLICT', path: ['title'], retryable: false });
  expect(await both).toMatchObject({ changed: true });
  expect(await both.conflict).toMatchObject({ path: ['title'], theirs: 'theirs' });
  expect(kit.state()).toMatchObject({ title: 'theirs', description: 'mine' });
  expect(mine.getSnapshot().state).toMatchObject({ title: 'theirs', description: 'mine' });
  expect(syncOf(mine)).toMatchObject({ overwritten: [], conflicts: [] });
});

test('K222 ask: the edit is shown and kept back, others are sent, and it is sent or dropped as resolved', async () => {
  for (const choice of ['mine', 'theirs'] as const) {
    const { kit, mine, meet } = await open('ask');
    const { made } = await meet(
      () => ({ change: mine.update({ title: 'mine' }), other: mine.update({ description: 'mine' }) }),
      { title: 'theirs' },
    );
    const { change, other } = made;
    await other;
    expect(kit.state()).toMatchObject({ title: 'theirs', description: 'mine' });
    expect(mine.getSnapshot()).toMatchObject({ state: { title: 'mine' }, sync: { state: 'waiting', pendingCount: 1 } });
    expect(syncOf(mine).conflicts).toMatchObject([{ mutationId: change.mutationId, path: ['title'], mine: 'mine' }]);
    expect(await change.conflict).toMatchObject({ theirs: 'theirs' });
    mine.resolveConflict(change.mutationId, choice);
    if (choice === 'mine') await change;
    else await expect(change).rejects.toMatchObject({ reason: 'CONFLICT' });
    await vi.waitFor(() => expect(syncOf(mine).state).toBe('saved'), WAIT);
    expect(syncOf(mine)).toMatchObject({ conflicts: [], overwritten: [] });
    expect([kit.state().title, mine.getSnapshot().state.title]).toEqual([choice, choice]);
  }
});

test('K222 ask: what is typed on in that place is kept back too, and resolved with it; their newest value counts', async () => {
  const { kit, mine, meet } = await open('ask');
  await meet(() => mine.update({ title: 'm' }), { title: 'theirs' });
  const typed = ['mi', 'min', 'mine'].map((title) => mine.pacedUpdate({ title }, { wait: 300 }));
  expect(new Set(typed).size).toBe(1);
  mine.flush();
  kit.push({ title: 'theirs too' });
  await settle();
  expect(kit.state().title).toBe('theirs too');
  const { conflicts } = syncOf(mine);
  expect(conflicts).toMatchObject([{ mutationId: typed[0]?.mutationId, theirs: 'theirs too', mine: 'mine' }]);
  mine.resolveConflict(conflicts[0]?.mutationId ?? '', 'mine');
  await typed[0];
  expect(kit.state().title).toBe('mine');
  expect(syncOf(mine).conflicts).toEqual([]);
});

test('K222 ask: a conflict is over when they come to want the same', async () => {
  const { kit, mine, meet } = await open('ask');
  const { made: change } = await meet(() => mine.update({ title: 'same' }), { title: 'theirs' });
  expect(syncOf(mine).conflicts).toHaveLength(1);
  kit.push({ title: 'same' });
  expect(await change).toMatchObject({ changed: false });
  expect(syncOf(mine).conflicts).toEqual([]);
});

test('K222 an edit says for itself what becomes of it', async () => {
  const { kit, mine, meet } = await open('ask');
  await meet(() => mine.update({ title: 'mine' }, { onConflict: 'mine' }), { title: 'theirs' });
  expect(kit.state().title).toBe('mine');
  expect(syncOf(mine)).toMatchObject({ conflicts: [], overwritten: [{ path: ['title'] }] });
});

test('K223 useConflicts shows and resolves them', async () => {
  const { kit, mine, meet } = await open('ask');
  const { result } = renderHook(() => useConflicts(), {
    wrapper: ({ children }) => <CampaignTestProvider campaign={kit}>{children}</CampaignTestProvider>,
  });
  await act(() => meet(() => mine.update({ title: 'mine' }), { title: 'theirs' }));
  expect(result.current.conflicts).toMatchObject([{ path: ['title'], theirs: 'theirs', mine: 'mine' }]);
  await act(async () => {
    result.current.resolve(result.current.conflicts[0]?.mutationId ?? '', 'theirs');
    await settle();
  });
  expect(result.current.conflicts).toEqual([]);
  expect(mine.getSnapshot().state.title).toBe('theirs');
});
