import { expect, test, vi } from 'vitest';
import { createCampaignClient, prefetchCampaign, within, type WaitOptions } from '../../../client-sdk/src/index.ts';
import { createTestCampaign } from '../../../client-sdk/src/testing/index.ts';
import { breathe } from '../support/breathe.ts';
import { manualClock } from '../support/manual-clock.ts';
import { SECRET, token } from '../support/token.ts';
import { client, later, live, proxyOf, server, WAIT } from '../support/world.ts';

const auth = { kind: 'secret', secret: SECRET } as const;
const NOWHERE = 'http://127.0.0.1:9';

test('K250 prefetchCampaign rejects within its timeout, with why the server could not be reached', async () => {
  await expect(prefetchCampaign(client(NOWHERE), 'spring', { timeout: 300 })).rejects.toMatchObject({
    name: 'CampaignError',
    reason: 'UNAVAILABLE',
    message: expect.stringContaining('within 300 ms: No server could be reached'),
  });
  await expect(prefetchCampaign(client(NOWHERE), undefined, { timeout: 1 })).rejects.toMatchObject({
    reason: 'UNAVAILABLE',
  });
});

test('K250 prefetchCampaign ends with its signal, with a refused token, and with a closed client', async () => {
  const aborted = AbortSignal.abort(new Error('the request is gone'));
  await expect(prefetchCampaign(client(NOWHERE), 'spring', { signal: aborted })).rejects.toThrow('the request is gone');
  const controller = new AbortController();
  const waiting = prefetchCampaign(client(NOWHERE), 'spring', { signal: controller.signal });
  controller.abort(new Error('the user left'));
  await expect(waiting).rejects.toThrow('the user left');
  const { url } = await server({ auth });
  const refused = client(url, { token: await token('editor', -60) });
  await expect(prefetchCampaign(refused, 'spring')).rejects.toMatchObject({ reason: 'UNAUTHORIZED' });
  refused.close();
  await expect(prefetchCampaign(refused, 'spring')).rejects.toThrow('closed');
  await expect(prefetchCampaign(client(url, { token: await token('editor') }), 'nowhere')).rejects.toMatchObject({
    reason: 'NOT_FOUND',
  });
});

test('K250 a call that finds no connection fails after 30 s', async () => {
  const clock = manualClock();
  const made = client(NOWHERE, { clock });
  const call = made.trpc.system.info.query().then(
    () => 'answered',
    (error: Error) => error.message,
  );
  await breathe();
  clock.advance(30_000);
  expect(await call).toBe('There was no connection within 30 s');
});

test('K251 while the server cannot be reached, the snapshot says why, and since how many attempts', async () => {
  const started = await server();
  const proxy = await proxyOf(started);
  proxy.sever();
  const clock = manualClock();
  const made = client(proxy.url, { clock });
  for (const campaign of [made.campaign('spring'), made.campaign()]) {
    later(campaign.subscribe(() => undefined));
    await vi.waitFor(() => {
      clock.advance(200);
      expect(campaign.getSnapshot().failureCount).toBeGreaterThan(1);
    }, WAIT);
    expect(campaign.getSnapshot()).toMatchObject({ status: 'pending', failureReason: { reason: 'UNAVAILABLE' } });
  }
  proxy.restore();
  const spring = made.campaign('spring');
  await vi.waitFor(() => {
    clock.advance(500);
    expect(spring.getSnapshot()).toMatchObject({ status: 'success', failureReason: undefined, failureCount: 0 });
  }, WAIT);
});

test('K252 a campaign that is created, or published, after it was refused goes live by itself', async () => {
  const { url } = await server({ auth, publicRead: true });
  const admin = client(url, { token: await token('admin') });
  const clock = manualClock();
  const visitor = client(url, { clock });
  for (const [campaignId, status] of [
    ['later', 'draft'],
    ['never', 'active'],
  ] as const) {
    const campaign = visitor.campaign(campaignId);
    later(campaign.subscribe(() => undefined));
    await vi.waitFor(() => expect(campaign.getSnapshot().status).toBe('error'), WAIT);
    await admin.trpc.campaign.create.mutate({ campaignId, state: { slug: campaignId, title: 'L', status } });
    if (status === 'draft') await admin.campaign(campaignId).update({ status: 'active' });
    await vi.waitFor(() => {
      clock.advance(500);
      expect(campaign.getSnapshot()).toMatchObject({ status: 'success', error: undefined });
    }, WAIT);
  }
});

test('K252 a refused campaign is asked for at most every second at first, and every 30 s in the end', async () => {
  const { url } = await server();
  const clock = manualClock();
  let asked = 0;
  class Counted extends WebSocket {
    override send(data: string): void {
      if (data.includes('campaign.watch')) asked += 1;
      super.send(data);
    }
  }
  const campaign = client(url, { clock, WebSocket: Counted }).campaign('nowhere');
  later(campaign.subscribe(() => undefined));
  await vi.waitFor(() => expect(campaign.getSnapshot().status).toBe('error'), WAIT);
  const { error } = campaign.getSnapshot();
  for (let seconds = 0; seconds < 300; seconds += 1) {
    clock.advance(1_000);
    await breathe();
  }
  expect(asked).toBeGreaterThan(8);
  expect(asked).toBeLessThan(60);
  expect(campaign.getSnapshot().error).toBe(error);
});

test('K253 a new subscription asks again, and so does retry, which is pending until there is an answer', async () => {
  const { url } = await server();
  const made = client(url, { clock: manualClock() });
  const campaign = made.campaign('later');
  later(campaign.subscribe(() => undefined));
  await vi.waitFor(() => expect(campaign.getSnapshot().status).toBe('error'), WAIT);
  campaign.retry();
  expect(campaign.getSnapshot()).toMatchObject({ status: 'pending', error: undefined });
  await vi.waitFor(() => expect(campaign.getSnapshot().status).toBe('error'), WAIT);
  await made.trpc.campaign.create.mutate({ campaignId: 'later', state: { slug: 'later', title: 'L' } });
  await live(campaign);
});

test('K258 listeners that throw stop neither edits, nor other listeners, nor the reconnecting, and are reported', async () => {
  const started = await server();
  const proxy = await proxyOf(started);
  const logger = { warn: vi.fn(), error: vi.fn(), debug: vi.fn() };
  const made = client(proxy.url, { logger });
  const campaign = made.campaign('spring');
  await live(campaign);
  const broken = () => {
    throw new Error('the toast broke');
  };
  const others = vi.fn();
  for (const readable of [campaign, made.connection]) {
    later(readable.subscribe(broken));
    later(readable.subscribe(others));
  }
  made.trpc.campaign.watch.subscribe({ campaignId: 'spring' }, { onData: broken, onConnectionStateChange: broken });
  expect(await campaign.update({ title: 'Mine' })).toMatchObject({ version: 2 });
  expect(others).toHaveBeenCalled();
  proxy.sever();
  await vi.waitFor(() => expect(made.connection.getSnapshot().status).toBe('reconnecting'), WAIT);
  const change = campaign.update({ title: 'Offline' });
  proxy.restore();
  expect(await change).toMatchObject({ version: 3 });
  expect(logger.error).toHaveBeenCalledWith(expect.any(String), new Error('the toast broke'));
  expect(logger.debug).toHaveBeenCalledWith('campaign-state: the connection is reconnecting', expect.anything());
});

test('K258 without a logger, what a listener throws is an uncaught error, as of an event listener', async () => {
  const reported = vi.fn();
  vi.stubGlobal('reportError', reported);
  later(() => vi.unstubAllGlobals());
  const kit = createTestCampaign({ state: { slug: 's', title: 'S' } });
  const error = new Error('broken');
  kit.client.campaign().subscribe(() => {
    throw error;
  });
  void kit.client.campaign().update({ title: 'T' });
  await vi.waitFor(() => expect(reported).toHaveBeenCalledWith(error), WAIT);
  kit.client.close();
});

test('K259 a closed client says so as an error of its campaigns', async () => {
  const { url } = await server();
  const made = createCampaignClient({ url });
  const [named, byDefault] = [made.campaign('spring'), made.campaign()];
  await live(named);
  made.close();
  expect(named.getSnapshot()).toMatchObject({ status: 'error', error: { message: 'The client has been closed' } });
  byDefault.subscribe(() => undefined);
  await vi.waitFor(() => expect(byDefault.getSnapshot().error?.message).toBe('The client has been closed'), WAIT);
  expect(made.connection.getSnapshot()).toMatchObject({ status: 'closed', reason: 'closed' });
  await expect(made.authenticate('x')).rejects.toThrow('closed');
});

test('K265 the campaign above the limit of a connection is an error that names it, and live when there is room', async () => {
  const campaigns = Array.from({ length: 65 }, (_, index) => `c${index}`);
  const { url } = await server({
    campaigns: campaigns.map((campaignId) => ({ campaignId, state: { slug: campaignId, title: 'C' } })),
  });
  const made = client(url, { releaseAfterMs: 0 });
  const stops = campaigns.map((campaignId) => made.campaign(campaignId).subscribe(() => undefined));
  const last = made.campaign('c64');
  await vi.waitFor(() => expect(last.getSnapshot()).toMatchObject({ status: 'error', error: { limit: 64 } }), WAIT);
  stops[0]?.();
  await vi.waitFor(() => expect(last.getSnapshot()).toMatchObject({ status: 'success', error: undefined }), WAIT);
});

test('K266 what cannot be sent is refused where it is written, and holds up nothing', async () => {
  const { url } = await server();
  const made = client(url);
  const campaign = made.campaign('spring');
  await live(campaign);
  const big = 3n as unknown as number;
  await expect(campaign.update({ title: 'A' }, { expectedVersion: big })).rejects.toMatchObject({
    reason: 'INVALID',
    path: ['expectedVersion'],
  });
  await expect(campaign.update({ title: 'B' }, { comment: 'x'.repeat(1_100_000) })).rejects.toMatchObject({
    reason: 'TOO_LARGE',
    path: ['comment'],
    limit: 500,
  });
  const direct = { campaignId: 'spring', updates: { title: big as unknown as string } };
  await expect(made.trpc.campaign.update.mutate(direct)).rejects.toThrow('not plain JSON');
  const huge = { campaignId: 'spring', updates: { title: 'x'.repeat(1_100_000) } };
  await expect(made.trpc.campaign.update.mutate(huge)).rejects.toThrow('at most 1048576');
  expect(await campaign.update({ title: 'C' })).toMatchObject({ version: 2 });
  expect(made.connection.getSnapshot()).toMatchObject({ status: 'connected', attempt: 0 });
});

test('K281 every promise ends with its timeout or its signal while the server is away, and says why', async () => {
  const made = client(NOWHERE);
  const spring = made.campaign('spring');
  const waits: ((options: WaitOptions) => Promise<unknown>)[] = [
    (options) => spring.rollback(1, options),
    (options) => spring.whenDurable('e:1', options),
    (options) => made.campaign().rollback(1, options),
    (options) => made.campaign().whenDurable('e:1', options),
    (options) => within(spring.update({ title: 'x' }), options),
    (options) => within(spring.update({ title: 'y' }).durable, options),
  ];
  for (const wait of waits) {
    await expect(wait({ timeout: 20 })).rejects.toMatchObject({
      name: 'CampaignError',
      reason: 'UNAVAILABLE',
      retryable: true,
      message: expect.stringContaining('within 20 ms'),
    });
    const controller = new AbortController();
    const waiting = wait({ signal: controller.signal });
    controller.abort(new Error('the user left'));
    await expect(waiting).rejects.toThrow('the user left');
    await expect(wait({ signal: AbortSignal.abort(new Error('too late')) })).rejects.toThrow('too late');
  }
  await vi.waitFor(
    () => expect(spring.rollback(1, { timeout: 1 })).rejects.toThrow('No server could be reached'),
    WAIT,
  );
});

test('K281 by default they end after 30 s; with Infinity they wait for the connection', async () => {
  const clock = manualClock();
  const kit = createTestCampaign({ clock });
  later(kit.client.close);
  const campaign = kit.client.campaign();
  await live(campaign);
  kit.drop();
  const outcomes: string[] = [];
  const note = (name: string, promise: Promise<unknown>) =>
    promise.then(
      () => outcomes.push(`${name} answered`),
      ({ message }: Error) => outcomes.push(`${name} ${message}`),
    );
  const position = kit.position();
  const done = Promise.all([
    note('rollback', campaign.rollback(1)),
    note('whenDurable', campaign.whenDurable(position)),
    note('patient', campaign.whenDurable(position, { timeout: Infinity })),
  ]);
  await breathe();
  clock.advance(29_999);
  await breathe();
  expect(outcomes).toEqual([]);
  clock.advance(1);
  await vi.waitFor(() => expect(outcomes).toHaveLength(2), WAIT);
  expect(outcomes.map((outcome) => outcome.slice(0, 40))).toEqual([
    'rollback There was no answer within 3000',
    'whenDurable There was no answer within 3',
  ]);
  kit.reconnect();
  await vi.waitFor(() => {
    clock.advance(500);
    expect(outcomes).toContain('patient answered');
  }, WAIT);
  await done;
});

test('K281 a rollback that was given up before it was sent is not sent later', async () => {
  const kit = createTestCampaign({ clock: manualClock() });
  later(kit.client.close);
  const campaign = kit.client.campaign();
  await live(campaign);
  await campaign.update({ title: 'Two' });
  kit.drop();
  const change = campaign.update({ title: 'Three' });
  await expect(campaign.rollback(1, { signal: AbortSignal.timeout(20) })).rejects.toThrow();
  kit.reconnect();
  await change.durable;
  await breathe();
  expect(kit.history().map(({ type }) => type)).toEqual(['create', 'update', 'update']);
  expect(await campaign.rollback(1)).toMatchObject({ changed: true });
});
