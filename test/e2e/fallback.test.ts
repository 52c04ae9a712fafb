import { connect, createServer } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, inject, it } from 'vitest';
import { createCampaignClient, type CampaignClient } from '../../client-sdk/src/index.ts';
import type { Page } from '../tools/browser.ts';
import { eventually } from './support/eventually.ts';
import { useStage } from './support/stage.ts';

/** The small pages of the tests under names that are none of this machine's: other origins than the server's. */
const originOf = (name: string) => `http://${name}.example.com:${new URL(inject('pages')).port}`;
const ORIGIN = originOf('shop');
const CAMPAIGNS = Array.from({ length: 7 }, (_, index) => `fallback-${index + 1}`);

const stage = useStage({ ALLOWED_ORIGINS: ORIGIN });

/** A proxy that lets no WebSocket through, and can let streams stand still while other requests get through. */
async function refusingProxy(port: number) {
  let isFrozen = false;
  // Streams that are open now: a slow machine may have begun one more than once.
  const seen = { upgrades: 0, openStreams: 0, preflights: [] as string[] };
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    let isStream = false;
    near.on('data', (data) => {
      const head = data.toString('latin1');
      if (/^upgrade: websocket/im.test(head)) {
        seen.upgrades += 1;
        near.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
        far.destroy();
        return;
      }
      if (head.startsWith('OPTIONS ')) seen.preflights.push(head);
      if (/^accept: text\/event-stream/im.test(head)) {
        if (!isStream) seen.openStreams += 1;
        isStream = true;
      }
      far.write(data);
    });
    far.on('data', (data) => void (isStream && isFrozen ? undefined : near.write(data)));
    for (const socket of [near, far]) socket.on('error', () => undefined);
    near.on('close', () => {
      far.destroy();
      if (isStream) seen.openStreams -= 1;
    });
    far.on('close', () => near.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || !address) throw new Error('The proxy listens nowhere');
  return {
    url: `http://127.0.0.1:${address.port}`,
    seen,
    freeze: (frozen: boolean) => void (isFrozen = frozen),
    close: () => server.close(),
  };
}

let proxy: Awaited<ReturnType<typeof refusingProxy>>;
let client: CampaignClient;

beforeAll(async () => {
  proxy = await refusingProxy(Number(new URL(stage.server.url).port));
  client = createCampaignClient({ url: stage.server.url });
  for (const campaignId of CAMPAIGNS)
    await client.trpc.campaign.create.mutate({ campaignId, state: { slug: campaignId, title: campaignId } });
});
afterEach(() => proxy.freeze(false));
afterAll(() => {
  client?.close();
  proxy?.close();
});

async function open(campaigns: readonly string[], origin = ORIGIN, before = ''): Promise<Page> {
  const { page } = await stage.open('about:blank');
  if (before !== '') await page.addInitScript(before);
  const query = new URLSearchParams([['server', proxy.url], ...campaigns.map((id) => ['campaign', id])]);
  await page.goto(`${origin}/fallback-page/?${query}`);
  return page;
}

const statusOf = (page: Page) => () => page.getByRole('status').innerText();

/** Both ways: what somebody else writes is shown, and what is written here arrives. */
async function expectLive(page: Page, campaignId: string): Promise<void> {
  const field = page.getByLabel(campaignId, { exact: true });
  const title = `${campaignId} at ${performance.now()}`;
  await client.campaign(campaignId).update({ title });
  await eventually(() => field.inputValue()).toBe(title);
  await field.fill(`${title}, edited`);
  await field.blur();
  const read = async () => (await client.trpc.campaign.get.query({ campaignId })).state.title;
  await eventually(read).toBe(`${title}, edited`);
}

it('K267 across origins, where a proxy refuses WebSockets, seven campaigns in one tab are live over one stream', async () => {
  const page = await open(CAMPAIGNS);
  await eventually(statusOf(page)).toBe('connected');
  for (const campaignId of CAMPAIGNS) await expectLive(page, campaignId);
  expect(proxy.seen.upgrades).toBeGreaterThan(0);
  await eventually(async () => proxy.seen.openStreams).toBe(1);
  // Tracing's headers are asked for, and let through.
  expect(proxy.seen.preflights.join('\n')).toMatch(
    /access-control-request-headers: .*baggage.*sentry-trace.*traceparent/i,
  );
});

it('K267 a page whose browser has no WebSocket is live as well', async () => {
  const page = await open(CAMPAIGNS.slice(0, 1), ORIGIN, 'delete globalThis.WebSocket');
  await eventually(statusOf(page)).toBe('connected');
  await expectLive(page, 'fallback-1');
});

it('K267 a stream that stands still behind a proxy is noticed, and read anew', async () => {
  const page = await open(CAMPAIGNS.slice(0, 1));
  await eventually(statusOf(page)).toBe('connected');
  await expectLive(page, 'fallback-1');
  proxy.freeze(true);
  await client.campaign('fallback-1').update({ title: 'While it was frozen' });
  await eventually(statusOf(page)).toMatch(/timeout/);
  proxy.freeze(false);
  // An attempt that was made meanwhile is first given up, and the next one waits its time.
  await eventually(() => page.getByLabel('fallback-1').inputValue()).toBe('While it was frozen');
});

it('K267 a page of an origin that is not allowed is told so', async () => {
  const page = await open(CAMPAIGNS.slice(0, 1), originOf('elsewhere'));
  await eventually(statusOf(page)).toMatch(/forbidden$/);
});
