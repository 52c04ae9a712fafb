import { describe, expect, test } from 'vitest';
import { refusal, httpClient, watch, wsClient } from '../api/support/clients.ts';
import { CAMPAIGN, startGuarded, startServer, tokenFor, until } from '../api/support/server.ts';
import { relayKey, startRelay } from './support/relay.ts';

const admin = (): Promise<string> => tokenFor({ '*': 'admin' });

describe('Q1 a relay shows what its upstream shows', () => {
  test('Q1 the same state, positions and entries, and changes made on either side', async () => {
    const origin = await startGuarded();
    const relay = await startRelay(origin);
    const token = await admin();
    const [there, here] = [wsClient(origin.url, { token }), wsClient(relay.url, { token })];
    const watching = watch(here, { campaignId: CAMPAIGN, receipts: true });
    await until(() => watching.events.length > 0);
    const input = { campaignId: CAMPAIGN };
    expect(await here.campaign.get.query(input)).toEqual(await there.campaign.get.query(input));
    await there.campaign.update.mutate({ ...input, updates: { title: 'There' } });
    const receipt = await here.campaign.update.mutate({ ...input, updates: { title: 'Here' } });
    // Whoever has changed something finds it changed.
    expect(await here.campaign.get.query(input)).toMatchObject({ version: 3, state: { title: 'Here' } });
    expect('position' in receipt && receipt.position).toMatch(/:3$/);
    await until(() => watching.mirror.version === 3);
    expect(watching.mirror.snapshots).toEqual(['start']);
    expect(watching.mirror.entries).toBe(2);
    const entries = (events: typeof watching.events) =>
      events.flatMap((event) => (event.type === 'entries' ? event.entries : []));
    const { items } = await there.campaign.history.query(input);
    expect(entries(watching.events).toReversed()).toEqual(items.slice(0, 2));
    // The watermark is upstream's.
    await until(() => watching.events.some((event) => event.type === 'durable' && event.position.endsWith(':3')));
    expect(watching.error).toBeUndefined();
  });

  test('Q1 calls that need the database are answered by upstream, over ws and http', async () => {
    const origin = await startGuarded();
    const relay = await startRelay(origin);
    const token = await admin();
    const input = { campaignId: CAMPAIGN };
    for (const client of [wsClient(relay.url, { token }), httpClient(relay.url, token)]) {
      const { items } = await client.campaign.list.query();
      expect(items.map(({ campaignId }) => campaignId)).toEqual(['secret', CAMPAIGN]);
      expect((await client.campaign.history.query(input)).items.length).toBeGreaterThan(0);
      expect(await client.campaign.at.query({ ...input, version: 1 })).toMatchObject({ state: { title: 'Spring' } });
      const receipt = await client.campaign.update.mutate({ ...input, updates: { note: `${performance.now()}` } });
      if (!('position' in receipt) || 'dryRun' in receipt) throw new Error('no receipt');
      expect(await client.campaign.whenDurable.query({ ...input, position: receipt.position })).toMatchObject(input);
    }
    const history = await wsClient(origin.url, { token }).campaign.history.query(input);
    expect(history.items[0]?.actor).toEqual({ id: 'ada', role: 'admin' });
  });
});

describe('Q2 each caller has its own rights, and a relay gives none', () => {
  test('Q2 a viewer may not write through a relay whose key reads everything', async () => {
    const origin = await startGuarded();
    const relay = await startRelay(origin);
    const token = await tokenFor({ [CAMPAIGN]: 'viewer' });
    const client = wsClient(relay.url, { token });
    const input = { campaignId: CAMPAIGN };
    expect(await client.campaign.get.query(input)).toMatchObject({ version: 1 });
    expect(await refusal(client.campaign.update.mutate({ ...input, updates: { title: 'No' } }))).toMatchObject({
      reason: 'FORBIDDEN',
    });
    expect(await refusal(client.campaign.get.query({ campaignId: 'secret' }))).toMatchObject({ reason: 'FORBIDDEN' });
  });

  test('Q2 without the grant nothing is relayed, and with it nothing else is allowed', async () => {
    const origin = await startGuarded();
    const stranger = await tokenFor({ '*': 'admin' });
    await expect(startRelay(origin, { key: stranger, startTimeout: 300 })).rejects.toThrow(/Upstream has not answered/);
    await expect(startRelay(origin, { key: undefined, startTimeout: 300 })).rejects.toThrow(/token is needed/);
    const client = wsClient(origin.url, { token: await relayKey() });
    const input = { campaignId: CAMPAIGN };
    for (const call of [
      client.campaign.get.query(input),
      client.campaign.history.query(input),
      client.campaign.update.mutate({ ...input, updates: { title: 'No' } }),
    ])
      expect(await refusal(call)).toMatchObject({ reason: 'FORBIDDEN' });
  });

  test('Q2 a token that is replaced counts upstream from its place in the order on', async () => {
    const origin = await startGuarded();
    const relay = await startRelay(origin);
    const client = wsClient(relay.url, { token: await tokenFor({ '*': 'viewer' }, { sub: 'before' }) });
    const input = { campaignId: CAMPAIGN };
    expect(await refusal(client.campaign.update.mutate({ ...input, updates: { title: 'No' } }))).toMatchObject({
      reason: 'FORBIDDEN',
    });
    const token = await tokenFor({ '*': 'editor' }, { sub: 'after' });
    const [, receipt] = await Promise.all([
      client.session.authenticate.mutate({ token }),
      client.campaign.update.mutate({ ...input, updates: { title: 'Yes' } }),
    ]);
    expect(receipt).toMatchObject({ changed: true });
    expect(
      (await wsClient(origin.url, { token: await admin() }).campaign.history.query(input)).items[0]?.actor.id,
    ).toBe('after');
  });

  test('Q2 callers without a token see what they would see upstream', async () => {
    const origin = await startGuarded({ publicRead: true });
    const relay = await startRelay(origin);
    const client = wsClient(relay.url);
    expect(await client.campaign.get.query({ campaignId: CAMPAIGN })).not.toHaveProperty('state.owner_id');
    expect(await refusal(client.campaign.get.query({ campaignId: 'secret' }))).toMatchObject({ reason: 'NOT_FOUND' });
    expect(await refusal(client.campaign.get.query({ campaignId: 'nowhere' }))).toMatchObject({ reason: 'NOT_FOUND' });
  });
});

test('Q3 direct calls of one connection keep their order through a relay', async () => {
  const origin = await startGuarded();
  const relay = await startRelay(origin);
  const token = await admin();
  const client = wsClient(relay.url, { token });
  const sent = Array.from({ length: 40 }, (_, index) => `change ${index}`);
  await Promise.all(
    sent.map((description) => client.campaign.update.mutate({ campaignId: CAMPAIGN, updates: { description } })),
  );
  const { items } = await wsClient(origin.url, { token }).campaign.history.query({ campaignId: CAMPAIGN, limit: 40 });
  expect(items.map(({ change }) => change['description']).toReversed()).toEqual(sent);
});

test('Q4 one connection and one stream upstream, however many watch', async () => {
  const origin = await startServer({ auth: { kind: 'none' } });
  const relay = await startRelay(origin, { auth: { kind: 'none' }, key: undefined });
  const watchings = Array.from({ length: 20 }, () => watch(wsClient(relay.url), { campaignId: CAMPAIGN }));
  await until(() => watchings.every(({ events }) => events.length > 0));
  await wsClient(relay.url).campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title: 'New' } });
  await until(() => watchings.every(({ mirror }) => mirror.version === 2));
  expect(origin.service.stats().subscribers).toBe(1);
  expect(await (await fetch(`${origin.url}/metrics`)).text()).toContain('campaign_state_connections{transport="ws"} 1');
});
