import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { AnalyticsEvent } from '../../../server/core/analytics/analytics-event.ts';
import type { RuleResults } from '../../../server/core/analytics/results.ts';
import type { RuleInput } from '../../../server/core/document/targeting-fields.ts';
import { createMemoryArchive } from '../../../server/index.ts';
import { measure } from '../../analytics/example.ts';
import { refusal, wsClient, type Client } from '../support/clients.ts';
import { CAMPAIGN, cleanUp, startGuarded, startServer, tokenFor, until } from '../support/server.ts';

const RULE: RuleInput = {
  order: 1,
  status: 'running',
  unit: 'userId',
  fallbackUnit: 'deviceId',
  coverage: 1,
  arms: { now: { weight: 1, change: {} }, lower: { weight: 1, change: { merge: { description: 'lower' } } } },
  metrics: {
    leads: { goal: 'lead', type: 'conversion', better: 'up', role: 'goal' },
    revenue: { goal: 'paid', type: 'sum', better: 'up', cap: 100, role: 'goal' },
  },
};

async function withRule(client: Client, given: Partial<RuleInput> = {}): Promise<string> {
  const rule = { ...RULE, ...given };
  const receipt = await client.campaign.updateRule.mutate({ campaignId: CAMPAIGN, key: 'price', rule });
  return 'position' in receipt ? receipt.position : '';
}

const viewer = (userId: string) => ({ attributes: { userId } });

/** The arm that a viewer has, as the server says. */
async function armOf(client: Client, userId: string): Promise<string> {
  const { assignments } = await client.campaign.get.query({ campaignId: CAMPAIGN, viewer: viewer(userId) });
  return assignments?.['price']?.arm ?? '';
}

const exposure = (arm: string, position: string, given: Partial<Extract<AnalyticsEvent, { kind: 'exposure' }>> = {}) =>
  ({ kind: 'exposure', rule: 'price', phase: 1, arm, position, at: Date.now(), ...given }) as const;

const goal = (name: string, position: string, value?: number) =>
  ({ kind: 'goal', name, position, at: Date.now() + 1, ...(value !== undefined && { value }) }) as const;

const results = (client: Client, phase?: number): Promise<RuleResults> =>
  client.analytics.results.query({ campaignId: CAMPAIGN, rule: 'price', ...(phase && { phase }) });

describe('analytics', () => {
  test('E20 exposures and goals count once for each person, and a batch that is sent again changes nothing', async () => {
    const { url } = await startServer();
    const client = wsClient(url);
    const position = await withRule(client);
    for (let index = 0; index < 40; index += 1) {
      const userId = `u${index}`;
      const arm = await armOf(client, userId);
      const events = [
        exposure(arm, position),
        exposure(arm, position),
        ...(index % 4 === 0 ? [goal('lead', position), goal('lead', position), goal('paid', position, 250.5)] : []),
      ];
      const batch = { campaignId: CAMPAIGN, batchId: `b${index}`, viewer: viewer(userId), events };
      expect(await client.analytics.track.mutate(batch)).toEqual({ recorded: events.length });
      await client.analytics.track.mutate(batch);
      // Another tab.
      const again = { ...batch, batchId: `c${index}`, events: [exposure(arm, position)] };
      await client.analytics.track.mutate(again);
    }
    const found = await results(client);
    expect(found).toMatchObject({ control: 'now', multiple: { units: 0 }, unverified: { units: 0 } });
    expect(found.arms.reduce((sum, { units }) => sum + units, 0)).toBe(40);
    expect(found.arms.map(({ expected }) => expected)).toEqual([20, 20]);
    const { leads, revenue } = found.metrics;
    expect(leads?.arms.reduce((sum, { conversions }) => sum + conversions, 0)).toBe(10);
    expect(revenue?.arms.reduce((sum, arm) => sum + arm.sum, 0)).toBe(1_000);
    expect(found.verdict).toMatch(/^Too early: about [\d,]+ more people for an effect of 5 % on leads\.$/);
    // Over time it comes to the same.
    const input = { campaignId: CAMPAIGN, rule: 'price' };
    for (const [metric, { arms }] of Object.entries(found.metrics)) {
      const { points, control } = await client.analytics.progress.query({ ...input, metric });
      expect(points.at(-1)?.arms).toEqual(arms);
      expect(control).toBe('now');
    }
    const unknown = await refusal(client.analytics.progress.query({ ...input, metric: 'none' }));
    expect(unknown).toMatchObject({ reason: 'NOT_FOUND', path: ['metric'] });
  });

  test('E21 what the server would not have assigned is counted apart, and a person in two arms counts for the first', async () => {
    const { url } = await startServer();
    const client = wsClient(url);
    const position = await withRule(client);
    const arm = await armOf(client, 'u1');
    const other = arm === 'now' ? 'lower' : 'now';
    const track = (batchId: string, userId: string, events: AnalyticsEvent[]) =>
      client.analytics.track.mutate({ campaignId: CAMPAIGN, batchId, viewer: viewer(userId), events });
    await track('b1', 'u1', [exposure(arm, position), goal('lead', position)]);
    // An arm that is not theirs, a phase and a rule that are not there, and a position that never was, of which no
    // unit can be told either.
    await track('b2', 'u1', [exposure(other, position), exposure(arm, position, { phase: 7 })]);
    await track('b3', 'u1', [exposure(arm, position, { rule: 'none' }), exposure(arm, 'nowhere:3')]);
    expect(await results(client)).toMatchObject({ unverified: { units: 2 }, multiple: { units: 0 } });
    expect(await results(client, 7)).toMatchObject({ unverified: { units: 1, share: 1 } });
    // After other weights the same person has the other arm, and at the earlier position still the first one.
    const weights = { now: other === 'now' ? 1 : 0, lower: other === 'lower' ? 1 : 0 };
    const arms = {
      now: { ...RULE.arms['now'], weight: weights.now, change: {} },
      lower: { weight: weights.lower, change: { merge: { description: 'lower' } } },
    };
    const later = await withRule(client, { arms });
    await track('b4', 'u1', [exposure(other, later)]);
    await track('b5', 'u1', [exposure(arm, position)]);
    const found = await results(client);
    expect(found.multiple).toMatchObject({ units: 1, share: 1 });
    expect(found.arms.find((one) => one.arm === arm)?.units).toBe(1);
    expect(found.unverified.units).toBe(2);
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toMatch(/^campaign_state_analytics_exposures_total\{verified="true"\} 3$/m);
    expect(metrics).toMatch(/^campaign_state_analytics_exposures_total\{verified="false"\} 4$/m);
  });

  test('E22 a page of another origin can send its events as a beacon', async () => {
    const { url } = await startGuarded({ allowedOrigins: ['https://app.example.com'], publicRead: true });
    const admin = wsClient(url, { token: await tokenFor({ '*': 'admin' }) });
    const position = await withRule(admin);
    const arm = await armOf(admin, 'u1');
    const body = JSON.stringify({
      campaignId: CAMPAIGN,
      batchId: 'beacon',
      viewer: viewer('u1'),
      events: [exposure(arm, position)],
    });
    const send = (headers: Record<string, string>, path = 'analytics.track') =>
      fetch(`${url}/trpc/${path}`, { method: 'POST', body, headers });
    const beacon = { 'content-type': 'text/plain;charset=UTF-8', origin: 'https://app.example.com' };
    const answer = await send(beacon);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('access-control-allow-origin')).toBe('https://app.example.com');
    expect(await answer.json()).toMatchObject({ result: { data: { recorded: 1 } } });
    // With a token in the address, since a beacon has no headers.
    const params = encodeURIComponent(
      JSON.stringify({ contract: '1', token: await tokenFor({ [CAMPAIGN]: 'viewer' }) }),
    );
    expect((await send(beacon, `analytics.track?connectionParams=${params}`)).status).toBe(200);
    expect((await send({ ...beacon, origin: 'https://evil.example.com' })).status).toBe(403);
    expect((await send(beacon, 'campaign.update')).status).toBe(415);
    expect((await results(admin)).arms.reduce((sum, { units }) => sum + units, 0)).toBe(1);
  });

  test('E23 live results come with what changes, once a second at most, and end with the right to them', async () => {
    const { url } = await startGuarded();
    const editor = wsClient(url, { token: await tokenFor({ '*': 'editor' }) });
    const position = await withRule(editor);
    const seen: { at: number; units: number }[] = [];
    const subscription = editor.analytics.live.subscribe(
      { campaignId: CAMPAIGN, rule: 'price' },
      {
        onData: ({ arms }) =>
          seen.push({ at: performance.now(), units: arms.reduce((sum, { units }) => sum + units, 0) }),
      },
    );
    cleanUp(() => subscription.unsubscribe());
    await until(() => seen.length === 1);
    for (let index = 0; index < 30; index += 1) {
      const userId = `u${index}`;
      const events = [exposure(await armOf(editor, userId), position)];
      await editor.analytics.track.mutate({ campaignId: CAMPAIGN, batchId: userId, viewer: viewer(userId), events });
    }
    await until(() => seen.at(-1)?.units === 30);
    for (const [index, { at }] of seen.entries())
      if (index > 0) expect(at - (seen[index - 1]?.at ?? 0)).toBeGreaterThan(900);
    const watcher = wsClient(url, { token: await tokenFor({ '*': 'viewer' }) });
    const refused = new Promise((resolve) => {
      watcher.analytics.live.subscribe({ campaignId: CAMPAIGN, rule: 'price' }, { onData: resolve, onError: resolve });
    });
    expect(await refused).toMatchObject({ data: { reason: 'FORBIDDEN' } });
  });

  test('E24 the timeline shows what was seen and done at which version, and reach how many have painted one', async () => {
    const { url } = await startServer();
    const client = wsClient(url);
    const position = await withRule(client);
    const at = Date.now();
    const arm = await armOf(client, 'u1');
    await client.analytics.track.mutate({
      campaignId: CAMPAIGN,
      batchId: 'b1',
      viewer: viewer('u1'),
      events: [exposure(arm, position, { at }), { kind: 'goal', name: 'lead', position, at }],
    });
    const paint = (page: string, delayMs: number) =>
      ({ kind: 'paint', position, at, page, delayMs, share: 0.25 }) as const;
    await client.analytics.track.mutate({
      campaignId: CAMPAIGN,
      batchId: 'b2',
      events: [paint('page-one', 20), paint('page-two', 180)],
    });
    const range = { campaignId: CAMPAIGN, from: at - 120_000, to: at + 120_000 };
    const minute = at - (at % 60_000);
    expect(await client.analytics.timeline.query(range)).toEqual([
      { minute, position, kind: 'exposure', name: 'price', count: 1 },
      { minute, position, kind: 'goal', name: 'lead', count: 1 },
    ]);
    expect(await client.analytics.reach.query({ campaignId: CAMPAIGN, version: position })).toEqual({
      position,
      connected: 0,
      painted: 8,
      reports: 2,
      p50: 20,
      p99: 180,
    });
    const ahead = refusal(client.analytics.reach.query({ campaignId: CAMPAIGN, version: 999 }));
    expect(await ahead).toMatchObject({ reason: 'NOT_FOUND' });
  });

  test('E25 somebody is forgotten by the attribute that was hashed, and a campaign as a whole', async () => {
    const archive = createMemoryArchive();
    const { url } = await startServer({ archive });
    const client = wsClient(url);
    const position = await withRule(client);
    for (const userId of ['ada@example.com', 'u2']) {
      const events = [exposure(await armOf(client, userId), position), goal('lead', position)];
      await client.analytics.track.mutate({
        campaignId: CAMPAIGN,
        batchId: userId.slice(0, 2),
        viewer: viewer(userId),
        events,
      });
    }
    const units = async (): Promise<number> => (await results(client)).arms.reduce((sum, arm) => sum + arm.units, 0);
    expect(await units()).toBe(2);
    const unit = { attribute: 'userId', value: 'ada@example.com' };
    await client.analytics.forget.mutate({ campaignId: CAMPAIGN, unit });
    expect(await units()).toBe(1);
    await client.analytics.forget.mutate({ campaignId: CAMPAIGN });
    expect(await units()).toBe(0);
  });

  test('E26 batches have limits, times must be of these days, and clocks that are far off are put right', async () => {
    const { url } = await startServer({ eventLimit: 600 });
    const client = wsClient(url);
    const position = await withRule(client);
    const send = (events: AnalyticsEvent[], given: { sentAt?: number } = {}) =>
      client.analytics.track.mutate({ campaignId: CAMPAIGN, batchId: 'b', events, ...given });
    const lead = goal('lead', position);
    expect(await refusal(send(Array.from({ length: 501 }, () => lead)))).toMatchObject({
      reason: 'TOO_LARGE',
      limit: 500,
    });
    const day = 24 * 60 * 60_000;
    expect(await refusal(send([{ ...lead, at: Date.now() - 8 * day }]))).toMatchObject({ reason: 'TOO_OLD' });
    expect(await refusal(send([{ ...lead, at: Date.now() + day }]))).toMatchObject({ reason: 'INVALID' });
    expect(await refusal(send([{ ...lead, value: 2e9 }]))).toMatchObject({ reason: 'TOO_LARGE' });
    const many = Array.from({ length: 17 }, (_, index) => goal('lead', `other:${index + 1}`));
    expect(await refusal(send(many))).toMatchObject({ reason: 'TOO_LARGE', limit: 16 });
    const ahead = Date.now() + 400 * day;
    expect(await send([{ ...lead, at: ahead - 1_000 }], { sentAt: ahead })).toEqual({ recorded: 1 });
    const range = { campaignId: CAMPAIGN, from: Date.now() - 120_000, to: Date.now() + 60_000 };
    expect(await client.analytics.timeline.query(range)).toMatchObject([{ kind: 'goal', name: 'lead', count: 1 }]);
    const flood = Array.from({ length: 4 }, () => refusal(send(Array.from({ length: 400 }, () => lead))));
    const flooded = await Promise.allSettled(flood);
    expect(flooded.some((one) => one.status === 'fulfilled' && one.value.reason === 'RATE_LIMITED')).toBe(true);
  });

  test('E27 beyond the backlog events are OVERLOADED, and changes of the campaign wait for none of them', async () => {
    const archive = createMemoryArchive();
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const slow = {
      ...archive,
      recordEvents: async (rows: Parameters<typeof archive.recordEvents>[0]) => {
        await gate;
        return archive.recordEvents(rows);
      },
    };
    const { url } = await startServer({ archive: slow, analyticsBacklog: 10 });
    const client = wsClient(url);
    const position = await withRule(client);
    const send = (batchId: string) =>
      client.analytics.track.mutate({
        campaignId: CAMPAIGN,
        batchId,
        events: Array.from({ length: 6 }, () => goal('lead', position)),
      });
    const first = send('b1');
    const second = refusal(send('b2'));
    expect(await second).toMatchObject({ reason: 'OVERLOADED', limit: 10 });
    const update = { campaignId: CAMPAIGN, updates: { title: 'Now' }, durability: 'durable' as const };
    expect(await client.campaign.update.mutate(update)).toMatchObject({ durability: 'durable' });
    open();
    expect(await first).toEqual({ recorded: 6 });
    expect(await send('b2')).toEqual({ recorded: 6 });
  });

  test('E35 while the database fails, what is asked of it says so, and can be asked again', async () => {
    const archive = createMemoryArchive();
    let fails = false;
    const failing =
      <A extends unknown[], T>(call: (...args: A) => Promise<T>) =>
      (...args: A): Promise<T> =>
        fails ? Promise.reject(new Error('Connection terminated unexpectedly')) : call(...args);
    const store = {
      ...archive,
      recordEvents: failing(archive.recordEvents),
      campaignSalt: failing(archive.campaignSalt),
      countUnits: failing(archive.countUnits),
      forgetUnits: failing(archive.forgetUnits),
    };
    const { url } = await startServer({ archive: store });
    const client = wsClient(url);
    const position = await withRule(client);
    const track = (batchId: string) =>
      client.analytics.track.mutate({ campaignId: CAMPAIGN, batchId, events: [goal('lead', position)] });
    const unit = { attribute: 'userId', value: 'u1' };
    fails = true;
    for (const call of [
      () => track('b1'),
      () => results(client),
      () => client.analytics.forget.mutate({ campaignId: CAMPAIGN, unit }),
    ])
      expect(await refusal(call())).toMatchObject({ reason: 'UNAVAILABLE', retryable: true });
    fails = false;
    expect(await track('b1')).toEqual({ recorded: 1 });
    fails = true;
    expect(await refusal(track('b2'))).toMatchObject({ reason: 'UNAVAILABLE', retryable: true });
  });

  test('E28 the example of docs/analytics.md does what it says', async () => {
    const { url } = await startGuarded();
    const results = await measure(wsClient(url, { token: await tokenFor({ '*': 'editor' }) }), CAMPAIGN);
    expect(results).toMatchObject({ control: 'now', unverified: { units: 0 } });
    expect(results.arms.reduce((sum, { units }) => sum + units, 0)).toBe(1);
    const sums = Object.entries(results.metrics).map(([name, { arms }]) => [
      name,
      arms.reduce((sum, arm) => sum + arm.sum, 0),
    ]);
    expect(sums).toEqual([
      ['leads', 1],
      ['revenue', 19.9],
      ['errors', 0],
    ]);
    const [page, source] = await Promise.all(
      ['../../../docs/analytics.md', '../../analytics/example.ts'].map((file) =>
        readFile(join(import.meta.dirname, file), 'utf8'),
      ),
    );
    expect(page).toContain(source?.slice(source.indexOf('/** Tests')).trimEnd());
  });
});
