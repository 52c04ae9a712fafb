import { expect, test } from 'vitest';
import { httpClient, refusal, wsClient } from '../api/support/clients.ts';
import { CAMPAIGN, startGuarded, startServer, tokenFor } from '../api/support/server.ts';

/** Waits for the clock's next millisecond, so that times tell entries apart, and returns it. */
async function nextMillisecond(): Promise<number> {
  const before = Date.now();
  while (Date.now() <= before) await new Promise((resolve) => setImmediate(resolve));
  return before;
}

test('W70 at, diff, explain and rollback take a time in place of a version: the newest entry of then or before', async () => {
  const { url } = await startServer();
  const { campaign } = wsClient(url);
  const times: number[] = [await nextMillisecond()];
  for (const title of ['One', 'Two', 'Three']) {
    await campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title } });
    times.push(await nextMillisecond());
  }
  const [created = 0, one = 0, two = 0] = times;
  const titleAt = async (time: number) => {
    const { version, state } = await campaign.at.query({ campaignId: CAMPAIGN, version: { time } });
    return [version, state.title];
  };
  expect(await titleAt(created)).toEqual([1, 'Spring']);
  expect(await titleAt(one)).toEqual([2, 'One']);
  expect(await titleAt(Number.MAX_SAFE_INTEGER)).toEqual([4, 'Three']);
  expect(await campaign.diff.query({ campaignId: CAMPAIGN, from: { time: one }, to: { time: two } })).toMatchObject({
    from: 2,
    to: 3,
    change: { title: 'Two' },
  });
  expect(await campaign.diff.query({ campaignId: CAMPAIGN, from: { time: 1 }, to: 1 })).toMatchObject({
    from: 0,
    to: 1,
  });
  expect(
    await campaign.explain.query({ campaignId: CAMPAIGN, viewer: { attributes: {} }, position: { time: one } }),
  ).toMatchObject({ version: 2 });
  expect(await refusal(campaign.at.query({ campaignId: CAMPAIGN, version: { time: 1 } }))).toMatchObject({
    reason: 'NOT_FOUND',
    message: `version: ${CAMPAIGN} has nothing from 1970-01-01T00:00:00.001Z or before`,
  });
  const rollback = { campaignId: CAMPAIGN, toVersion: { time: one }, mutationId: 'back' };
  expect(await campaign.rollback.mutate(rollback)).toMatchObject({ version: 5, changed: true });
  expect(await campaign.rollback.mutate(rollback)).toMatchObject({ version: 5 });
  expect(await campaign.get.query({ campaignId: CAMPAIGN })).toMatchObject({ state: { title: 'One' } });
  expect(await refusal(campaign.at.query({ campaignId: CAMPAIGN, version: { time: -1 } }))).toMatchObject({
    reason: 'INVALID',
    path: ['version', 'time'],
  });
});

test('W71 a mutation that is sent behind a rollback to a time is decided behind it', async () => {
  const { url } = await startServer();
  const { campaign } = wsClient(url);
  const time = await nextMillisecond();
  await campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title: 'Later' } });
  const [back, after] = await Promise.all([
    campaign.rollback.mutate({ campaignId: CAMPAIGN, toVersion: { time } }),
    campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title: 'Last' } }),
  ]);
  expect([back, after]).toMatchObject([{ version: 3 }, { version: 4 }]);
  expect(await campaign.get.query({ campaignId: CAMPAIGN })).toMatchObject({ state: { title: 'Last' } });
});

test('W72 a copy is a new campaign of a present or past state, under its own slug, and says where it is from', async () => {
  const { url } = await startServer();
  const { campaign } = httpClient(url);
  await campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title: 'Now', tags: ['a'] } });
  const time = await nextMillisecond();
  await campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title: 'Later' } });
  expect(await campaign.copy.mutate({ from: CAMPAIGN, to: 'present' })).toMatchObject({
    campaignId: 'present',
    version: 1,
  });
  await campaign.copy.mutate({ from: CAMPAIGN, to: 'first', at: 1 });
  await campaign.copy.mutate({ from: CAMPAIGN, to: 'timed', at: { time }, comment: 'for the archive' });
  const { state: original, epoch } = await campaign.get.query({ campaignId: CAMPAIGN });
  expect((await campaign.get.query({ campaignId: 'present' })).state).toEqual({ ...original, slug: 'present' });
  expect((await campaign.get.query({ campaignId: 'first' })).state).toMatchObject({ title: 'Spring', slug: 'first' });
  expect((await campaign.get.query({ campaignId: 'timed' })).state).toMatchObject({ title: 'Now', tags: ['a'] });
  expect((await campaign.history.query({ campaignId: 'present' })).items).toMatchObject([
    { version: 1, comment: `a copy of ${CAMPAIGN} at ${epoch}:3` },
  ]);
  expect((await campaign.history.query({ campaignId: 'timed' })).items).toMatchObject([{ comment: 'for the archive' }]);
  expect(await refusal(campaign.copy.mutate({ from: CAMPAIGN, to: 'first' }))).toMatchObject({ reason: 'CONFLICT' });
  expect(await refusal(campaign.copy.mutate({ from: 'nobody', to: 'x' }))).toMatchObject({ reason: 'NOT_FOUND' });
});

test('W73 G11 a copy holds no field that its caller may not read, and is made by admins of the new one alone', async () => {
  const { url } = await startGuarded({ rights: { owner_id: { read: 'admin' } } });
  const token = await tokenFor({ [CAMPAIGN]: 'editor', mine: 'admin' });
  const { campaign } = httpClient(url, token);
  await campaign.copy.mutate({ from: CAMPAIGN, to: 'mine' });
  expect((await campaign.get.query({ campaignId: 'mine' })).state).not.toHaveProperty('owner_id');
  expect(await refusal(campaign.copy.mutate({ from: CAMPAIGN, to: 'yours' }))).toMatchObject({ reason: 'FORBIDDEN' });
  expect(await refusal(campaign.copy.mutate({ from: 'secret', to: 'mine' }))).toMatchObject({ reason: 'FORBIDDEN' });
});
