// @vitest-environment jsdom
import { expect, test, vi } from 'vitest';
import { startTracking } from '../../../client-sdk/src/analytics/index.ts';
import type { Campaign, CampaignClient } from '../../../client-sdk/src/index.ts';
import { live, WAIT } from '../support/world.ts';
import { DEVICE, measured, storage, tracked } from './measured.ts';

/** A page that has done something of which the server has heard nothing, and that is gone. */
async function pageBefore({ wire, page }: Awaited<ReturnType<typeof measured>>, kept: ReturnType<typeof storage>) {
  const before = page();
  const tracking = tracked(before, { storage: kept });
  await live(before.campaign('spring'));
  wire.sever();
  tracking.track('lead', { campaignId: 'spring' });
  await vi.waitFor(() => expect(kept.kept.size).toBe(1), WAIT);
  before.close();
  wire.restore();
}

/** Tells one goal, and waits until the server has it: what else was to be told came before. */
async function tellOne(made: CampaignClient, options: Parameters<typeof startTracking>[1] = {}): Promise<void> {
  const tracking = tracked(made, options);
  await live(made.campaign('spring'));
  tracking.track('paid', { campaignId: 'spring' });
  await tracking.flush();
}

test('E58 a tracking that is started without consent forgets what the one before it had gathered', async () => {
  const { page, told } = await measured();
  const made = page();
  const before = tracked(made);
  await live(made.campaign('spring'));
  before.track('lead', { campaignId: 'spring' });
  tracked(made, { consent: false });
  await tellOne(made);
  expect(told.join()).toContain('"paid"');
  expect(told.join()).not.toContain('"lead"');
});

test('E59 without consent what an earlier page has left on the device is forgotten too, and does not come back', async () => {
  const world = await measured();
  const kept = storage();
  await pageBefore(world, kept);
  const reads: (() => void)[] = [];
  const slow = {
    ...kept,
    async getAllKeys() {
      const keys = await kept.getAllKeys();
      await new Promise<void>((resolve) => reads.push(resolve));
      return keys;
    },
  };
  const made = world.page();
  const tracking = tracked(made, { storage: slow, consent: false });
  await live(made.campaign('spring'));
  await vi.waitFor(() => expect(reads).toHaveLength(1), WAIT);
  tracking.setConsent(true);
  tracking.track('paid', { campaignId: 'spring' });
  // What was asked of the device before, and after that.
  await vi.waitFor(async () => {
    for (const answer of reads.splice(0)) answer();
    await tracking.flush();
    expect(kept.kept.size).toBe(0);
  }, WAIT);
  expect(world.told.join()).toContain('"paid"');
  expect(world.told.join()).not.toContain('"lead"');
});

test('E60 a logout forgets what an earlier page has not told, where this one has told nothing, and says where it cannot', async () => {
  const world = await measured();
  const kept = storage();
  await pageBefore(world, kept);
  const made = world.page(DEVICE, { tracking: { storage: kept } });
  await made.forget();
  expect(kept.kept.size).toBe(0);

  await pageBefore(world, kept);
  const stopped = world.page();
  await tracked(stopped, { storage: kept, consent: true }).stop();
  await pageBefore(world, kept);
  await stopped.forget();
  expect(kept.kept.size).toBe(0);

  const broken = { ...kept, getAllKeys: () => Promise.reject(new Error('no device')) };
  const other = world.page(DEVICE, { tracking: { storage: broken } });
  await expect(other.forget()).rejects.toMatchObject({ reason: 'UNAVAILABLE' });
  expect(other.connection.getSnapshot().status).toBe('closed');
});

test('E64 a logout ends in time where the code that forgets events never comes, and says that something may be left', async () => {
  const { page } = await measured();
  const made = page();
  await live(made.campaign('spring'));
  vi.doMock('../../../client-sdk/src/analytics/on-demand.ts', () => new Promise(() => undefined));
  await expect(made.forget()).rejects.toMatchObject({ reason: 'UNAVAILABLE' });
  expect(made.connection.getSnapshot().status).toBe('closed');
  vi.doUnmock('../../../client-sdk/src/analytics/on-demand.ts');
});

test('E65 what waits for a connection when consent is withdrawn is not sent once there is one', async () => {
  const { page, told, wire } = await measured();
  const made = page();
  const tracking = tracked(made);
  await live(made.campaign('spring'));
  wire.sever();
  await vi.waitFor(() => expect(made.connection.getSnapshot().status).not.toBe('connected'), WAIT);
  tracking.track('lead', { campaignId: 'spring' });
  const sending = tracking.flush();
  tracking.setConsent(false);
  wire.restore();
  tracking.setConsent(true);
  await tellOne(made);
  await sending;
  expect(told.join()).toContain('"paid"');
  expect(told.join()).not.toContain('"lead"');
});

test('E61 a tracking that is stopped reports no paints and watches nothing any more', async () => {
  const { page } = await measured();
  const made = page();
  const tracking = tracked(made);
  const campaign = made.campaign('spring');
  let watchers = 0;
  const counted: Campaign = {
    ...campaign,
    subscribe(listener) {
      watchers += 1;
      const leave = campaign.subscribe(listener);
      return () => {
        watchers -= 1;
        leave();
      };
    },
  };
  const spied = vi.spyOn(made, 'campaign').mockReturnValue(counted);
  tracking.reportPaints(1, 'spring');
  tracking.reportPaints(1, 'spring')();
  expect(watchers).toBe(1);
  await tracking.stop();
  expect(watchers).toBe(0);
  tracking.reportPaints(1, 'spring');
  expect(watchers).toBe(0);
  const next = tracked(made);
  next.reportPaints(1, 'spring');
  startTracking(made, { consent: false });
  await vi.waitFor(() => expect(watchers).toBe(0), WAIT);
  spied.mockRestore();
});
