// @vitest-environment jsdom
import { TextEncoder } from 'node:util';
import { act, cleanup } from '@testing-library/react';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import {
  createCampaignClient,
  prefetchCampaign,
  type CampaignClient,
  type CampaignClientOptions,
  type KeyValueStorage,
} from '../../../client-sdk/src/index.ts';
import { shallowEqual } from '../../../client-sdk/src/react/index.ts';
import { createTestCampaign, type TestCampaignOptions } from '../../../client-sdk/src/testing/index.ts';
import { proxyOf, server, WAIT } from '../support/world.ts';
import { SECRET, token } from '../support/token.ts';
import { BINDINGS, type Mounted } from './harness.tsx';

// The server runs in this realm, and its tokens take Node's own bytes, which jsdom replaces.
vi.stubGlobal('Uint8Array', Object.getPrototypeOf(Buffer));
vi.stubGlobal('TextEncoder', TextEncoder);

const closing: (() => unknown)[] = [];
afterEach(async () => {
  cleanup();
  vi.restoreAllMocks();
  for (const close of closing.splice(0).reverse()) await act(async () => close());
});

/** A campaign in memory, and a page of it. */
function inMemory(options: TestCampaignOptions = {}) {
  const kit = createTestCampaign({ campaignId: 'spring', state: { slug: 's', title: 'Spring' }, ...options });
  closing.push(kit.client.close);
  return { kit, page: { client: kit.client, campaignId: 'spring' }, campaign: kit.client.campaign('spring') };
}

/** With the WebSocket of `ws`: Node's own speaks in Node's events, which jsdom replaces. */
function client(url: string, options: Partial<CampaignClientOptions> = {}): CampaignClient {
  const made = createCampaignClient({ url, WebSocket, ...options });
  closing.push(made.close);
  return made;
}

/** Waits for a condition, while everything that it is waited for is rendered. */
function eventually(check: () => void): Promise<void> {
  return vi.waitFor(async () => {
    await act(async () => undefined);
    check();
  }, WAIT);
}

const shows = <T,>(what: Mounted<T>, expected: unknown) =>
  eventually(() =>
    typeof expected === 'object' && expected !== null
      ? expect(what.latest()).toMatchObject(expected)
      : expect(what.latest()).toBe(expected),
  );

describe.each(BINDINGS)('K270 %s', (_name, binding) => {
  test('E57 the campaign that a binding hands out tells what its viewer did', async () => {
    const { kit, page } = inMemory({ viewer: { attributes: { userId: 'ada' } } });
    const shown = binding.selection(page, ({ position }) => position);
    await eventually(() => expect(shown.latest()).toBeDefined());
    const save = binding.edit(page, (campaign, title: string) => {
      campaign.track('lead', { value: 2 });
      return campaign.update({ title });
    });
    await act(async () => void save.latest().mutate('Summer'));
    expect(await kit.tracked()).toMatchObject([
      { kind: 'goal', name: 'lead', value: 2, viewer: { attributes: { userId: 'ada' } } },
    ]);
  });

  test('K40 a selection is shown when it changes, and at no other time; edits at once', async () => {
    const { kit, page, campaign } = inMemory();
    const title = binding.selection(page, ({ state }) => state.title);
    await shows(title, 'Spring');
    const before = title.seen.length;
    await act(async () => kit.push({ description: 'Not selected' }));
    await eventually(() => expect(campaign.getSnapshot().version).toBe(2));
    expect(title.seen).toHaveLength(before);
    act(() => kit.push({ title: 'Theirs' }));
    await shows(title, 'Theirs');
    act(() => void campaign.update({ title: 'Mine' }));
    expect(title.latest()).toBe('Mine');
  });

  test('K40 fifty changes in one go are folded right, and an equal object of a selection is the same one', async () => {
    const { kit, page } = inMemory({ state: { slug: 's', title: 'S', counter: 0, status: 'draft' } });
    const counter = binding.selection(page, ({ state }) => state['counter']);
    const both = binding.selection(page, ({ state: { slug, status } }) => ({ slug, status }), shallowEqual);
    await shows(both, { slug: 's', status: 'draft' });
    const before = both.seen.length;
    await act(async () => {
      for (let n = 1; n <= 50; n += 1) kit.push({ counter: n });
    });
    await shows(counter, 50);
    expect(both.seen).toHaveLength(before);
    act(() => kit.push({ status: 'active' }));
    await shows(both, { slug: 's', status: 'active' });
  });

  test('K42 the state is an object before there is any, and pending until there is', async () => {
    const { page } = inMemory();
    const snapshot = binding.selection(page, (whole) => whole);
    expect(snapshot.seen[0]).toMatchObject({ status: 'pending', state: {}, version: 0 });
    await shows(snapshot, { status: 'success', state: { title: 'Spring' }, version: 1, error: undefined });
    expect(() => Object.assign(snapshot.latest().state, { title: 'written to' })).toThrow(TypeError);
  });

  test('K2 without an id it is the default campaign', async () => {
    const { url } = await server();
    const id = binding.selection({ client: client(url) }, ({ campaignId }) => campaignId);
    await shows(id, 'spring');
  });

  test('K44 what nothing is subscribed to sends nothing, and shows what is known', async () => {
    const started = await server();
    const page = { client: client(started.url), campaignId: 'spring' };
    const idle = binding.unsubscribed(page, ({ status }) => status);
    expect(idle.latest()).toBe('pending');
    await act(async () => undefined);
    expect(page.client.connection.getSnapshot().status).toBe('connecting');
    expect(started.service.stats().subscribers).toBe(0);
    idle.unmount();
  });

  test('K41 what is unmounted is no longer subscribed to, and shows nothing any more', async () => {
    const started = await server();
    const page = { client: client(started.url, { releaseAfterMs: 10 }), campaignId: 'spring' };
    const mounted = [
      binding.selection(page, ({ state }) => state.title),
      binding.sync(page),
      binding.service(page),
      binding.undo(page),
      binding.conflicts(page),
      binding.feature(page, 'referral'),
      binding.access(page),
    ];
    await eventually(() => expect(started.service.stats().subscribers).toBe(1));
    for (const { unmount } of mounted) unmount();
    const seen = mounted.map((one) => one.seen.length);
    await eventually(() => expect(started.service.stats().subscribers).toBe(0));
    act(() => void page.client.campaign('spring').update({ title: 'Unmounted', features: [] }));
    expect(mounted.map((one) => one.seen.length)).toEqual(seen);
  });

  test('K46 the connection, the features and the state of the service are shown, each on its change only', async () => {
    const { kit, page, campaign } = inMemory({ state: { slug: 's', title: 'S', features: ['polls'] } });
    const connection = binding.connection(page);
    const service = binding.service(page);
    const polls = binding.feature(page, 'polls');
    const leaderboard = binding.feature(page, 'leaderboard', true);
    expect(leaderboard.seen[0]).toBe(true);
    await shows(polls, true);
    await shows(leaderboard, false);
    await shows(service, { status: 'success', pendingCount: 0, connection: { status: 'connected' } });
    const before = [polls.seen.length, connection.seen.length];
    act(() => kit.push({ title: 'Theirs' }));
    await shows(service, { state: { title: 'Theirs' } });
    expect([polls.seen.length, connection.seen.length]).toEqual(before);
    act(() => kit.drop());
    expect(connection.latest().status).toBe('reconnecting');
    act(() => void campaign.updateFeatures(['leaderboard'], 'add'));
    expect(leaderboard.latest()).toBe(true);
    expect(service.latest()).toMatchObject({ pendingCount: 1, connection: { status: 'reconnecting' } });
    act(() => kit.reconnect());
    await shows(service, { pendingCount: 0, connection: { status: 'connected' } });
  });

  test('K5 an edit is shown at once, and a refused one is taken out, with its reason until it is dismissed', async () => {
    const { kit, page, campaign } = inMemory();
    const title = binding.selection(page, ({ state }) => state.title);
    const sync = binding.sync(page);
    await shows(title, 'Spring');
    kit.rejectNext('INVALID', { path: ['title'] });
    act(() => void campaign.update({ title: 'Refused' }));
    expect(title.latest()).toBe('Refused');
    expect(sync.latest()).toMatchObject({ state: 'saving', pendingCount: 1 });
    await shows(sync, { state: 'saved', rejected: [{ error: { reason: 'INVALID', path: ['title'] } }] });
    expect(title.latest()).toBe('Spring');
    act(() => sync.latest().dismiss());
    expect(sync.latest().rejected).toEqual([]);
  });

  test('K49 undo and redo do what they do below', async () => {
    const { kit, page, campaign } = inMemory();
    const title = binding.selection(page, ({ state }) => state.title);
    const undo = binding.undo(page);
    await shows(title, 'Spring');
    expect(undo.latest()).toMatchObject({ canUndo: false, canRedo: false });
    act(() => void campaign.update({ title: 'Summer' }));
    await shows(undo, { canUndo: true, canRedo: false });
    const before = undo.seen.length;
    await act(async () => kit.push({ description: 'Theirs' }));
    await eventually(() => expect(kit.client.campaign('spring').getSnapshot().state.description).toBe('Theirs'));
    expect(undo.seen).toHaveLength(before);
    act(() => undo.latest().undo());
    await shows(title, 'Spring');
    await shows(undo, { canUndo: false, canRedo: true });
    act(() => undo.latest().redo());
    await shows(title, 'Summer');
  });

  test('K49 paced updates are shown at once, sent as one, and sent by whoever is unmounted', async () => {
    const { kit, page } = inMemory();
    const title = binding.selection(page, ({ state }) => state.title);
    const paced = binding.paced(page, { wait: 60_000 });
    await shows(title, 'Spring');
    for (const next of ['S', 'Su', 'Sum']) act(() => void paced.latest().updateCampaign({ title: next }));
    expect(title.latest()).toBe('Sum');
    act(() => paced.latest().flush());
    await eventually(() => expect(kit.history()).toHaveLength(2));
    act(() => void paced.latest().updateCampaign({ title: 'Summer' }));
    act(() => paced.unmount());
    await eventually(() => expect(kit.state().title).toBe('Summer'));
  });

  test('K49 a lost connection is reported once, its return once, and nothing to who has left', async () => {
    const { kit, page } = inMemory();
    const told: string[] = [];
    const listener = binding.lostConnection(page, (event) => told.push(event), 20);
    act(() => kit.drop());
    await eventually(() => expect(told).toEqual(['lost']));
    act(() => kit.reconnect());
    expect(told).toEqual(['lost', 'restored']);
    listener.unmount();
    act(() => kit.drop());
    act(() => kit.reconnect());
    expect(told).toHaveLength(2);
  });

  test('K271 an edit shows what becomes of it: pending, durable, refused, forgotten', async () => {
    const { kit, page } = inMemory({ autoCommit: false });
    const edit = binding.edit(page, (campaign, title: string) => campaign.update({ title }));
    const title = binding.selection(page, ({ state }) => state.title);
    await shows(title, 'Spring');
    const nothing = { isPending: false, isDurable: false, error: undefined };
    expect(edit.latest()).toMatchObject(nothing);
    act(() => void edit.latest().mutate('Summer'));
    expect(edit.latest()).toMatchObject({ isPending: true, isDurable: false });
    await shows(edit, nothing);
    await act(async () => kit.commit());
    await shows(edit, { isDurable: true });
    kit.rejectNext('CONFLICT');
    act(() => void edit.latest().mutate('Refused'));
    await shows(edit, { isPending: false, isDurable: false, error: { reason: 'CONFLICT' } });
    act(() => edit.latest().reset());
    expect(edit.latest()).toMatchObject(nothing);
  });

  test('K223 conflicts are shown and resolved, and what was overwritten is dismissed', async () => {
    const { kit, page, campaign } = inMemory({ onConflict: 'ask' });
    const found = binding.conflicts(page);
    const title = binding.selection(page, ({ state }) => state.title);
    await shows(title, 'Spring');
    act(() => kit.drop());
    act(() => void campaign.update({ title: 'Mine' }));
    act(() => void campaign.update({ description: 'Mine' }, { onConflict: 'mine' }));
    kit.push({ title: 'Theirs', description: 'Theirs' });
    act(() => kit.reconnect());
    await shows(found, {
      conflicts: [{ path: ['title'], theirs: 'Theirs', mine: 'Mine' }],
      overwritten: [{ path: ['description'], theirs: 'Theirs', mine: 'Mine' }],
    });
    expect(title.latest()).toBe('Mine');
    const { conflicts, overwritten, resolve, dismiss } = found.latest();
    act(() => resolve(conflicts[0]?.mutationId ?? '', 'theirs'));
    await shows(title, 'Theirs');
    act(() => dismiss(overwritten[0]?.mutationId));
    expect(found.latest()).toMatchObject({ conflicts: [], overwritten: [] });
  });

  test('K251 while the server is away it says why; K27 what was seen before is shown as stale', async () => {
    const started = await server();
    const wire = await proxyOf(started);
    const storage = memoryStorage();
    const before = client(wire.url, { persist: true, storage });
    const seen = binding.selection({ client: before, campaignId: 'spring' }, ({ state }) => state.title);
    await shows(seen, 'Spring');
    await eventually(() => expect([...storage.kept.values()].join()).toContain('"Spring"'));
    act(() => seen.unmount());
    act(() => before.close());
    wire.sever();
    const page = { client: client(wire.url, { persist: true, storage }), campaignId: 'spring' };
    const stale = binding.selection(page, (whole) => whole);
    await shows(stale, { status: 'success', isStale: true, state: { title: 'Spring' } });
    const unknown = binding.selection({ ...page, campaignId: 'autumn' }, (whole) => whole);
    await shows(unknown, { status: 'pending', failureReason: { reason: 'UNAVAILABLE' } });
    wire.restore();
    await shows(stale, { status: 'success', isStale: false, failureReason: undefined });
    await shows(unknown, { status: 'success', failureCount: 0 });
  });

  test('K252 a campaign that cannot be read is an error, and heals by itself; K253 or when it is asked to', async () => {
    const { url } = await server();
    const page = { client: client(url), campaignId: 'later' };
    const snapshot = binding.selection(page, (whole) => whole);
    await shows(snapshot, { status: 'error', error: { reason: 'NOT_FOUND' } });
    act(() => page.client.campaign('later').retry());
    expect(snapshot.latest()).toMatchObject({ status: 'pending', error: undefined });
    await shows(snapshot, { status: 'error', error: { reason: 'NOT_FOUND' } });
    await client(url).trpc.campaign.create.mutate({ campaignId: 'later', state: { slug: 'later', title: 'Here' } });
    await shows(snapshot, { status: 'success', error: undefined, state: { title: 'Here' } });
  });

  test('K258 what a listener or a selector throws is reported, and stops no other', async () => {
    const reported: unknown[] = [];
    vi.stubGlobal('reportError', (error: unknown) => reported.push(error));
    vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const onError = (event: ErrorEvent) => event.preventDefault();
    window.addEventListener('error', onError);
    closing.push(() => window.removeEventListener('error', onError));
    const { kit, page, campaign } = inMemory();
    closing.push(
      campaign.subscribe(() => {
        throw new Error('a listener');
      }),
    );
    const failing = binding.selection(page, ({ state }) => {
      if (state.title === 'Bad') throw new Error('a selector');
      return state.title;
    });
    const title = binding.selection(page, ({ state }) => state.title);
    await shows(title, 'Spring');
    await shows(failing, 'Spring');
    expect(reported.length).toBeGreaterThan(0);
    try {
      act(() => kit.push({ title: 'Bad' }));
    } catch {
      // React throws what a component threw at whoever renders it, here `act`.
    }
    await shows(title, 'Bad');
    act(() => void campaign.update({ title: 'Good' }));
    expect(title.latest()).toBe('Good');
  });

  test('K259 the end of its client is the error of everything, and stays', async () => {
    const { page } = inMemory();
    const error = binding.selection(page, (snapshot) => snapshot.error?.message);
    const connection = binding.connection(page);
    const campaigns = binding.campaigns(page, {});
    const presence = binding.presence(page);
    await shows(campaigns, { status: 'success' });
    await eventually(() => expect(presence.latest().members).toHaveLength(1));
    act(() => page.client.close());
    expect(error.latest()).toBe('The client has been closed');
    expect(connection.latest().status).toBe('closed');
    await shows(campaigns, { status: 'error', error: { message: 'The client has been closed' } });
    await shows(presence, { members: undefined, error: { message: 'The client has been closed' } });
  });

  test('K28 after a logout nothing of the user is shown; K240 nor by the next user’s client', async () => {
    const { kit, page } = inMemory();
    const snapshot = binding.selection(page, (whole) => whole);
    const history = binding.history(page, 10);
    await shows(snapshot, { state: { title: 'Spring' } });
    await eventually(() => expect(history.latest().entries).toHaveLength(1));
    await act(async () => page.client.forget());
    expect(snapshot.latest()).toMatchObject({ state: {}, status: 'error', version: 0 });
    snapshot.unmount();
    history.unmount();
    const next = kit.connect().client;
    closing.push(next.close);
    const theirs = binding.history({ ...page, client: next }, 10);
    expect(theirs.seen[0]).toMatchObject({ entries: [], status: 'pending' });
    await eventually(() => expect(theirs.latest().entries).toHaveLength(1));
  });

  test('K282 rights are known by field, and follow the token', async () => {
    const { url } = await server({
      auth: { kind: 'secret', secret: SECRET },
      rights: { scripts: { write: 'admin' }, commerce: { read: 'editor' } },
    });
    const page = { client: client(url, { token: await token('viewer') }), campaignId: 'spring' };
    const access = binding.access(page);
    const rights = () => {
      const { role, mayEdit, mayAdminister, mayRead, mayWrite } = access.latest();
      return [role, mayEdit, mayAdminister, mayRead('commerce'), mayWrite('scripts'), mayWrite('title')];
    };
    // Nothing is forbidden before the server has said so.
    expect(rights()).toEqual([undefined, true, true, true, true, true]);
    await eventually(() => expect(rights()).toEqual(['viewer', false, false, false, false, false]));
    await page.client.authenticate(await token('editor'));
    await eventually(() => expect(rights()).toEqual(['editor', true, false, true, false, true]));
    await page.client.authenticate(await token('admin'));
    await eventually(() => expect(rights()).toEqual(['admin', true, true, true, true, true]));
  });

  test('K45 the history is pages and live entries as one list', async () => {
    const { kit, page, campaign } = inMemory();
    for (const title of ['2', '3', '4', '5']) kit.push({ title });
    const history = binding.history(page, 3);
    const versions = () => history.latest().entries.map(({ version }) => version);
    await eventually(() => expect(versions()).toEqual([5, 4, 3]));
    act(() => kit.push({ title: '6' }));
    await eventually(() => expect(versions()).toEqual([6, 5, 4, 3]));
    expect(history.latest()).toMatchObject({ status: 'success', hasNextPage: true });
    act(() => history.latest().fetchNextPage());
    await eventually(() => expect(versions()).toEqual([6, 5, 4, 3, 2, 1]));
    expect(history.latest().hasNextPage).toBe(false);
    // What was lost is no part of it any more, and its versions name other entries then.
    await act(async () => void campaign.update({ title: '7' }));
    await eventually(() => expect(versions()[0]).toBe(7));
  });

  test('K285 the list of campaigns is live, until it is left', async () => {
    const { kit, page } = inMemory();
    const list = binding.campaigns(page, { search: 'spr' });
    const titles = () => list.latest().campaigns.map(({ title }) => title);
    await eventually(() => expect(titles()).toEqual(['Spring']));
    act(() => kit.push({ title: 'Spring is here' }));
    await eventually(() => expect(titles()).toEqual(['Spring is here']));
    list.unmount();
    const before = list.seen.length;
    await act(async () => kit.push({ title: 'Spring is over' }));
    expect(list.seen).toHaveLength(before);
  });

  test('K289 one selector over several campaigns is shown when its selection changes, over one connection', async () => {
    const started = await server();
    const page = { client: client(started.url, { releaseAfterMs: 10 }) };
    const titles = binding.several(page, ['spring', 'autumn'], (all) => all.map(({ state }) => state.title).join());
    await shows(titles, 'Spring,Autumn');
    const before = titles.seen.length;
    const writer = client(started.url, { releaseAfterMs: 10 });
    await act(async () => writer.campaign('autumn').update({ description: 'Not selected' }));
    await eventually(() => expect(page.client.campaign('autumn').getSnapshot().version).toBe(2));
    expect(titles.seen).toHaveLength(before);
    await act(async () => writer.campaign('autumn').update({ title: 'Winter' }));
    await shows(titles, 'Spring,Winter');
    titles.unmount();
    await eventually(() => expect(started.service.stats().subscribers).toBe(0));
  });

  test('K270 who is here, and whose lock it is, are live too', async () => {
    const { kit, page } = inMemory();
    const presence = binding.presence(page);
    const lock = binding.lock(page, ['title']);
    await eventually(() => expect(presence.latest().members).toHaveLength(1));
    act(() => void kit.join({ focus: ['title'] }, 'bob'));
    await eventually(() => expect(presence.latest().members?.map(({ id }) => id)).toContain('bob'));
    await shows(lock, { state: 'free' });
    const release = kit.lock(['title']);
    await shows(lock, { state: 'theirs', holder: 'other-user' });
    act(() => release());
    await shows(lock, { state: 'free' });
  });

  test('K47 a page rendered on a server shows its seed and opens nothing; in the browser it goes on from there', async () => {
    const started = await server();
    const seed = structuredClone(await prefetchCampaign(client(started.url), 'spring'));
    const sockets: string[] = [];
    class Counted extends WebSocket {
      constructor(url: string) {
        super(url);
        sockets.push(url);
      }
    }
    const page = { client: client(started.url, { seeds: [seed], WebSocket: Counted }), campaignId: 'spring' };
    expect(await binding.renderedTitle(page)).toBe('<h1>Spring</h1>');
    await act(async () => undefined);
    expect(sockets).toEqual([]);
    await client(started.url).campaign('spring').update({ title: 'Summer' });
    const shown = binding.selection(page, ({ status, state }) => `${status} ${state.title}`);
    await shows(shown, 'success Summer');
    expect([...new Set(shown.seen)]).toEqual(['success Spring', 'success Summer']);
  });
});

function memoryStorage(): KeyValueStorage & { readonly kept: Map<string, string> } {
  const kept = new Map<string, string>();
  return {
    kept,
    getAllKeys: async () => [...kept.keys()],
    getItem: async (key) => kept.get(key) ?? null,
    setItem: async (key, value) => void kept.set(key, value),
    removeItem: async (key) => void kept.delete(key),
  };
}
