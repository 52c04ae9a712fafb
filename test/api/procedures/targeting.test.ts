import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SignJWT } from 'jose';
import { describe, expect, test } from 'vitest';
import type { RuleInput } from '../../../server/core/document/targeting-fields.ts';
import type { JsonObject } from '../../../server/core/json.ts';
import { httpClient, rawSocket, refusal, watch, wsClient, type Client, type Message } from '../support/clients.ts';
import { CAMPAIGN, cleanUp, SECRET, startGuarded, tokenFor, until } from '../support/server.ts';
import { openEvents } from '../support/sse.ts';
import { launch } from '../../targeting/example.ts';

/** Stands in everything that no viewer may be sent. */
const MARKER = 'm4rk3r';

const rule = (
  key: string,
  given: Partial<RuleInput> = {},
): { campaignId: string; key: string; rule: RuleInput; comment: string } => ({
  campaignId: CAMPAIGN,
  key,
  comment: `${MARKER} comment`,
  rule: {
    order: 1,
    description: `${MARKER} description`,
    status: 'running',
    unit: 'id',
    coverage: 1,
    metrics: { [`${MARKER}_metric`]: { goal: MARKER, type: 'conversion', better: 'up', role: 'goal' } },
    arms: { only: { weight: 1, change: { merge: { description: 'for NG' } } } },
    when: { country: 'NG', [`${MARKER}_attribute`]: { $ne: `${MARKER} value` } },
    ...given,
  },
});

async function tokenWith(attributes: JsonObject): Promise<string> {
  return new SignJWT({ campaigns: { '*': 'viewer' }, attributes })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject('vera')
    .setExpirationTime(Math.floor(Date.now() / 1_000) + 600)
    .sign(new TextEncoder().encode(SECRET));
}

async function editorOf(url: string): Promise<Client> {
  return wsClient(url, { token: await tokenFor({ '*': 'editor' }, { sub: 'ed' }) });
}

const NG = { attributes: { country: 'NG' } };
const DE = { attributes: { country: 'DE' } };

describe('targeting', () => {
  test('T60 G11 nothing that a viewer is ever sent, over ws, http and SSE, holds a rule, a segment or another arm', async () => {
    const { url } = await startGuarded({ publicRead: true });
    const editor = await editorOf(url);
    const token = await tokenFor({ '*': 'viewer' }, { sub: 'vera' });
    const bytes: string[] = [];

    // A socket whose every message is kept, with streams of a viewer, one as who has no token, and one of the list.
    const raw = await rawSocket(url, { query: '?connectionParams=1' });
    raw.socket.on('message', (data) => Buffer.isBuffer(data) && bytes.push(data.toString()));
    raw.send({ method: 'connectionParams', data: { contract: '1', token } });
    const call = (id: number, method: string, path: string, input: unknown): Promise<Message> => {
      raw.send({ id, jsonrpc: '2.0', method, params: { path, input } });
      return raw.answer(id, ({ result, error }) => error !== undefined || result?.type !== 'started');
    };
    await call(1, 'subscription', 'campaign.watch', { campaignId: CAMPAIGN, viewer: DE, receipts: true });
    await call(2, 'subscription', 'campaign.watchList', {});
    const anonymous = await rawSocket(url);
    anonymous.socket.on('message', (data) => Buffer.isBuffer(data) && bytes.push(data.toString()));
    anonymous.send({
      id: 1,
      jsonrpc: '2.0',
      method: 'subscription',
      params: { path: 'campaign.watch', input: { campaignId: CAMPAIGN } },
    });
    await anonymous.answer(1, ({ result }) => result?.type === 'data');

    const sse = openEvents(
      `${url}/trpc/campaign.watch?input=${encodeURIComponent(JSON.stringify({ campaignId: CAMPAIGN, viewer: DE }))}`,
      { authorization: `Bearer ${token}` },
    );
    const versions: number[] = [];
    const reading = (async () => {
      for await (const { data } of sse) {
        bytes.push(data);
        for (const [, version] of data.matchAll(/"version":(\d+)/g)) versions.push(Number(version));
        if (versions.some((version) => version >= 9)) break;
      }
    })();

    await editor.campaign.updateSegment.mutate({
      campaignId: CAMPAIGN,
      key: `${MARKER}_segment`,
      segment: { description: MARKER, when: { country: 'NG', [MARKER]: { $ne: MARKER } } },
      mutationId: `${MARKER}-1`,
    });
    await editor.campaign.updateGroup.mutate({
      campaignId: CAMPAIGN,
      key: `${MARKER}_group`,
      group: { unit: 'id', description: MARKER },
    });
    await editor.campaign.updateHoldout.mutate({
      campaignId: CAMPAIGN,
      key: `${MARKER}_holdout`,
      holdout: { unit: 'id', share: 0.01, description: MARKER },
    });
    await editor.campaign.updateRule.mutate(
      rule(`${MARKER}_rule`, {
        arms: {
          [`${MARKER}_arm`]: { weight: 1, change: { merge: { title: `${MARKER} title`, theme: { color: MARKER } } } },
        },
      }),
    );
    await editor.campaign.updateRule.mutate(
      rule(`${MARKER}_two`, { when: { $savedGroup: { id: `${MARKER}_segment` } }, group: `${MARKER}_group` }),
    );
    await editor.campaign.update.mutate({ campaignId: CAMPAIGN, updates: { description: 'for all' } });
    await editor.campaign.updateRule.mutate(rule(`${MARKER}_two`, { status: 'paused', group: `${MARKER}_group` }));
    expect(await editor.campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title: 'Nine' } })).toMatchObject({
      version: 9,
    });
    await reading;
    // What each reader was sent goes up to there.
    await until(() => [raw, anonymous].every(({ messages }) => JSON.stringify(messages).includes('"version":9')));

    // Everything that can be asked, also what is refused.
    const http = httpClient(url, token);
    const ask = async (answer: Promise<unknown>): Promise<void> => {
      const outcome: unknown = await answer.catch((error: unknown) => [
        String(error),
        error instanceof Error && 'data' in error ? error.data : undefined,
      ]);
      bytes.push(JSON.stringify(outcome) ?? '');
    };
    const campaignId = CAMPAIGN;
    for (const client of [http, wsClient(url, { token }), httpClient(url)]) {
      const viewer = DE;
      await ask(client.campaign.get.query({ campaignId, viewer }));
      await ask(client.campaign.history.query({ campaignId, viewer }));
      for (const at of [1, 2, 5, 9]) await ask(client.campaign.at.query({ campaignId, version: at, viewer }));
      await ask(client.campaign.diff.query({ campaignId, from: 0, to: 9, viewer }));
      await ask(client.campaign.diff.query({ campaignId, from: 2, to: 7, viewer }));
      await ask(client.campaign.list.query());
      await ask(client.campaign.explain.query({ campaignId, viewer: NG }));
      await ask(client.campaign.at.query({ campaignId, version: 99 }));
      await ask(client.campaign.rollback.mutate({ campaignId, toVersion: 1, dryRun: true }));
      await ask(client.campaign.update.mutate({ campaignId, updates: { rules: null }, dryRun: true }));
      await ask(client.campaign.shipRule.mutate({ campaignId, key: 'none', winner: 'none' }));
      await ask(client.session.info.query({ campaignId }));
    }
    raw.send({ id: 1, jsonrpc: '2.0', method: 'subscription.stop' });
    await call(9, 'subscription', 'campaign.watch', { campaignId, viewer: DE, lastEventId: 'gone:1' });

    const all = bytes.join('\n');
    expect(all.length).toBeGreaterThan(5_000);
    expect(all).toContain('Nine');
    expect(all).toContain('FORBIDDEN');
    expect(all.indexOf(MARKER), all.slice(Math.max(0, all.indexOf(MARKER) - 200), all.indexOf(MARKER) + 80)).toBe(-1);
    // The same search finds it in what an editor is sent.
    expect(JSON.stringify(await editor.campaign.get.query({ campaignId }))).toContain(MARKER);
  });

  test("T61 a token's attributes take precedence over what its caller says, and are held to the limits", async () => {
    const { url } = await startGuarded();
    const editor = await editorOf(url);
    await editor.campaign.updateRule.mutate(rule('local', { when: { country: 'NG' } }));
    for (const client of [
      httpClient(url, await tokenWith({ country: 'NG' })),
      wsClient(url, { token: await tokenWith({ country: 'NG' }) }),
    ]) {
      const { state, assignments } = await client.campaign.get.query({ campaignId: CAMPAIGN, viewer: DE });
      expect(state).toMatchObject({ description: 'for NG' });
      expect(assignments).toEqual({ local: { arm: 'only', reason: 'TARGETING_MATCH', phase: 1 } });
    }
    const tooLarge = httpClient(url, await tokenWith({ name: 'x'.repeat(600) }));
    expect(await refusal(tooLarge.campaign.get.query({ campaignId: CAMPAIGN }))).toMatchObject({
      reason: 'UNAUTHORIZED',
    });
  });

  test('T62 session.setViewer changes who looks on a live connection: its streams, and its later calls', async () => {
    const { url } = await startGuarded();
    const editor = await editorOf(url);
    await editor.campaign.updateRule.mutate(rule('local', { when: { country: 'NG' } }));
    const client = wsClient(url, { token: await tokenFor({ '*': 'viewer' }) });
    const watching = watch(client, { campaignId: CAMPAIGN, viewer: DE });
    cleanUp(() => watching.stop());
    await until(() => watching.mirror.version === 2);
    expect(await client.session.setViewer.mutate({ viewer: NG })).toEqual({ set: true });
    await until(() => watching.mirror.snapshots.length === 2);
    expect(watching.mirror.snapshots).toEqual(['start', 'view']);
    expect(watching.mirror.content.state).toMatchObject({ description: 'for NG' });
    expect((await client.campaign.get.query({ campaignId: CAMPAIGN })).state).toMatchObject({ description: 'for NG' });
    expect((await client.campaign.get.query({ campaignId: CAMPAIGN, viewer: DE })).state).not.toHaveProperty(
      'description',
    );
    expect(await client.session.setViewer.mutate({ viewer: null })).toEqual({ set: true });
    await until(() => watching.mirror.snapshots.length === 3);
    const http = httpClient(url, await tokenFor({ '*': 'viewer' }));
    expect(await http.session.setViewer.mutate({ viewer: NG })).toEqual({ set: false });
  });

  test.each<[string, JsonObject, { reason: string; path: (string | number)[] }]>([
    [
      'more than 4 KiB',
      Object.fromEntries(Array.from({ length: 20 }, (_none, index) => [`a${index}`, 'x'.repeat(300)])),
      { reason: 'TOO_LARGE', path: ['viewer', 'attributes'] },
    ],
    ['a long text', { name: 'x'.repeat(513) }, { reason: 'TOO_LARGE', path: ['viewer', 'attributes', 'name'] }],
    [
      'long lists',
      { tags: Array.from({ length: 101 }, (_none, index) => index) },
      { reason: 'TOO_LARGE', path: ['viewer', 'attributes'] },
    ],
    [
      'depth',
      { a: { b: { c: { d: { e: {} } } } } },
      { reason: 'TOO_LARGE', path: ['viewer', 'attributes', 'a', 'b', 'c', 'd', 'e'] },
    ],
    ['a forbidden key', { constructor: 1 }, { reason: 'INVALID', path: ['viewer', 'attributes', 'constructor'] }],
  ])('T63 a viewer with %s is refused by its place', async (_what, attributes, expected) => {
    const { url } = await startGuarded();
    const client = wsClient(url, { token: await tokenFor({ '*': 'viewer' }) });
    expect(await refusal(client.campaign.get.query({ campaignId: CAMPAIGN, viewer: { attributes } }))).toMatchObject(
      expected,
    );
    expect(await refusal(client.session.setViewer.mutate({ viewer: { attributes } }))).toMatchObject(expected);
  });

  test('T64 a rule is refused by its place, and what is written is explained', async () => {
    const { url } = await startGuarded();
    const editor = await editorOf(url);
    const { when: _when, ...plain } = rule('local').rule;
    const put = (more: object) =>
      editor.campaign.updateRule.mutate({ campaignId: CAMPAIGN, key: 'local', rule: { ...plain, ...more } });
    expect(await refusal(put({ coverage: 2 }))).toMatchObject({ reason: 'TOO_LARGE', path: ['rule', 'coverage'] });
    expect(await refusal(put({ unit: undefined }))).toMatchObject({ reason: 'INVALID', path: ['rule', 'unit'] });
    expect(await refusal(put({ when: { country: null } }))).toMatchObject({
      reason: 'INVALID',
      path: ['rule', 'when', 'country'],
    });
    expect(await refusal(put({ when: { country: { $regex: '(?=a)' } } }))).toMatchObject({
      path: ['rules', 'local', 'when', 'country', '$regex'],
    });
    await put({ when: { country: 'NG' }, coverage: 0.5 });
    const { rules, assignments } = await editor.campaign.explain.query({
      campaignId: CAMPAIGN,
      viewer: { attributes: { id: 'u1', country: 'NG' } },
    });
    expect(rules).toMatchObject([{ rule: 'local', status: 'running', matches: true, unit: 'id' }]);
    expect(Object.keys(assignments)).toEqual(rules[0]?.reason === 'SPLIT' ? ['local'] : []);
    const dryRun = await editor.campaign.shipRule.mutate({
      campaignId: CAMPAIGN,
      key: 'local',
      winner: 'only',
      dryRun: true,
    });
    expect(dryRun).toMatchObject({
      change: { description: 'for NG', rules: { local: { status: 'ended', winner: 'only' } } },
    });
  });

  test('T65 the example of docs/targeting.md does what it says', async () => {
    const { url } = await startGuarded();
    const { rules, state } = await launch(await editorOf(url), CAMPAIGN);
    expect(rules.map(({ rule: key, reason }) => [key, reason])).toEqual([
      ['greeting', 'NO_MATCH'],
      ['price', expect.stringMatching(/^(SPLIT|NOT_COVERED)$/)],
    ]);
    const price: unknown = state['commerce'];
    expect(price).toEqual(rules[1]?.arm === 'lower' ? { price: 9 } : undefined);
    const [page, source] = await Promise.all(
      ['../../../docs/targeting.md', '../../targeting/example.ts'].map((file) =>
        readFile(join(import.meta.dirname, file), 'utf8'),
      ),
    );
    expect(page).toContain(source?.slice(source.indexOf('/** Greets')).trimEnd());
  });
});
