import { describe, expect, test } from 'vitest';
import { batchingClient, httpClient, rawSocket, refusal, wsClient } from '../support/clients.ts';
import type { Client } from '../support/clients.ts';
import { CAMPAIGN, startGuarded, startServer, tokenFor, until } from '../support/server.ts';

const transports: [string, (url: string) => Client][] = [
  ['ws', (url) => wsClient(url)],
  ['http', (url) => httpClient(url)],
  ['batched http', (url) => batchingClient(url)],
];

describe.each(transports)('over %s', (_name, connect) => {
  test('P1 edits', async () => {
    const { url } = await startServer();
    const { campaign } = connect(url);
    const first = await campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title: 'New', owner_id: null } });
    expect(first).toMatchObject({ campaignId: CAMPAIGN, version: 2, changed: true, durability: 'accepted' });
    await campaign.updateFeatures.mutate({ campaignId: CAMPAIGN, features: ['faq', 'referral'], action: 'add' });
    await campaign.updateFeatures.mutate({ campaignId: CAMPAIGN, features: ['referral'], action: 'remove' });
    await campaign.updateConfig.mutate({
      campaignId: CAMPAIGN,
      section: 'ui_content',
      value: { banner: 'Hi', cta: 'Go' },
    });
    await campaign.updateConfig.mutate({
      campaignId: CAMPAIGN,
      section: 'ui_content',
      value: { banner: 'Ho' },
      mode: 'replace',
    });
    const batch = await campaign.batch.mutate({
      campaignId: CAMPAIGN,
      commands: [
        { type: 'update', updates: { description: 'x' } },
        { type: 'updateFeatures', features: ['countdown'], action: 'add' },
        { type: 'updateConfig', section: 'theme', value: { primary: '#123456' } },
      ],
    });
    expect(batch).toMatchObject({ version: 7 });
    const { state, version } = await campaign.get.query({ campaignId: CAMPAIGN });
    expect(version).toBe(7);
    expect(state).toEqual({
      slug: CAMPAIGN,
      title: 'New',
      status: 'active',
      features: ['faq', 'countdown'],
      ui_content: { banner: 'Ho' },
      description: 'x',
      theme: { primary: '#123456' },
    });
    const unchanged = await campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title: 'New' } });
    expect(unchanged).toMatchObject({ version: 7, changed: false });
  });

  test('P1 history, versions and rollback', async () => {
    const { url } = await startServer();
    const { campaign } = connect(url);
    for (const title of ['B', 'C'])
      await campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title }, comment: `to ${title}` });
    expect(await campaign.at.query({ campaignId: CAMPAIGN, version: 2 })).toMatchObject({
      version: 2,
      state: { title: 'B' },
    });
    expect(await campaign.diff.query({ campaignId: CAMPAIGN, from: 3, to: 1 })).toMatchObject({
      change: { title: 'Spring' },
    });
    expect(await campaign.rollback.mutate({ campaignId: CAMPAIGN, toVersion: 1 })).toMatchObject({ version: 4 });
    const { epoch } = await campaign.get.query({ campaignId: CAMPAIGN });
    const second = `${epoch}:2`;
    expect(await campaign.at.query({ campaignId: CAMPAIGN, version: second })).toMatchObject({
      epoch,
      version: 2,
      state: { title: 'B' },
    });
    expect(await campaign.diff.query({ campaignId: CAMPAIGN, from: second, to: 3 })).toMatchObject({
      epoch,
      from: 2,
      to: 3,
      change: { title: 'C' },
    });
    expect(await refusal(campaign.at.query({ campaignId: CAMPAIGN, version: 'another:2' }))).toMatchObject({
      reason: 'NOT_FOUND',
      path: ['version'],
    });
    expect(await refusal(campaign.rollback.mutate({ campaignId: CAMPAIGN, toVersion: 'another:2' }))).toMatchObject({
      reason: 'NOT_FOUND',
      path: ['toVersion'],
    });
    const page = await campaign.history.query({ campaignId: CAMPAIGN, limit: 2 });
    expect(page.epoch).toBe(epoch);
    expect(page.items.map(({ version, type }) => [version, type])).toEqual([
      [4, 'rollback'],
      [3, 'update'],
    ]);
    const { items } = await campaign.history.query({
      campaignId: CAMPAIGN,
      limit: 2,
      ...(page.nextCursor !== undefined && { cursor: page.nextCursor }),
    });
    expect(items).toMatchObject([
      { version: 2, comment: 'to B', actor: { id: 'dev', role: 'admin' } },
      { version: 1, type: 'create' },
    ]);
  });

  test('P1 create, archive, restore and list', async () => {
    const { url } = await startServer();
    const { campaign } = connect(url);
    const created = await campaign.create.mutate({
      campaignId: 'fresh',
      state: { slug: 'fresh', title: 'Fresh', description: null },
    });
    expect(created).toMatchObject({ version: 1, durability: 'durable' });
    expect(
      await refusal(campaign.create.mutate({ campaignId: 'fresh', state: { slug: 'fresh', title: 'Again' } })),
    ).toMatchObject({ reason: 'CONFLICT' });
    await campaign.archive.mutate({ campaignId: 'fresh' });
    expect(await campaign.get.query({ campaignId: 'fresh' })).toMatchObject({ archivedAt: expect.any(Number) });
    const refused = await refusal(campaign.update.mutate({ campaignId: 'fresh', updates: { title: 'No' } }));
    expect(refused.retryable).toBe(false);
    await campaign.restore.mutate({ campaignId: 'fresh' });
    await campaign.update.mutate({ campaignId: 'fresh', updates: { title: 'Yes' } });
    const { items } = await campaign.list.query({ limit: 2 });
    expect(items.map(({ campaignId }) => campaignId)).toEqual(['fresh', 'secret']);
    const rest = await campaign.list.query({ limit: 2, cursor: 'secret' });
    expect(rest).toMatchObject({ items: [{ campaignId: CAMPAIGN, title: 'Spring', status: 'active' }] });
  });

  test('P1 durability, push and system.info', async () => {
    const { url } = await startServer();
    const { campaign, system } = connect(url);
    const durable = await campaign.update.mutate({
      campaignId: CAMPAIGN,
      updates: { title: 'Kept' },
      durability: 'durable',
    });
    expect(durable).toMatchObject({ durability: 'durable' });
    const outcomes = await campaign.push.mutate({
      campaignId: CAMPAIGN,
      mutations: [
        { mutationId: 'p1', command: { type: 'update', updates: { title: 'One' } } },
        { mutationId: 'p2', command: { type: 'update', updates: { title: 5 } } },
        { mutationId: 'p3', command: { type: 'batch', commands: [{ type: 'update', updates: { title: 'Three' } }] } },
      ],
    });
    expect(outcomes).toMatchObject([
      { ok: true, receipt: { mutationId: 'p1', version: 3 } },
      { ok: false, mutationId: 'p2', error: { reason: 'INVALID', path: ['title'], retryable: false } },
      { ok: true, receipt: { mutationId: 'p3', version: 4 } },
    ]);
    const { epoch } = await campaign.get.query({ campaignId: CAMPAIGN });
    expect(await campaign.whenDurable.query({ campaignId: CAMPAIGN, position: `${epoch}:4` })).toMatchObject({
      position: `${epoch}:4`,
    });
    expect(await refusal(campaign.whenDurable.query({ campaignId: CAMPAIGN, position: `${epoch}:400` }))).toMatchObject(
      { reason: 'NOT_FOUND' },
    );
    expect(await system.info.query()).toMatchObject({
      defaultCampaignId: CAMPAIGN,
      contract: '1',
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
    });
  });

  test('P13 idempotent mutation ids, conflicts, dry runs', async () => {
    const { url } = await startServer();
    const { campaign } = connect(url);
    const first = await campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title: 'A' }, mutationId: 'm-1' });
    const again = await campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title: 'A' }, mutationId: 'm-1' });
    expect(again).toMatchObject({ version: 2, mutationId: 'm-1', changed: true });
    const other = await refusal(
      campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title: 'B' }, mutationId: 'm-1' }),
    );
    expect(other).toMatchObject({ reason: 'INVALID', path: ['mutationId'], mutationId: 'm-1' });
    const stale = { campaignId: CAMPAIGN, updates: { title: 'B' }, expectedVersion: 1, mutationId: 'm-2' };
    expect(await refusal(campaign.update.mutate(stale))).toMatchObject({
      code: 'CONFLICT',
      httpStatus: 409,
      reason: 'CONFLICT',
      retryable: false,
      position: first.position,
      mutationId: 'm-2',
    });
    const dry = await campaign.update.mutate({
      campaignId: CAMPAIGN,
      updates: { title: 'B' },
      expectedVersion: first.position,
      dryRun: true,
    });
    expect(dry).toMatchObject({ dryRun: true, changed: true, change: { title: 'B' } });
    expect(await campaign.get.query({ campaignId: CAMPAIGN })).toMatchObject({ version: 2, state: { title: 'A' } });
  });
});

test('P11 unknown members of an input are ignored', async () => {
  const { url } = await startServer();
  const future = { campaignId: CAMPAIGN, updates: { title: 'A' }, urgency: 'high' };
  expect(await wsClient(url).campaign.update.mutate(future)).toMatchObject({ version: 2 });
});

test('P12 more mutations a second than allowed are RATE_LIMITED', async () => {
  const { url } = await startServer({ rateLimit: 5 });
  const { campaign } = wsClient(url);
  const calls = Array.from({ length: 8 }, (_, index) =>
    campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title: `T${index}` } }),
  );
  const outcomes = await Promise.allSettled(calls);
  expect(outcomes.map(({ status }) => status)).toEqual([...Array(5).fill('fulfilled'), ...Array(3).fill('rejected')]);
  const limited = await refusal(calls[7] ?? Promise.resolve());
  expect(limited).toMatchObject({ code: 'TOO_MANY_REQUESTS', reason: 'RATE_LIMITED', retryable: true, limit: 5 });
  expect(limited.retryAfterMs).toBeGreaterThan(0);
  // Reading is not counted, and another connection has its own count.
  await campaign.get.query({ campaignId: CAMPAIGN });
  await wsClient(url).campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title: 'Other' } });
});

test('P12 a push larger than the limit passes by itself', async () => {
  const { url } = await startServer({ rateLimit: 5 });
  const mutations = Array.from({ length: 20 }, (_, index) => ({
    mutationId: `m${index}`,
    command: { type: 'update' as const, updates: { title: `T${index}` } },
  }));
  const outcomes = await wsClient(url).campaign.push.mutate({ campaignId: CAMPAIGN, mutations });
  expect(outcomes.every(({ ok }) => ok)).toBe(true);
});

test('P12 a mutation counts by its weight: a batch as what it holds', async () => {
  const { url } = await startServer({ rateLimit: 5 });
  const { campaign } = wsClient(url);
  const commands = Array.from({ length: 4 }, (_, index) => ({
    type: 'update' as const,
    updates: { title: `T${index}` },
  }));
  const calls = [1, 2].map(() => campaign.batch.mutate({ campaignId: CAMPAIGN, commands }));
  const outcomes = await Promise.allSettled(calls);
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  expect(await refusal(calls[1] ?? Promise.resolve())).toMatchObject({ reason: 'RATE_LIMITED', limit: 5 });
});

test('P12 beyond the rate a mutation is refused before its input is read, and nothing else is', async () => {
  const { url } = await startGuarded({ rateLimit: 5 });
  const { campaign, session } = wsClient(url, { token: await tokenFor({ '*': 'editor' }) });
  const unreadable = () => campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title: 5 as unknown as string } });
  expect(await refusal(unreadable())).toMatchObject({ reason: 'INVALID' });
  const commands = Array.from({ length: 3 }, () => ({ type: 'update' as const, updates: { title: 'T' } }));
  // The rate is of a second, which may be over on a slow machine.
  await until(async () => {
    await Promise.allSettled([1, 2].map(() => campaign.batch.mutate({ campaignId: CAMPAIGN, commands })));
    const refused = await refusal(unreadable());
    if (refused.reason === 'INVALID') return false;
    expect(refused).toMatchObject({ reason: 'RATE_LIMITED', retryable: true, limit: 5 });
    expect(refused.retryAfterMs).toBeLessThanOrEqual(1_000);
    return true;
  });
  await campaign.get.query({ campaignId: CAMPAIGN });
  await session.authenticate.mutate({ token: await tokenFor({ '*': 'editor' }) });
  await until(async () => (await refusal(unreadable())).reason === 'INVALID');
  await campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title: 'And on' } });
});

test('P12 who is refused and goes on sending waits until the rate allows more', async () => {
  const { url } = await startServer({ rateLimit: 5 });
  const raw = await rawSocket(url);
  const frame = Array.from({ length: 40 }, (_, id) => ({
    id,
    method: 'mutation',
    params: { path: 'campaign.update', input: { campaignId: CAMPAIGN, updates: { title: `T${id}` } } },
  }));
  raw.send(frame);
  const answers = await Promise.all(frame.map(({ id }) => raw.answer(id)));
  // Five, and of those that waited five more.
  expect(answers.filter(({ error }) => !error).length).toBeGreaterThanOrEqual(10);
});

test('P14 with campaign state disabled, campaign procedures are UNAVAILABLE and the rest answers', async () => {
  const { url } = await startServer({ enabled: false });
  const { campaign, system } = wsClient(url);
  const off = await refusal(campaign.get.query({ campaignId: CAMPAIGN }));
  expect(off).toMatchObject({ reason: 'UNAVAILABLE', code: 'SERVICE_UNAVAILABLE' });
  expect(await refusal(campaign.update.mutate({ campaignId: CAMPAIGN, updates: {} }))).toMatchObject({
    reason: 'UNAVAILABLE',
  });
  expect(await system.info.query()).toMatchObject({ contract: '1' });
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
});

test('P15 the correlation id is returned and stored in the entry', async () => {
  const { url, service } = await startServer();
  const admin = { identity: { id: 'test', grants: { '*': 'admin' as const } }, correlationId: 'test' };
  const send = (id: string): Promise<Response> =>
    fetch(`${url}/trpc/campaign.update`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-correlation-id': id },
      body: JSON.stringify({ campaignId: CAMPAIGN, updates: { title: `for ${id}`.slice(0, 100) } }),
    });
  expect((await send('order-7')).headers.get('x-correlation-id')).toBe('order-7');
  const made = (await send('not fit for a log')).headers.get('x-correlation-id');
  expect(made).toMatch(/^[0-9a-f-]{36}$/);
  // A long one is cut: it stands in answers, in log lines, and in the history for good.
  const long = 'order-'.padEnd(10_000, '7');
  const cut = (await send(long)).headers.get('x-correlation-id');
  expect(cut).toBe(long.slice(0, 64));
  const { items } = await service.history(admin, CAMPAIGN, { limit: 3 });
  expect(items.map(({ correlationId }) => correlationId)).toEqual([cut, made, 'order-7']);
  await until(() => service.stats().archive.backlogEntries === 0);
});
