import { deflateRawSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { cleanUp, CAMPAIGN, startGuarded, startServer, tokenFor, until } from '../support/server.ts';
import { wsClient } from '../support/clients.ts';

const campaignId = CAMPAIGN;
/** Prose, of which JSON is mostly made. */
const PROSE = 'Save the date: our summer campaign starts in a week, with offers for everyone who signs up early. ';
const text = (bytes: number): string => PROSE.repeat(Math.ceil(bytes / PROSE.length)).slice(0, bytes);

interface Message {
  readonly id?: number;
  readonly result?: { readonly type: string; readonly data?: { readonly data?: unknown } };
}

/** A connection that speaks tRPC by hand, with the messages and bytes that it was sent. */
async function connect(port: number, options: object = {}) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/trpc`, options);
  const messages: Message[] = [];
  let closedWith: number | undefined;
  let bytes = 0;
  socket.on('message', (data: Buffer) => messages.push(JSON.parse(data.toString())));
  socket.on('close', (code) => (closedWith = code));
  socket.on('error', () => undefined);
  // Before the frames are inflated.
  socket.on('upgrade', (response) => response.socket.on('data', (chunk: Buffer) => (bytes += chunk.length)));
  cleanUp(() => socket.terminate());
  await new Promise((resolve) => socket.once('open', resolve));
  return {
    socket,
    messages,
    bytes: () => bytes,
    closedWith: () => closedWith,
    /** What was sent under that request id. */
    of: (id: number) => messages.filter((message) => message.id === id),
    watch: (id: number) =>
      socket.send(
        JSON.stringify({ id, method: 'subscription', params: { path: 'campaign.watch', input: { campaignId } } }),
      ),
    get: (id: number) =>
      socket.send(JSON.stringify({ id, method: 'query', params: { path: 'campaign.get', input: { campaignId } } })),
  };
}

/** Sends a message that says it is compressed: final, masked with zeros. */
function sendCompressed({ socket }: { readonly socket: WebSocket }, payload: Buffer): void {
  const head = Buffer.alloc(payload.length < 126 ? 6 : payload.length < 65_536 ? 8 : 14);
  head[0] = 0xc1;
  if (payload.length < 126) head[1] = 0x80 | payload.length;
  else if (payload.length < 65_536) {
    head[1] = 0x80 | 126;
    head.writeUInt16BE(payload.length, 2);
  } else {
    head[1] = 0x80 | 127;
    head.writeBigUInt64BE(BigInt(payload.length), 2);
  }
  const stream: unknown = Reflect.get(socket, '_socket');
  if (!(stream instanceof Object) || !('write' in stream) || typeof stream.write !== 'function') throw new Error();
  stream.write(Buffer.concat([head, payload]));
}

const PLAIN = { perMessageDeflate: false };

async function world(options: Parameters<typeof startServer>[0] = {}) {
  const server = await startServer({ compression: 1, ...options });
  const editor = wsClient(server.url);
  const write = (note: string) => editor.campaign.update.mutate({ campaignId, updates: { ui_content: { note } } });
  await write(text(64 * 1024));
  return { server, write };
}

describe('compressed events', () => {
  test.each(['direct', 'trpc'] as const)(
    'Q80 a client that offers it is sent a third of the bytes, and reads the same as one that does not, under any request id (%s)',
    async (calls) => {
      const { server, write } = await world({ calls });
      const [asked, other, plain] = [
        await connect(server.port),
        await connect(server.port),
        await connect(server.port, PLAIN),
      ];
      expect([asked.socket.extensions, plain.socket.extensions]).toEqual(['permessage-deflate', '']);
      asked.watch(1);
      other.watch(4_321);
      plain.watch(1);
      const seen = (each: typeof asked, id: number) =>
        each
          .of(id)
          .filter(({ result }) => result?.type === 'data')
          .map(({ result }) => result?.data?.data);
      await until(() => seen(asked, 1).length > 0 && seen(other, 4_321).length > 0 && seen(plain, 1).length > 0);
      const first = [asked.bytes(), plain.bytes()];
      for (let entry = 0; entry < 5; entry += 1) await write(`${entry} ${text(4_096)}`);
      await write('short');
      const isDone = (each: typeof asked, id: number) => JSON.stringify(seen(each, id).at(-1)).includes('short');
      await until(() => isDone(asked, 1) && isDone(other, 4_321) && isDone(plain, 1));
      expect(seen(asked, 1)).toEqual(seen(plain, 1));
      expect(seen(other, 4_321)).toEqual(seen(plain, 1));
      const entries = [asked.bytes() - (first[0] ?? 0), plain.bytes() - (first[1] ?? 0)];
      expect((entries[0] ?? 0) / (entries[1] ?? 1)).toBeLessThan(0.35);
      // tRPC's own adapter writes first frames as text.
      if (calls === 'direct') expect((first[0] ?? 0) / (first[1] ?? 1)).toBeLessThan(0.35);
    },
  );

  test('Q81 answers are never compressed: what callers chose stands beside what they may not learn', async () => {
    const { server } = await world();
    const client = await connect(server.port);
    client.get(1);
    await until(() => client.of(1).length === 1);
    expect(client.bytes()).toBeGreaterThan(64 * 1024);
  });

  test('Q82 nothing is compressed where it is switched off, or where rights keep a field from readers', async () => {
    for (const options of [{ compression: 0 }, { rights: { budget: { read: 'admin' } } }] as const) {
      const { server } = await world(options);
      const client = await connect(server.port);
      expect(client.socket.extensions).toBe('');
      client.watch(1);
      await until(() => client.bytes() > 64 * 1024);
    }
  });

  test('Q83 a client that can inflate only a smaller window is sent plain frames', async () => {
    const { server } = await world();
    const client = await connect(server.port, { perMessageDeflate: { serverMaxWindowBits: 10 } });
    expect(client.socket.extensions).toBe('');
    client.watch(1);
    await until(() => client.bytes() > 64 * 1024);
  });

  test('Q84 compressed messages of a client are taken, in pieces too', async () => {
    const { server } = await world();
    const client = await connect(server.port, { perMessageDeflate: { threshold: 0 } });
    for (let id = 1; id <= 3; id += 1) client.get(id);
    await until(() => client.messages.length === 3);
    const message = JSON.stringify({ id: 50, method: 'query', params: { path: 'system.info' } });
    client.socket.send(message.slice(0, 20), { fin: false });
    client.socket.send(message.slice(20), { fin: true });
    await until(() => client.of(50).length === 1);
    expect(client.closedWith()).toBeUndefined();
  });

  test('Q85 a bomb is not inflated, what is not deflated is refused, and the others go on', async () => {
    const { server, write } = await world();
    const bomb = deflateRawSync(Buffer.alloc(32 * 1024 * 1024, ' '));
    const cases = [
      [bomb, 1009],
      [deflateRawSync(Buffer.alloc(512 * 1024, ' ')), 1009],
      [Buffer.alloc(64, 0xff), 1007],
    ] as const;
    for (const [payload, code] of cases) {
      const client = await connect(server.port);
      sendCompressed(client, payload);
      await until(() => client.closedWith() !== undefined);
      expect(client.closedWith()).toBe(code);
    }
    await write('goes on');
  });

  test('Q89 what a caller without a token compresses may come to no more than any message of theirs', async () => {
    const server = await startGuarded({ compression: 1, publicRead: true });
    const spaces = deflateRawSync(Buffer.alloc(20 * 1024, ' '));
    const stranger = await connect(server.port);
    stranger.get(1);
    await until(() => stranger.of(1).length === 1);
    sendCompressed(stranger, spaces);
    await until(() => stranger.closedWith() !== undefined);
    expect(stranger.closedWith()).toBe(1009);

    const editor = await connect(server.port, {
      headers: { authorization: `Bearer ${await tokenFor({ '*': 'editor' })}` },
    });
    editor.get(1);
    await until(() => editor.of(1).length === 1);
    sendCompressed(
      editor,
      deflateRawSync(Buffer.from(`${' '.repeat(20 * 1024)}{"id":2,"method":"query","params":{"path":"system.info"}}`)),
    );
    await until(() => editor.of(2).length === 1);
    expect(editor.closedWith()).toBeUndefined();
  });
});
