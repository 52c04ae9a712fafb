import { get as httpGet, type IncomingMessage } from 'node:http';
import { constants, createGunzip, gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { LARGE_BYTES } from '../../../server/api/compression.ts';
import { GzipStream } from '../../../server/api/gzip.ts';
import type { CampaignServerOptions } from '../../../server/index.ts';
import { behindRelays } from '../../relay/support/relay.ts';
import { wsClient } from '../support/clients.ts';
import { CAMPAIGN, cleanUp, SECRET, startGuarded, startServer, tokenFor, until } from '../support/server.ts';

const campaignId = CAMPAIGN;
const PROSE = 'Save the date: our summer campaign starts in a week, with offers for everyone who signs up early. ';
const text = (bytes: number): string => PROSE.repeat(Math.ceil(bytes / PROSE.length)).slice(0, bytes);

interface Answer {
  readonly encoding: string | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly status: number | undefined;
  /** As it came. */
  readonly bytes: Buffer;
  readonly text: string;
}

/** Asks by hand: `fetch` decodes by itself, and says nothing of what came. */
function ask(url: string, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    httpGet(url, { headers: { 'accept-encoding': 'gzip, deflate, br', ...headers } }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const bytes = Buffer.concat(chunks);
        const encoding = response.headers['content-encoding'];
        const plain = encoding === 'gzip' ? gunzipSync(bytes) : bytes;
        resolve({ encoding, headers: response.headers, status: response.statusCode, bytes, text: plain.toString() });
      });
      response.on('error', reject);
    }).on('error', reject);
  });
}

const inputOf = (input: unknown): string => `input=${encodeURIComponent(JSON.stringify(input))}`;
const call = (url: string, path: string, input: unknown = { campaignId }): string =>
  `${url}/trpc/${path}?${inputOf(input)}`;
const batch = (url: string, paths: string[], inputs: unknown[]): string =>
  `${url}/trpc/${paths.join()}?batch=1&${inputOf(Object.fromEntries(inputs.entries()))}`;

async function world(options: CampaignServerOptions = {}) {
  const server = await startServer(options);
  const editor = wsClient(server.url);
  const write = (note: string) => editor.campaign.update.mutate({ campaignId, updates: { ui_content: { note } } });
  await write(text(16 * 1024));
  return { server, write, url: server.url };
}

describe('Q86 answers over http', () => {
  test.each(['direct', 'trpc'] as const)(
    'Q86 of one campaign are gzipped for clients that offer it, from 1 KB on, and are the same (%s)',
    async (calls) => {
      const { url } = await world({ calls });
      for (const [path, input] of [
        ['campaign.get', { campaignId }],
        ['campaign.at', { campaignId, version: 2 }],
        ['campaign.history', { campaignId }],
        ['campaign.diff', { campaignId, from: 1, to: 2 }],
      ] as const) {
        const asked = await ask(call(url, path, input));
        const plain = await ask(call(url, path, input), { 'accept-encoding': 'identity' });
        expect([path, asked.encoding, plain.encoding]).toEqual([path, 'gzip', undefined]);
        expect(asked.text).toBe(plain.text);
        expect(asked.bytes.length).toBeLessThan(plain.bytes.length / 10);
        expect([asked.headers.vary, plain.headers.vary].every((vary) => vary?.includes('accept-encoding'))).toBe(true);
      }
      // A client that refuses it, and what is too short.
      expect((await ask(call(url, 'campaign.get'), { 'accept-encoding': 'gzip;q=0, br' })).encoding).toBeUndefined();
      expect((await ask(call(url, 'campaign.diff', { campaignId, from: 1, to: 1 }))).encoding).toBeUndefined();
      const refused = await ask(call(url, 'campaign.get', { campaignId: 'nowhere' }));
      expect([refused.status, refused.encoding]).toEqual([404, undefined]);
    },
  );

  test('Q86 a batch is, where all of its calls are of the same campaign', async () => {
    const { url } = await world();
    const same = await ask(batch(url, ['campaign.get', 'campaign.history'], [{ campaignId }, { campaignId }]));
    expect([same.status, same.encoding]).toEqual([200, 'gzip']);
    expect(JSON.parse(same.text)).toHaveLength(2);
    for (const [paths, inputs] of [
      [
        ['campaign.get', 'campaign.get'],
        [{ campaignId }, { campaignId: 'secret' }],
      ],
      [
        ['campaign.get', 'campaign.list'],
        [{ campaignId }, {}],
      ],
    ] as const) {
      const mixed = await ask(batch(url, [...paths], [...inputs]));
      expect([mixed.status, mixed.encoding]).toEqual([200, undefined]);
    }
  });

  test("Q86 what holds secrets of others beside texts of somebody's choice never is", async () => {
    const { url, write } = await world();
    for (let change = 0; change < 40; change += 1) await write(`${change}`);
    const editor = wsClient(url);
    for (let index = 0; index < 20; index += 1)
      await editor.campaign.create.mutate({ campaignId: `c${index}`, state: { slug: `c${index}`, title: text(100) } });
    const list = await ask(`${url}/trpc/campaign.list`);
    expect(list.bytes.length).toBeGreaterThan(1_024);
    expect(list.encoding).toBeUndefined();
    const answer = await fetch(`${url}/trpc/campaign.push`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        campaignId,
        mutations: Array.from({ length: 30 }, (_, index) => ({
          mutationId: `m${index}`,
          command: { type: 'update', updates: { title: `${index}` } },
        })),
      }),
    });
    expect(answer.headers.get('content-encoding')).toBeNull();
    expect((await answer.text()).length).toBeGreaterThan(1_024);
  });

  test('Q86 nothing is where it is switched off, or a field is kept from readers; through a relay likewise', async () => {
    const off = await world({ compression: 0 });
    expect((await ask(call(off.url, 'campaign.get'))).encoding).toBeUndefined();
    expect((await ask(`${off.url}/metrics`)).encoding).toBeUndefined();
    const hiding = await world({ rights: { commerce: { read: 'editor' } } });
    expect((await ask(call(hiding.url, 'campaign.get'))).encoding).toBeUndefined();
    const open = await world();
    for (const [{ server }, encoding] of [
      [hiding, undefined],
      [open, 'gzip'],
    ] as const) {
      const relay = await behindRelays(server, {});
      expect((await ask(call(relay.url, 'campaign.get'))).encoding).toBe(encoding);
    }
  });

  test('Q86 a shorter answer is paid for like the whole', async () => {
    const state = { slug: campaignId, title: 'Spring', status: 'active', ui_content: { note: text(200_000) } };
    const answered = async (encoding: string): Promise<number> => {
      const { url } = await startServer({ callLimit: 20, campaigns: [{ campaignId, state }] });
      let count = 0;
      while ((await ask(call(url, 'campaign.get'), { 'accept-encoding': encoding })).status === 200) count += 1;
      return count;
    };
    // Each costs 49 points of 80 a second; without what it was shortened by it would be one.
    for (const encoding of ['gzip', 'identity']) expect(await answered(encoding)).toBeLessThan(20);
  });
});

/** A stream as it comes: its bytes, and what can be read of it by now. */
function openStream(url: string, headers: Record<string, string> = {}) {
  const gunzip = createGunzip({ flush: constants.Z_SYNC_FLUSH, finishFlush: constants.Z_SYNC_FLUSH });
  let plain = '';
  let bytes = 0;
  let encoding: string | undefined;
  let ended = false;
  gunzip.on('data', (chunk: Buffer) => (plain += chunk.toString()));
  const request = httpGet(
    url,
    { headers: { 'accept-encoding': 'gzip', accept: 'text/event-stream', ...headers } },
    (response) => {
      encoding = response.headers['content-encoding'] ?? 'identity';
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (encoding === 'gzip') gunzip.write(chunk);
        else plain += chunk.toString();
      });
      response.on('end', () => (ended = true));
      response.on('error', () => undefined);
    },
  );
  request.on('error', () => undefined);
  cleanUp(() => request.destroy());
  return { text: () => plain, bytes: () => bytes, encoding: () => encoding, ended: () => ended };
}

describe('Q87 streams over http', () => {
  test('Q87 each event is there at once, a tenth as long, and the same; a short one is not compressed', async () => {
    const { url, write } = await world();
    const asked = openStream(call(url, 'campaign.watch'));
    const plain = openStream(call(url, 'campaign.watch'), { 'accept-encoding': 'identity' });
    await until(() => asked.text().includes(PROSE) && plain.text().includes(PROSE));
    expect([asked.encoding(), plain.encoding()]).toEqual(['gzip', 'identity']);
    for (const note of ['short', `${text(12_000)}!`, 'again']) {
      await write(note);
      await until(() => asked.text().includes(`${note.slice(-40)}"`));
    }
    await until(() => plain.text().includes('again') && plain.text() === asked.text());
    expect(asked.bytes()).toBeLessThan(plain.bytes() / 5);
  });

  test('Q87 of several campaigns in one stream each event is compressed by itself', async () => {
    const { url } = await world();
    await wsClient(url).campaign.update.mutate({
      campaignId: 'secret',
      updates: { ui_content: { note: text(16_384) } },
    });
    const lengthOf = async (streams: object[]): Promise<number> => {
      const stream = openStream(call(url, 'campaign.watchMany', { streams }));
      await until(() => stream.text().split('"snapshot"').length > streams.length);
      expect(stream.encoding()).toBe('gzip');
      return stream.bytes();
    };
    const [one, other] = [await lengthOf([{ campaignId }]), await lengthOf([{ campaignId: 'secret' }])];
    const both = await lengthOf([{ campaignId }, { campaignId: 'secret' }]);
    // What the one says makes the other no shorter.
    expect(both).toBeGreaterThan(one + other - 400);
  });

  test('Q87 presence, and streams of other kinds, are not compressed', async () => {
    const { url } = await world();
    const member = wsClient(url);
    cleanUp(member.presence.watch.subscribe({ campaignId }, { onData: () => undefined }).unsubscribe);
    const withPresence = openStream(call(url, 'campaign.watch', { campaignId, presence: true }));
    await until(() => withPresence.text().includes('"tabs":2'));
    const before = withPresence.bytes();
    const events = (): number => withPresence.text().split('"type":"presence"').length;
    const told = events();
    await member.presence.set.mutate({ campaignId, data: { words: text(1_900) } });
    await until(() => events() > told && withPresence.text().includes(text(1_900)));
    expect(withPresence.bytes() - before).toBeGreaterThan(1_900);
    const list = openStream(`${url}/trpc/campaign.watchList`);
    await until(() => list.text().includes('spring'));
    expect(list.encoding()).toBe('identity');
  });

  test('Q87 what is large is stored, so that no turn is long', () => {
    const lengthOf = (bytes: number): number => new GzipStream().write(Buffer.from(text(bytes)), 4).length;
    expect(lengthOf(LARGE_BYTES - 1)).toBeLessThan(LARGE_BYTES / 5);
    expect(lengthOf(LARGE_BYTES)).toBeGreaterThan(LARGE_BYTES);
  });

  test.each(['watch', 'watchMany'] as const)('Q87 its first event is paid for by its bytes (%s)', async (path) => {
    const state = { slug: campaignId, title: 'Spring', status: 'active', ui_content: { note: text(200_000) } };
    const { url } = await startServer({ callLimit: 20, campaigns: [{ campaignId, state }] });
    const open = async (): Promise<boolean> => {
      const input = path === 'watch' ? { campaignId } : { streams: [{ campaignId }] };
      const stream = openStream(call(url, `campaign.${path}`, input));
      await until(() => ['"snapshot"', 'RATE_LIMITED'].some((part) => stream.text().includes(part)));
      expect(stream.encoding()).toBe('gzip');
      return stream.text().includes('"snapshot"');
    };
    let count = 0;
    while (count < 12 && (await open())) count += 1;
    // Each costs 59 points of 80 a second, of which two seconds are in advance; without its bytes it would be ten.
    expect(count).toBeLessThan(12);
  });

  test('Q87 an event is paid for once, by the stream for which it was deflated', () => {
    const paid = [0, 0];
    const streams = paid.map((_, index) => new GzipStream((bytes) => (paid[index] = (paid[index] ?? 0) + bytes)));
    const event = Buffer.from(`${text(8_000)} once`);
    for (const stream of streams) stream.write(event, 4);
    streams[1]?.write(Buffer.from(`[1,${event.toString()}]`), 4);
    expect(paid).toEqual([event.length, event.length + 4]);
  });

  test('Q87 a stream of many chunks is whole gzip, whatever their lengths', () => {
    const stream = new GzipStream();
    const chunks = ['', 'a', text(1_023), text(1_024), text(70_000), 'é'.repeat(70_000), text(1_024), 'end'];
    const parts = chunks.map((chunk, index) => stream.write(Buffer.from(chunk), index === 5 ? 0 : 4));
    expect(gunzipSync(Buffer.concat([...parts, stream.end()])).toString()).toBe(chunks.join(''));
    expect(gunzipSync(new GzipStream().end()).length).toBe(0);
  });
});

describe('Q88 bodies that are the same for many', () => {
  const guarded: CampaignServerOptions = { auth: { kind: 'secret', secret: SECRET }, publicRead: true };

  test.each(['snapshot', 'flags'] as const)('Q88 %s: gzipped, each representation with its own tag', async (what) => {
    const { url } = await startGuarded(guarded);
    const editor = wsClient(url, { token: await tokenFor({ '*': 'editor' }) });
    await editor.campaign.update.mutate({ campaignId, updates: { ui_content: { note: text(16_384) } } });
    const address =
      what === 'snapshot'
        ? `${url}/campaigns/${campaignId}/snapshot`
        : `${url}/campaigns/${campaignId}/ofrep/v1/evaluate/flags`;
    const read = (encoding: string, tag = ''): Promise<Response> =>
      fetch(address, {
        method: what === 'snapshot' ? 'GET' : 'POST',
        headers: { 'accept-encoding': encoding, 'if-none-match': tag, 'content-type': 'application/json' },
        ...(what === 'flags' && { body: '{}' }),
      });
    const [gzip, plain] = [await read('gzip'), await read('identity')];
    expect([gzip, plain].map(({ headers }) => headers.get('content-encoding'))).toEqual(['gzip', null]);
    expect(gzip.headers.get('vary')).toContain('accept-encoding');
    expect(await gzip.json()).toEqual(await plain.json());
    const tags = [gzip, plain].map(({ headers }) => headers.get('etag') ?? '');
    expect(new Set(tags).size).toBe(2);
    for (const tag of tags)
      for (const encoding of ['gzip', 'identity']) expect((await read(encoding, tag)).status).toBe(304);
    await editor.campaign.update.mutate({ campaignId, updates: { title: 'New', ui_content: { note: text(9_999) } } });
    for (const tag of tags) expect((await read('gzip', tag)).status).toBe(200);
    expect(await (await read('gzip')).json()).toEqual(await (await read('identity')).json());
  });

  test('Q88 metrics', async () => {
    const { url } = await world();
    const metrics = await ask(`${url}/metrics`);
    expect(metrics.encoding).toBe('gzip');
    expect(metrics.text).toContain('campaign_state_subscribers');
    expect((await ask(`${url}/metrics`, { 'accept-encoding': 'identity' })).encoding).toBeUndefined();
  });
});
