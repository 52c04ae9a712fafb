import { expect, test } from 'vitest';
import type { CampaignServerOptions } from '../../server/index.ts';
import { watch, wsClient } from '../api/support/clients.ts';
import { CAMPAIGN, SECRET, startGuarded, startServer, tokenFor, until } from '../api/support/server.ts';
import { behindRelays } from './support/relay.ts';

const guarded: CampaignServerOptions = { auth: { kind: 'secret', secret: SECRET }, publicRead: true };

test.each([0, 1])(
  'Q12 a snapshot for everybody, with an ETag, that a page goes on from by its stream; through %i relays',
  async (relays) => {
    const { url } = await behindRelays(await startGuarded(guarded), guarded, relays);
    const address = `${url}/campaigns/${CAMPAIGN}/snapshot`;
    const first = await fetch(address);
    expect(first.status).toBe(200);
    // What is withdrawn may not be shown by a cache for longer than a minute, whatever has become of the server.
    expect(first.headers.get('cache-control')).toBe('public, max-age=1, stale-while-revalidate=30, stale-if-error=60');
    const record: { epoch: string; version: number; state: object } = JSON.parse(await first.text());
    expect(record).toMatchObject({ campaignId: CAMPAIGN, version: 1, state: { title: 'Spring' } });
    expect(record.state).not.toHaveProperty('owner_id');
    const etag = first.headers.get('etag') ?? '';
    expect((await fetch(address, { headers: { 'if-none-match': etag } })).status).toBe(304);

    const editor = wsClient(url, { token: await tokenFor({ '*': 'editor' }) });
    await editor.campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title: 'New' } });
    const next = await fetch(address, { headers: { 'if-none-match': etag } });
    expect(next.status).toBe(200);
    expect(next.headers.get('etag')).not.toBe(etag);
    expect(await next.json()).toMatchObject({ version: 2, state: { title: 'New' } });
    const watching = watch(wsClient(url), { campaignId: CAMPAIGN });
    await until(() => watching.mirror.version === 2);
  },
);

test('Q12 it shows nothing that needs a token, and depends on none', async () => {
  const { url } = await startGuarded(guarded);
  const statusOf = async (path: string, init?: RequestInit): Promise<number> =>
    (await fetch(`${url}/campaigns/${path}`, init)).status;
  expect(await statusOf('secret/snapshot')).toBe(404);
  expect(await statusOf('nowhere/snapshot')).toBe(404);
  const headers = { authorization: `Bearer ${await tokenFor({ '*': 'admin' })}` };
  expect(await statusOf(`${CAMPAIGN}/snapshot`, { headers })).toBe(400);
  // In the address as well, where a cache would keep what an editor or an admin may see.
  const params = encodeURIComponent(JSON.stringify({ token: await tokenFor({ '*': 'admin' }) }));
  for (const campaign of ['secret', CAMPAIGN]) {
    const answer = await fetch(`${url}/campaigns/${campaign}/snapshot?connectionParams=${params}`);
    expect(answer.status).toBe(400);
    expect(answer.headers.get('cache-control')).toBe('no-store');
  }
  expect(await statusOf(`${CAMPAIGN}/snapshot?viewer=[1]`)).toBe(400);
  expect(await statusOf(`${CAMPAIGN}/snapshot`, { method: 'POST' })).toBe(405);
  const { url: keyless } = await startServer();
  expect((await fetch(`${keyless}/campaigns/${CAMPAIGN}/snapshot`)).status).toBe(503);
  const closed = await startGuarded();
  expect((await fetch(`${closed.url}/campaigns/${CAMPAIGN}/snapshot`)).status).toBe(401);
});
