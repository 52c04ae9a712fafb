import { expect, test, vi } from 'vitest';
import { collectGarbage } from '../support/collect-garbage.ts';
import type { Campaign, CampaignClient } from '../../client-sdk/src/index.ts';
import { clientOn } from '../../client-sdk/src/client.ts';
import type { Connection } from '../../client-sdk/src/link/connection.ts';
import { createTestCampaign } from '../../client-sdk/src/testing/index.ts';
import { createMemoryCampaign } from '../../client-sdk/src/testing/memory-campaign.ts';
import { createMemoryLink } from '../../client-sdk/src/testing/memory-link.ts';
import { breathe } from './support/breathe.ts';
import { manualClock, type ManualClock } from './support/manual-clock.ts';
import { later, live, WAIT } from './support/world.ts';

/** A client whose listeners at the connection are counted. */
function counted(): { client: CampaignClient; clock: ManualClock; listeners: () => number; timers: () => number } {
  const clock = manualClock();
  let timers = 0;
  const counting = {
    ...clock,
    after(milliseconds: number, callback: () => void) {
      timers += 1;
      let isOver = false;
      const end = () => {
        if (!isOver) timers -= 1;
        isOver = true;
      };
      const cancel = clock.after(milliseconds, () => {
        end();
        callback();
      });
      return () => {
        end();
        cancel();
      };
    },
  };
  const { connection } = createMemoryLink({
    campaign: createMemoryCampaign('spring', { slug: 'spring', title: 'Spring' }, clock.now),
    actor: { id: 'me', role: 'editor' },
    clock,
    toServer: queueMicrotask,
    toClient: queueMicrotask,
  });
  let listeners = 0;
  const count =
    <L>(subscribe: (listener: L) => () => void) =>
    (listener: L) => {
      listeners += 1;
      const stop = subscribe(listener);
      let isStopped = false;
      return () => {
        if (!isStopped) listeners -= 1;
        isStopped = true;
        stop();
      };
    };
  const watched: Connection = {
    ...connection,
    state: { ...connection.state, subscribe: count(connection.state.subscribe) },
    onRenewed: count(connection.onRenewed),
  };
  const client = clientOn(watched, counting, 1_000);
  later(client.close);
  return { client, clock, listeners: () => listeners, timers: () => timers };
}

/**
 * Touches campaigns that are not there, as a list does that links to them. Returns weak references to their handles.
 */
async function touch(
  { client, clock }: ReturnType<typeof counted>,
  from: number,
  to: number,
): Promise<WeakRef<Campaign>[]> {
  const handles: WeakRef<Campaign>[] = [];
  for (let index = from; index < to; index += 1) {
    const campaign = client.campaign(`c${index}`);
    const stop = campaign.subscribe(() => undefined);
    handles.push(new WeakRef(campaign));
    if (index % 100 === 0) await breathe();
    stop();
  }
  await breathe();
  clock.advance(2_000);
  await breathe();
  return handles;
}

const living = (handles: readonly WeakRef<Campaign>[]) =>
  handles.filter((handle) => handle.deref() !== undefined).length;

test('K288 5,000 campaigns that were touched and released leave no listeners, no timers, and only the newest', async () => {
  const made = counted();
  const { client } = made;
  const idle = [made.listeners(), made.timers()];
  const handles = await touch(made, 0, 5_000);
  expect([made.listeners(), made.timers()]).toEqual(idle);
  await vi.waitFor(() => {
    collectGarbage();
    expect(living(handles)).toBeLessThanOrEqual(20);
  }, WAIT);
  // The registry forgets the names of what was collected.
  await vi.waitFor(() => {
    collectGarbage();
    expect(client.inspect().length).toBeLessThanOrEqual(20);
  }, WAIT);
});

test('K288 what is held or needed is not forgotten', async () => {
  const made = counted();
  const { client } = made;
  const held = client.campaign('held');
  const spring = client.campaign('spring');
  await live(spring);
  const edited = new WeakRef(client.campaign('spring'));
  await touch(made, 0, 50);
  collectGarbage();
  await breathe();
  expect(client.campaign('held')).toBe(held);
  expect(client.campaign('spring')).toBe(edited.deref());
  // Its functions are enough to hold it.
  const { update } = client.campaign('functions');
  await touch(made, 50, 100);
  collectGarbage();
  await breathe();
  const change = update({ title: 'x' });
  expect(client.campaign('functions').getSnapshot().sync.pendingCount).toBe(1);
  await expect(change).rejects.toMatchObject({ reason: 'NOT_FOUND' });
});

/** An edit that is refused, of a campaign that nobody holds. */
async function refuse({ client }: ReturnType<typeof counted>, campaignId: string): Promise<void> {
  await client
    .campaign(campaignId)
    .update({ title: 'x' })
    .then(
      () => expect.unreachable('It is refused'),
      () => undefined,
    );
}

test('K288 a campaign with a refusal to tell is kept though nobody holds it, and not once it was dismissed', async () => {
  const made = counted();
  await refuse(made, 'refused');
  await refuse(made, 'dismissed');
  made.client.campaign('dismissed').dismiss();
  await breathe();
  made.clock.advance(2_000);
  const handles = ['refused', 'dismissed'].map((id) => new WeakRef(made.client.campaign(id)));
  let touched = 0;
  await vi.waitFor(async () => {
    await touch(made, touched, (touched += 30));
    collectGarbage();
    expect(handles[1]?.deref()).toBeUndefined();
  }, WAIT);
  expect(handles[0]?.deref()?.getSnapshot().sync.rejected).toMatchObject([{ error: { reason: 'NOT_FOUND' } }]);
});

test('K288 whoever comes back to one of the newest finds it as it was, and it goes on from there', async () => {
  const clock = manualClock();
  const kit = createTestCampaign({ campaignId: 'spring', clock });
  later(kit.client.close);
  const stop = kit.client.campaign('spring').subscribe(() => undefined);
  await vi.waitFor(() => expect(kit.client.campaign('spring').getSnapshot().status).toBe('success'), WAIT);
  stop();
  clock.advance(2_000);
  collectGarbage();
  kit.push({ title: 'Meanwhile' });
  expect(kit.client.campaign('spring').getSnapshot()).toMatchObject({ status: 'success', version: 1 });
  await live(kit.client.campaign('spring'));
  await vi.waitFor(() => expect(kit.client.campaign('spring').getSnapshot().state.title).toBe('Meanwhile'), WAIT);
  expect(
    kit.client
      .campaign('spring')
      .getSnapshot()
      .recentEntries.map(({ version }) => version),
  ).toEqual([2]);
});
