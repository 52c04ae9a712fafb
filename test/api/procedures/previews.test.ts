import { afterEach, describe, expect, test, vi } from 'vitest';
import { createMemoryArchive, createMemoryStore } from '../../../server/archive/memory-archive.ts';
import type { Context } from '../../../server/api/connection/context.ts';
import { reportOf, type Call } from '../../../server/api/procedures/run-call.ts';
import { openPage } from '../../relay/support/people.ts';
import { startRelay } from '../../relay/support/relay.ts';
import { errorDataOf, httpClient, refusal, watch, wsClient, type Client, type Watching } from '../support/clients.ts';
import { CAMPAIGN, startGuarded, tokenFor, until } from '../support/server.ts';
import { openEvents } from '../support/sse.ts';

const LINK = { campaignId: CAMPAIGN, name: 'the board', lifetimeMs: 60_000 };
const OTHER = 'secret';

async function admin(url: string) {
  return wsClient(url, { token: await tokenFor({ '*': 'admin' }) });
}

/** Whoever has the link, with the campaign open. */
async function viewing(url: string, key: string): Promise<{ client: Client; watching: Watching }> {
  const client = wsClient(url, { token: key });
  const watching = watch(client, { campaignId: CAMPAIGN });
  await until(() => watching.events.length > 0);
  return { client, watching };
}

async function endOf(watching: Watching) {
  await until(() => watching.error !== undefined);
  return errorDataOf(watching.error);
}

afterEach(() => void vi.useRealTimers());

describe('N5 links to previews', () => {
  test('N5 an editor makes one; its editors see it without its secret', async () => {
    const { url } = await startGuarded();
    const editor = wsClient(url, { token: await tokenFor({ [CAMPAIGN]: 'editor' }, { sub: 'grace' }) });
    const before = Date.now();
    const { key, ...shown } = await editor.preview.create.mutate(LINK);
    expect(shown).toMatchObject({ name: 'the board', previewOf: CAMPAIGN, createdBy: 'grace' });
    expect(shown.expiresAt).toBeGreaterThanOrEqual(before + LINK.lifetimeMs);
    await httpClient(url, key).campaign.get.query({ campaignId: CAMPAIGN });
    for (const call of [
      () => httpClient(url, key).preview.create.mutate(LINK),
      () => editor.preview.create.mutate({ ...LINK, campaignId: OTHER }),
      () => editor.preview.list.query({ campaignId: OTHER }),
    ])
      expect(await refusal(call())).toMatchObject({ reason: 'FORBIDDEN' });
    expect(await editor.preview.list.query({ campaignId: CAMPAIGN })).toMatchObject([
      { ...shown, lastUsedAt: expect.any(Number) },
    ]);
  });

  test('N5 its key reads that campaign alone, as it is, also a draft: by no way its past, its results, or another one', async () => {
    const { url } = await startGuarded();
    const root = await admin(url);
    const { key } = await root.preview.create.mutate({ ...LINK, campaignId: OTHER });
    await root.campaign.update.mutate({ campaignId: OTHER, updates: { title: 'Next' } });
    const event = { kind: 'goal', name: 'lead', position: 'x:1', at: Date.now() } as const;
    for (const previewer of [httpClient(url, key), wsClient(url, { token: key })]) {
      expect(await previewer.campaign.get.query({ campaignId: OTHER })).toMatchObject({ state: { title: 'Next' } });
      expect((await previewer.campaign.list.query()).items).toMatchObject([{ campaignId: OTHER }]);
      for (const campaignId of [OTHER, CAMPAIGN])
        for (const call of [
          () => previewer.campaign.history.query({ campaignId }),
          () => previewer.campaign.at.query({ campaignId, version: 1 }),
          () => previewer.campaign.diff.query({ campaignId, from: 1, to: 1 }),
          () => previewer.campaign.update.mutate({ campaignId, updates: { title: 'x' } }),
          () => previewer.analytics.results.query({ campaignId, rule: 'any' }),
          () => previewer.analytics.reach.query({ campaignId, version: 1 }),
          () => previewer.analytics.track.mutate({ campaignId, batchId: 'one', events: [event] }),
          () => previewer.presence.set.mutate({ campaignId }),
        ])
          expect(await refusal(call())).toMatchObject({ reason: 'FORBIDDEN' });
      expect(await refusal(previewer.campaign.get.query({ campaignId: CAMPAIGN }))).toMatchObject({
        reason: 'FORBIDDEN',
      });
    }
    const previewer = wsClient(url, { token: key });
    const lists: unknown[] = [];
    const listed = previewer.campaign.watchList.subscribe({}, { onData: (page) => lists.push(page) });
    await until(() => lists.length === 1);
    listed.unsubscribe();
    expect(lists).toMatchObject([{ campaigns: [{ campaignId: OTHER }] }]);
    const errors: unknown[] = [];
    const onError = (error: unknown): void => void errors.push(error);
    previewer.campaign.watch.subscribe({ campaignId: CAMPAIGN }, { onError });
    previewer.presence.watch.subscribe({ campaignId: CAMPAIGN }, { onError });
    previewer.analytics.live.subscribe({ campaignId: OTHER, rule: 'any' }, { onError });
    await until(() => errors.length === 3);
    for (const error of errors) expect(errorDataOf(error)).toMatchObject({ reason: 'FORBIDDEN' });
  });

  test('N5 it ends when an editor revokes it, on an open page too', async () => {
    const { url } = await startGuarded();
    const { access, preview } = await admin(url);
    const { id, key } = await preview.create.mutate(LINK);
    const { watching } = await viewing(url, key);
    expect(await preview.revoke.mutate({ campaignId: CAMPAIGN, id })).toEqual({ id, revoked: true });
    expect(await endOf(watching)).toMatchObject({ reason: 'UNAUTHORIZED' });
    expect(await preview.list.query({ campaignId: CAMPAIGN })).toEqual([]);
    // An answer that was lost is asked for again.
    expect(await preview.revoke.mutate({ campaignId: CAMPAIGN, id })).toEqual({ id, revoked: true });
    // Keys of services are nobody's links, and another campaign's links are not this one's.
    const service = await access.create.mutate({ name: 'importer', campaigns: { [CAMPAIGN]: 'viewer' } });
    for (const [campaignId, unknown] of [
      [CAMPAIGN, service.id],
      [OTHER, id],
    ] as const)
      expect(await refusal(preview.revoke.mutate({ campaignId, id: unknown }))).toMatchObject({ reason: 'NOT_FOUND' });
  });

  test('N5 it ends at its time, with the streams that are open: over ws and over SSE', async () => {
    const { url } = await startGuarded();
    const { preview } = await admin(url);
    // Time enough for a slow machine to see it work before.
    const { key, expiresAt = 0 } = await preview.create.mutate({ ...LINK, lifetimeMs: 5_000 });
    const { watching } = await viewing(url, key);
    const query = encodeURIComponent(JSON.stringify({ campaignId: CAMPAIGN }));
    const events = openEvents(`${url}/trpc/campaign.watch?input=${query}`, { authorization: `Bearer ${key}` });
    const told: string[] = [];
    for await (const { event, data } of events) {
      told.push(data);
      if (event === 'serialized-error') break;
    }
    expect(told.some((data) => data.includes('"snapshot"'))).toBe(true);
    expect(told.at(-1)).toContain('UNAUTHORIZED');
    expect(await endOf(watching)).toMatchObject({ reason: 'UNAUTHORIZED' });
    expect(Date.now()).toBeGreaterThanOrEqual(expiresAt);
    expect(await refusal(httpClient(url, key).campaign.get.query({ campaignId: CAMPAIGN }))).toMatchObject({
      message: expect.stringContaining('expired'),
    });
    expect(await preview.list.query({ campaignId: CAMPAIGN })).toEqual([]);
  });

  test('N5 what is reported of a call, for log and audit, has no secret with it', () => {
    const ctx = { connection: { actor: () => 'grace', origin: () => ({}) } } as unknown as Context;
    const made = { id: 'made', expiresAt: 6, key: 'csk_made_secret' };
    const call = { path: 'preview.create', correlationId: 'c', startedAt: 0, key: made } as unknown as Call;
    const report = reportOf(ctx, call, 'mutation', CAMPAIGN, undefined);
    expect(report.key).toEqual({ id: 'made', expiresAt: 6 });
    expect(JSON.stringify(report)).not.toContain('secret');
  });

  test('N5 the audit says who has made and revoked which, and when it ends; of keys of services too', async () => {
    const { url } = await startGuarded();
    const root = await admin(url);
    const link = await root.preview.create.mutate(LINK);
    await root.preview.revoke.mutate({ campaignId: CAMPAIGN, id: link.id });
    const http = httpClient(url, await tokenFor({ '*': 'admin' }));
    const service = await http.access.create.mutate({ name: 'importer', campaigns: { '*': 'viewer' } });
    await http.access.revoke.mutate({ id: service.id });
    const events = async () => (await root.audit.events.query({})).items.filter(({ kind }) => kind === 'access');
    await until(async () => (await events()).length === 4);
    expect((await events()).map(({ path, actor, key, expiresAt }) => [path, actor, key, expiresAt])).toEqual([
      ['access.revoke', 'ada', service.id, undefined],
      ['access.create', 'ada', service.id, undefined],
      ['preview.revoke', 'ada', link.id, undefined],
      ['preview.create', 'ada', link.id, link.expiresAt],
    ]);
  });
});

describe('N6 the number of links', () => {
  test('N6 bad input names its field, and a campaign has at most 100 at once, also of those that are made side by side', async () => {
    const store = createMemoryStore();
    const { url } = await startGuarded({ archive: createMemoryArchive({ store }), callLimit: 0 });
    const { preview } = await admin(url);
    for (const [input, path] of [
      [{ ...LINK, name: '' }, ['name']],
      [{ ...LINK, lifetimeMs: 31 * 24 * 60 * 60_000 }, ['lifetimeMs']],
      [{ ...LINK, lifetimeMs: 999 }, ['lifetimeMs']],
    ] as const)
      expect(await refusal(preview.create.mutate(input))).toMatchObject({ path });
    const nobodys = preview.create.mutate({ ...LINK, campaignId: 'nobodys' });
    expect(await refusal(nobodys)).toMatchObject({ reason: 'NOT_FOUND' });
    for (let made = 0; made < 95; made += 1) await preview.create.mutate(LINK);
    const sideBySide = await Promise.allSettled(Array.from({ length: 10 }, () => preview.create.mutate(LINK)));
    expect(sideBySide.filter(({ status }) => status === 'fulfilled')).toHaveLength(5);
    expect(await refusal(preview.create.mutate(LINK))).toMatchObject({ reason: 'TOO_LARGE', limit: 100 });
    expect(await preview.create.mutate({ ...LINK, campaignId: OTHER })).toHaveProperty('key');
    // One that is revoked makes place, and is forgotten.
    const [first] = await preview.list.query({ campaignId: CAMPAIGN });
    await preview.revoke.mutate({ campaignId: CAMPAIGN, id: first?.id ?? '' });
    await preview.create.mutate(LINK);
    expect((await store.accessKeys.listKeys()).filter(({ previewOf }) => previewOf === CAMPAIGN)).toHaveLength(100);
  });

  test('N6 a link is paid for as a query of the history is', async () => {
    const { url } = await startGuarded({ callLimit: 4 });
    const { preview } = await admin(url);
    const begun = performance.now();
    for (let made = 0; made < 3; made += 1) await preview.create.mutate(LINK);
    // Two seconds' worth may be done ahead.
    expect(performance.now() - begun).toBeGreaterThan(1_000);
  });

  test('N6 uses of links are counted under one label', async () => {
    const { url } = await startGuarded();
    const { preview } = await admin(url);
    for (let made = 0; made < 3; made += 1) {
      const { key } = await preview.create.mutate(LINK);
      await httpClient(url, key).campaign.get.query({ campaignId: CAMPAIGN });
    }
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics.match(/^campaign_state_access_key_uses_total\{.*$/gm)).toEqual([
      'campaign_state_access_key_uses_total{key="preview"} 3',
    ]);
  });
});

describe('N7 the end of a link, wherever it is open', () => {
  /** Two instances on one archive, a relay before each, and the key of a link that is open at all of them. */
  async function openEverywhere() {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const store = createMemoryStore();
    const start = () => startGuarded({ archive: createMemoryArchive({ store, soleUser: false }) });
    const [one, two] = [await start(), await start()];
    const [before, behind] = [await startRelay(one), await startRelay(two)];
    const root = await admin(one.url);
    const link = await root.preview.create.mutate(LINK);
    const open = async ({ url }: { url: string }) => viewing(url, link.key);
    return {
      root,
      link,
      urls: [one.url, two.url, before.url, behind.url],
      here: await open(one),
      there: [await open(two), await open(before), await open(behind)],
    };
  }

  test('N7 a revocation comes to other instances and to relays within ten seconds', async () => {
    const { root, link, urls, here, there } = await openEverywhere();
    await root.preview.revoke.mutate({ campaignId: CAMPAIGN, id: link.id });
    expect(await endOf(here.watching)).toMatchObject({ reason: 'UNAUTHORIZED' });
    expect(there.map(({ watching }) => watching.error)).toEqual([undefined, undefined, undefined]);
    // What is behind another instance hears of it in two steps.
    await vi.advanceTimersByTimeAsync(10_000);
    await vi.advanceTimersByTimeAsync(10_000);
    for (const { watching } of there) expect(await endOf(watching)).toMatchObject({ reason: 'UNAUTHORIZED' });
    for (const url of urls)
      expect(await refusal(wsClient(url, { token: link.key }).campaign.get.query(LINK))).toMatchObject({
        reason: 'UNAUTHORIZED',
      });
  });

  test('N7 revoked through a relay, it ends there at once', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const origin = await startGuarded();
    const relay = await startRelay(origin);
    const { preview } = await admin(relay.url);
    const { id, key } = await preview.create.mutate(LINK);
    const { watching } = await viewing(relay.url, key);
    await preview.revoke.mutate({ campaignId: CAMPAIGN, id });
    expect(await endOf(watching)).toMatchObject({ reason: 'UNAUTHORIZED' });
  });

  test('N7 a link goes with its campaign, and opens no other one of its id', async () => {
    // Nobody looks at all keys meanwhile.
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const { url } = await startGuarded();
    const relay = await startRelay({ url });
    const root = await admin(url);
    const { key } = await root.preview.create.mutate(LINK);
    const { client } = await viewing(url, key);
    const { client: behind } = await viewing(relay.url, key);
    await (await admin(relay.url)).campaign.delete.mutate({ campaignId: CAMPAIGN, now: true });
    const state = { slug: CAMPAIGN, title: 'Of others', status: 'draft' } as const;
    await root.campaign.create.mutate({ campaignId: CAMPAIGN, state });
    for (const who of [client, behind, httpClient(url, key), httpClient(relay.url, key)])
      expect(await refusal(who.campaign.get.query({ campaignId: CAMPAIGN }))).toMatchObject({ reason: 'UNAUTHORIZED' });
    expect(await root.preview.list.query({ campaignId: CAMPAIGN })).toEqual([]);
  });

  test('N7 it was opened when somebody opened it: a relay that asks for it again does not count', async () => {
    const origin = await startGuarded();
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const relay = await startRelay(origin);
    const { preview } = await admin(origin.url);
    const { key } = await preview.create.mutate(LINK);
    await viewing(relay.url, key);
    const opened = async () => (await preview.list.query({ campaignId: CAMPAIGN }))[0]?.lastUsedAt;
    const uses = async () => /key="preview"\} \d+/.exec(await (await fetch(`${origin.url}/metrics`)).text())?.[0];
    const [at, count] = [await opened(), await uses()];
    expect(at).toBeTypeOf('number');
    await until(() => Date.now() > (at ?? 0) + 20);
    await vi.advanceTimersByTimeAsync(10_000);
    await vi.advanceTimersByTimeAsync(10_000);
    expect([await opened(), await uses()]).toEqual([at, count]);
  });
});

describe('N9 previews tell nothing of the team', () => {
  test('N9 of the document what callers without a token see, of changes neither who made them nor why', async () => {
    const { url } = await startGuarded();
    const relay = await startRelay({ url });
    const root = await admin(url);
    const update = (updates: { title?: string; owner_id?: string }) =>
      root.campaign.update.mutate({ campaignId: CAMPAIGN, updates, comment: 'between us' });
    await update({ owner_id: 'grace' });
    const { key } = await root.preview.create.mutate(LINK);
    for (const [index, at] of [url, relay.url].entries()) {
      const { client, watching } = await viewing(at, key);
      const title = `Change ${index}`;
      await update({ title });
      await until(() => JSON.stringify(watching.events).includes(title));
      const told = JSON.stringify([
        watching.events,
        await client.campaign.get.query({ campaignId: CAMPAIGN }),
        await client.campaign.list.query(),
        await client.campaign.list.query({ owner: 'grace' }).catch(() => 'refused'),
      ]);
      expect(told).not.toMatch(/grace|owner_id|between us|actor|mutationId/);
    }
    // A viewer of the team is told.
    const viewer = await viewing(url, await tokenFor({ [CAMPAIGN]: 'viewer' }));
    await update({ title: 'For the team' });
    await until(() => JSON.stringify(viewer.watching.events).includes('between us'));
  });
});

describe('N8 previews are counted nowhere', () => {
  test('N8 not among those who watch, here or behind a relay; who is somebody else from now on is', async () => {
    const origin = await startGuarded();
    const relay = await startRelay(origin);
    const root = await admin(origin.url);
    const { key } = await root.preview.create.mutate(LINK);
    const viewer = await tokenFor({ '*': 'viewer' }, { sub: 'vera' });
    const counts = async (viewers: number): Promise<void> => {
      await until(() => editor.counts().viewers === viewers);
      const { connected } = await root.analytics.reach.query({ campaignId: CAMPAIGN, version: 1 });
      expect(connected).toBe(viewers);
      expect(listed.viewers).toBe(viewers);
    };
    const listed: { viewers?: number | undefined } = {};
    root.campaign.watchList.subscribe(
      { campaignIds: [CAMPAIGN] },
      {
        onData(event) {
          const [row] = event.type === 'page' ? event.campaigns : event.changed;
          if (row) listed.viewers = row.viewers;
        },
      },
    );
    const editor = await openPage(origin, 'eve');
    const [here, there] = [await viewing(origin.url, key), await viewing(relay.url, key)];
    const events = openEvents(
      `${origin.url}/trpc/campaign.watch?input=${encodeURIComponent(JSON.stringify({ campaignId: CAMPAIGN }))}`,
      { authorization: `Bearer ${key}` },
    );
    await events.next();
    // The positive: those who come after them are counted, and with them those before would be.
    const vera = await openPage(origin, 'vera', { role: 'viewer' });
    const veraBehind = await openPage(relay, 'vera', { role: 'viewer' });
    await until(() => listed.viewers === 3);
    await counts(3);
    await here.client.session.authenticate.mutate({ token: viewer });
    await until(() => listed.viewers === 4);
    await here.client.session.authenticate.mutate({ token: key });
    await until(() => listed.viewers === 3);
    await counts(3);
    // Its own: of the editor, a viewer, the relay and two previews.
    expect(origin.service.stats().subscribers).toBe(5);
    here.watching.stop();
    await events.return(undefined);
    await until(() => origin.service.stats().subscribers === 3);
    await counts(3);
    there.watching.stop();
    for (const page of [vera, veraBehind]) page.close();
    await until(() => listed.viewers === 1);
    await counts(1);
  });
});
