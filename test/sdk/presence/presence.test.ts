import { afterEach, describe, expect, test, vi } from 'vitest';
import { createCampaignClient, type CampaignClient } from '../../../client-sdk/src/index.ts';
import { campaignPresence, type PresenceStore } from '../../../client-sdk/src/presence/index.ts';
import { createTestCampaign } from '../../../client-sdk/src/testing/index.ts';
import { openTcpProxy } from '../../support/tcp-proxy.ts';
import { startServer, tokenFor } from '../../api/support/server.ts';
import { WAIT } from '../support/world.ts';

interface Place {
  readonly mine: CampaignClient;
  readonly drop: () => void;
  readonly reconnect: () => void;
  /** Somebody else comes, at a field, and can leave. */
  readonly come: () => Promise<{ readonly id: string; readonly leave: () => void }>;
}

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function inMemory(): Promise<Place> {
  const kit = createTestCampaign({ campaignId: 'spring' });
  closing.push(kit.client.close);
  const come = async () => ({ id: 'other-user', leave: kit.join({ focus: ['title'], data: { mood: 'busy' } }).leave });
  return { mine: kit.client, drop: kit.drop, reconnect: kit.reconnect, come };
}

async function onServer(): Promise<Place> {
  const secret = 'a secret of the tests, and of nothing else';
  const server = await startServer({ auth: { kind: 'secret', secret } });
  const proxy = await openTcpProxy(server.port);
  const mine = createCampaignClient({ url: proxy.url, token: await tokenFor({ '*': 'editor' }, { sub: 'tester' }) });
  closing.push(() => proxy.close(), mine.close);
  const come = async () => {
    const theirs = createCampaignClient({ url: server.url, token: await tokenFor({ '*': 'editor' }, { sub: 'bob' }) });
    closing.push(theirs.close);
    const presence = campaignPresence(theirs, 'spring');
    closing.push(presence.subscribe(() => undefined));
    presence.set({ focus: ['title'], data: { mood: 'busy' } });
    return { id: 'bob', leave: theirs.close };
  };
  return { mine, drop: () => proxy.sever(), reconnect: () => proxy.restore(), come };
}

const ids = (store: PresenceStore) =>
  store
    .getSnapshot()
    .members?.map(({ id }) => id)
    .sort();
const until = (check: () => void) => vi.waitFor(check, WAIT);

describe.each([
  ['of the test kit', inMemory],
  ['of a server', onServer],
])('presence of the SDK, on a campaign %s', (_where, open) => {
  test('J90 a page is a member while it reads who is there; it sees others come, where they are, and go', async () => {
    const { mine, come } = await open();
    const presence = campaignPresence(mine, 'spring');
    expect(campaignPresence(mine, 'spring')).toBe(presence);
    closing.push(presence.subscribe(() => undefined));
    await until(() => expect(ids(presence)).toEqual(['tester']));
    const { id, leave } = await come();
    await until(() =>
      expect(presence.getSnapshot().members).toContainEqual(
        expect.objectContaining({
          id,
          focus: ['title'],
          data: { mood: 'busy' },
          colour: expect.stringMatching(/^hsl/),
        }),
      ),
    );
    leave();
    await until(() => expect(ids(presence)).toEqual(['tester']));
  });

  test('J91 where a page is is said again after a reconnect', async () => {
    const { mine, drop, reconnect } = await open();
    const presence = campaignPresence(mine, 'spring');
    closing.push(presence.subscribe(() => undefined));
    const focused = () =>
      until(() => expect(presence.getSnapshot().members).toMatchObject([{ id: 'tester', focus: ['title'] }]));
    presence.set({ focus: ['features'] });
    presence.set({ focus: ['title'] });
    await focused();
    drop();
    reconnect();
    await focused();
  });
});
