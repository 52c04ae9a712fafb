import { expect, test } from 'vitest';
import { createCampaignClient } from '../../../client-sdk/src/index.ts';
import { parseServerUrl } from '../../../client-sdk/src/link/server-url.ts';

const PAGE = 'https://shop.example.com/campaigns/spring?tab=1';

test.each([
  ['https://campaigns.example.com', 'https://campaigns.example.com'],
  ['HTTP://Campaigns.Example.com/', 'http://campaigns.example.com'],
  ['http://127.0.0.1:4000', 'http://127.0.0.1:4000'],
  ['wss://campaigns.example.com', 'https://campaigns.example.com'],
  ['https://example.com/campaigns/', 'https://example.com/campaigns'],
  ['https://example.com/trpc', 'https://example.com'],
  ['https://example.com/campaigns/trpc/', 'https://example.com/campaigns'],
  ['/', 'https://shop.example.com'],
  ['/api', 'https://shop.example.com/api'],
  ['//campaigns.example.com', 'https://campaigns.example.com'],
])('K262 the address %s is %s, whatever the route of the page', (url, base) => {
  if (url.startsWith('//')) return expect(() => parseServerUrl(url, PAGE)).toThrow(TypeError);
  expect(parseServerUrl(url, PAGE)).toBe(base);
});

test.each([
  ['', 'write "https://…"'],
  [undefined as unknown as string, 'write "https://…"'],
  ['localhost:4000', '"http://localhost:4000"'],
  ['campaigns.example.com', '"http://campaigns.example.com"'],
  ['api/campaigns', 'begin with'],
  ['ftp://example.com', 'begin with'],
  ['https://', 'no address'],
  ['https://example.com/?tenant=1', 'leave out ?tenant=1: "https://example.com"'],
  ['https://example.com/#x', 'leave out #x'],
  ['https://me:secret@example.com', 'token'],
])('K262 the address %s is refused, with what to write', (url, advice) => {
  for (const page of [PAGE, undefined]) {
    expect(() => parseServerUrl(url, page)).toThrow(TypeError);
    expect(() => parseServerUrl(url, page)).toThrow(advice);
  }
});

test('K262 where a page is rendered on a server, a path is good to render with, and a connection says what to write', async () => {
  const client = createCampaignClient({ url: '/' });
  expect(client.campaign('spring').getSnapshot().status).toBe('pending');
  await expect(client.trpc.system.info.query()).rejects.toThrow('write "https://…"');
  expect(client.connection.getSnapshot()).toMatchObject({ status: 'closed', reason: 'bad-address' });
  client.close();
});
