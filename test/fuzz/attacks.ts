import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import type { SeededRandom } from '../support/seeded-random.ts';
import { anyToken, envelope, inputText, mutatedToken, procedurePath, viewerText, type Target } from './envelopes.ts';
import { jsonText, noise, oddText } from './values.ts';

/** What an attack sends, in pieces, over one connection of its own. */
export interface Attack {
  readonly kind: string;
  readonly pieces: readonly Buffer[];
}

/** Milliseconds that an attack's connection lives at most: some answers are streams, some never come. */
const CONNECTION_MS = 400;

type Maker = (random: SeededRandom, target: Target) => readonly Buffer[];

const ASSETS = ['/', '/audience.html', '/index.html', '/favicon.ico', '/assets/', '/assets/nothing.js'];
const RANGES = [
  'bytes=10-5',
  'bytes=0-99999999999999999999',
  'bytes=-1',
  'bytes=-',
  'bytes=0-0,1-1,2-2',
  'bytes=a-b',
  'items=0-1',
  '',
];

/** HTTP as no browser writes it: methods, paths, headers, lengths and pipelines. */
const oddHttp: Maker = (random, { port, token }) => {
  const request = (): string => {
    const method = random.pick(['GET', 'GET', 'HEAD', 'POST', 'OPTIONS', 'DELETE', 'PUT', 'TRACE', 'G\u0000T']);
    const path = random.pick([
      ...ASSETS,
      '/livez',
      '/readyz',
      '/metrics',
      '/trpc',
      '/trpc/',
      `/trpc/${procedurePath(random)}`,
      '/dev/kill',
      '//',
      '/%',
      '/..%2f..%2fetc/passwd',
      `/${'a'.repeat(9_000)}`,
      `/?${oddText(random)}`,
    ]);
    const headers = [`Host: ${random.pick([`127.0.0.1:${port}`, 'evil.example', '', 'a b', `[::1]:${port}`])}`];
    if (random.chance(0.4)) headers.push(`Range: ${random.pick(RANGES)}`);
    if (random.chance(0.3)) headers.push(`Origin: ${random.pick(['null', 'http://evil.example', 'x', ''])}`);
    if (random.chance(0.3))
      headers.push(`Authorization: ${random.pick(['Bearer', 'Basic x', mutatedToken(random, token)])}`);
    if (random.chance(0.2)) headers.push(`If-None-Match: ${random.pick(['*', 'W/', '"'])}`);
    if (random.chance(0.2)) headers.push(`Accept-Encoding: ${random.pick(['br', 'gzip;q=x', '*'])}`);
    if (random.chance(0.1)) headers.push('Transfer-Encoding: chunked');
    if (random.chance(0.1)) headers.push(`Content-Length: ${random.pick(['-1', '10', '1e9', '99999999999999999999'])}`);
    if (random.chance(0.1)) headers.push('Expect: 100-continue');
    if (random.chance(0.1)) headers.push(`X: ${'a'.repeat(random.pick([100, 17_000]))}`);
    return `${method} ${path} HTTP/1.${random.int(0, 1)}\r\n${headers.join('\r\n')}\r\n\r\n${random.chance(0.2) ? oddText(random) : ''}`;
  };
  return [Buffer.from(Array.from({ length: random.pick([1, 1, 1, 20]) }, request).join(''), 'latin1')];
};

/** Reads that are right, as anybody may try them: what comes back must hold nothing of the rules. */
const reads: Maker = (random, target) => {
  const { campaignId, port, token } = target;
  const auth = random.chance(0.8) ? `Authorization: Bearer ${token}\r\n` : '';
  const viewer = random.chance(0.7) ? { viewer: JSON.parse(viewerText(random)) } : {};
  const [path, input] = random.pick([
    ['campaign.get', { campaignId, ...viewer }],
    ['campaign.watch', { campaignId, ...viewer }],
    ['campaign.watchMany', { streams: [{ campaignId, ...viewer }] }],
    ['campaign.history', { campaignId, ...viewer }],
    ['campaign.at', { campaignId, version: random.int(1, 20), ...viewer }],
    ['campaign.diff', { campaignId, from: 1, to: random.int(1, 20), ...viewer }],
    ['campaign.explain', { campaignId, viewer: JSON.parse(viewerText(random)) }],
    ['campaign.schema', { campaignId }],
    ['campaign.list', {}],
    ['audit.query', { campaignId }],
    ['analytics.results', { campaignId, rule: `rule-${random.int(0, 2)}` }],
  ] as const);
  const query = encodeURIComponent(JSON.stringify(input));
  return [Buffer.from(`GET /trpc/${path}?input=${query} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${auth}\r\n`)];
};

/** Flags by OFREP: in bulk, single, as a stream. */
const flags: Maker = (random, target) => {
  const auth = random.chance(0.7) ? `Authorization: Bearer ${anyToken(random, target)}\r\n` : '';
  const head = `Host: 127.0.0.1:${target.port}\r\n${auth}Content-Type: application/json\r\n`;
  const at = `/campaigns/${random.pick([target.campaignId, target.campaignId, 'missing'])}/ofrep/v1`;
  if (random.chance(0.2)) return [Buffer.from(`GET ${at}/events HTTP/1.1\r\n${head}\r\n`)];
  const key = random.pick([
    '',
    '',
    '/referral',
    '/ui_content.banner',
    '/rules',
    `/${encodeURIComponent(wellFormed(oddText(random)))}`,
  ]);
  const context = random.pick(['{}', '{"targetingKey":"u1","plan":"gold"}', jsonText(random, 1)]);
  const body = Buffer.from(wellFormed(random.chance(0.8) ? `{"context":${context}}` : jsonText(random)));
  return [
    Buffer.from(`POST ${at}/evaluate/flags${key} HTTP/1.1\r\n${head}Content-Length: ${body.length}\r\n\r\n`),
    body,
  ];
};

/** Calls over http, one or many in a request. */
const calls: Maker = (random, target) => {
  const auth = random.chance(0.5) ? `Authorization: Bearer ${anyToken(random, target)}\r\n` : '';
  const head = `Host: 127.0.0.1:${target.port}\r\n${auth}Content-Type: application/json\r\n`;
  if (random.chance(0.5)) {
    const many = random.pick([1, 1, 10, 60]);
    const path = Array.from({ length: many }, () => encodeURIComponent(wellFormed(procedurePath(random)))).join(',');
    const input = `{"0":${inputText(random, target).slice(0, 3_000)}}`;
    return [
      Buffer.from(`GET /trpc/${path}?batch=1&input=${encodeURIComponent(wellFormed(input))} HTTP/1.1\r\n${head}\r\n`),
    ];
  }
  const body = Buffer.from(wellFormed(inputText(random, target)));
  const length = random.chance(0.9) ? body.length : body.length + 100;
  const start = `POST /trpc/${encodeURIComponent(wellFormed(procedurePath(random)))} HTTP/1.1\r\n${head}Content-Length: ${length}\r\n\r\n`;
  return [Buffer.from(start), body];
};

/** Frames as the ws protocol has them, and as it forbids them, around messages that are almost right. */
const frames: Maker = (random, target) => {
  const start = upgrade(target, random.chance(0.5) ? '?connectionParams=1' : '');
  const hello = random.pick([
    `{"method":"connectionParams","data":{"contract":"1","token":${JSON.stringify(anyToken(random, target))}}}`,
    '{"method":"connectionParams","data":{"contract":"1"}}',
    `{"method":"connectionParams","data":${jsonText(random, 1)}}`,
    jsonText(random),
  ]);
  const messages = Array.from({ length: random.int(1, 12) }, () => {
    if (random.chance(0.1)) return noise(random, random.int(0, 200));
    const one = envelope(random, target);
    return Buffer.from(random.chance(0.8) ? one : `[${Array(random.int(2, 40)).fill(one).join(',')}]`);
  });
  return [start, frame(random, Buffer.from(hello), true), ...messages.map((message) => frame(random, message, false))];
};

/** Bytes where a protocol was expected, and messages that never end. */
const unfinished: Maker = (random, target) => {
  if (random.chance(0.3)) return [noise(random, random.int(1, 500))];
  if (random.chance(0.5)) {
    return [Buffer.from(`POST /trpc/campaign.get HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n\r\n{`)];
  }
  const header = Buffer.alloc(14);
  header[0] = 0x81;
  header[1] = 0xff;
  header.writeBigUInt64BE(BigInt(random.pick([1_000, 1_000_000, 2 ** 40])), 2);
  return [upgrade(target, ''), header, noise(random, 500)];
};

const MAKERS: Readonly<Record<string, Maker>> = { oddHttp, calls, flags, frames, reads, unfinished };

export function makeAttack(random: SeededRandom, target: Target): Attack {
  const kind = random.pick(Object.keys(MAKERS));
  return { kind, pieces: MAKERS[kind]?.(random, target) ?? [] };
}

/** Sends an attack, and returns what came back. It ends by itself, whatever the server does. */
export async function carryOut(attack: Attack, port: number): Promise<Buffer> {
  const socket: Socket = connect(port, '127.0.0.1');
  const received: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => received.push(chunk));
  // Being cut off is what many of these are for.
  socket.on('error', () => undefined);
  const over = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  for (const piece of attack.pieces) socket.write(piece);
  const timer = setTimeout(() => socket.destroy(), CONNECTION_MS);
  await over;
  clearTimeout(timer);
  return Buffer.concat(received);
}

/** A text in UTF-8 without lone surrogates, as it must be to be written into an address. */
function wellFormed(text: string): string {
  return text.toWellFormed();
}

function upgrade({ port }: Target, query: string): Buffer {
  const key = randomBytes(16).toString('base64');
  return Buffer.from(
    `GET /trpc${query} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
  );
}

function frame(random: SeededRandom, payload: Buffer, proper: boolean): Buffer {
  const opcode = proper || random.chance(0.85) ? 1 : random.int(0, 15);
  const isFinal = proper || random.chance(0.9);
  const reserved = proper || random.chance(0.97) ? 0 : 0x40;
  const mask = noise(random, 4);
  const body = Buffer.from(payload.map((byte, index) => byte ^ (mask[index % 4] ?? 0)));
  const length = body.length;
  const first = (isFinal ? 0x80 : 0) | reserved | opcode;
  if (length < 126) return Buffer.concat([Buffer.from([first, 0x80 | length]), mask, body]);
  const size = Buffer.alloc(length < 65_536 ? 2 : 8);
  if (size.length === 2) size.writeUInt16BE(length);
  else size.writeBigUInt64BE(BigInt(length));
  return Buffer.concat([Buffer.from([first, 0x80 | (size.length === 2 ? 126 : 127)]), size, mask, body]);
}
