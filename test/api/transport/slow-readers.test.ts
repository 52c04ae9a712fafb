import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { collectGarbage } from '../../support/collect-garbage.ts';
import { BACKPRESSURE_HIGH_WATER_BYTES } from '../../../server/engine/streams/backpressure.ts';
import type { CampaignServer } from '../../../server/index.ts';
import { streamMirror } from '../../support/stream-mirror.ts';
import type { StreamMirror } from '../../support/stream-mirror.ts';
import { rawSocket, textOf } from '../support/clients.ts';
import type { Raw } from '../support/clients.ts';
import { CAMPAIGN, startServer, until } from '../support/server.ts';

const caller = { identity: { id: 'editor', grants: { '*': 'editor' as const } }, correlationId: 'test' };
const MEGABYTE = 1024 * 1024;

/** The server's sockets of all connections of this process, by the client's port. */
const accepted = new Map<number, Socket>();
const accept = (message: unknown): void => {
  const { socket } = message as { socket: Socket };
  accepted.set(socket.remotePort ?? 0, socket);
};

beforeEach(() => subscribe('net.server.socket', accept));
afterEach(() => {
  unsubscribe('net.server.socket', accept);
  accepted.clear();
});

interface Reader {
  raw: Raw;
  mirror: StreamMirror;
  /** The first violation of the stream's order (G1). */
  error: unknown;
  pause(): void;
  resume(): void;
  /** Reads one chunk. */
  sip(): void;
  /** Bytes that the server holds unsent for it. */
  held(): number;
}

async function openReader(server: CampaignServer): Promise<Reader> {
  const raw = await rawSocket(server.url);
  // The socket below `ws`, which would read on into its own buffers.
  const link = Reflect.get(raw.socket, '_socket') as Socket;
  const port = link.localPort ?? 0;
  const mirror = streamMirror();
  const pause = (): void => void link.pause();
  const reader: Reader = {
    raw,
    mirror,
    error: undefined,
    pause,
    resume() {
      // One sip that nothing has come for would end the reading.
      link.off('data', pause);
      link.resume();
    },
    sip: () => void link.off('data', pause).once('data', pause).resume(),
    held: () => accepted.get(port)?.writableLength ?? 0,
  };
  raw.socket.on('message', (data) => {
    raw.messages.length = 0;
    const { result } = JSON.parse(textOf(data));
    if (result?.type !== 'data') return;
    try {
      mirror.take({ resumeId: result.id, event: result.data.data });
    } catch (error) {
      reader.error ??= error;
    }
  });
  raw.send({ id: 1, method: 'subscription', params: { path: 'campaign.watch', input: { campaignId: CAMPAIGN } } });
  await until(() => mirror.version === 1);
  return reader;
}

/** Bytes that are in use after a garbage collection. */
function retained(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Pushes `pushes` batches of `each` changes, as clients push them; the event loop serves sockets in between. */
async function storm(
  { service }: CampaignServer,
  pushes: number,
  each: number,
  text: string,
  between: () => void,
): Promise<void> {
  for (let push = 0; push < pushes; push += 1) {
    const mutations = Array.from({ length: each }, (_, index) => {
      const mutationId = `m${push}-${index}`;
      return { mutationId, command: { type: 'update' as const, updates: { description: `${mutationId} ${text}` } } };
    });
    await service.push(caller, CAMPAIGN, mutations);
    await new Promise((resolve) => setImmediate(resolve));
    between();
  }
}

describe.each(['rooms', 'iterator'] as const)('slow readers (%s)', (fanOut) => {
  // Without an archive, only the newest entries stay in memory.
  const start = (): Promise<CampaignServer> => startServer({ fanOut, archive: undefined });

  test('S20 a paused socket under 200,000 changes holds no more than the stated bound, and converges with one snapshot (G10)', async () => {
    const server = await start();
    const paused = await openReader(server);
    paused.pause();
    let most = 0;
    let filled = 0;
    await storm(server, 2_000, 100, 'x'.repeat(50), () => {
      most = Math.max(most, paused.held());
      if (filled === 0 && paused.held() > BACKPRESSURE_HIGH_WATER_BYTES) filled = retained();
    });
    // Above the high-water mark, by no more than one event.
    expect(most).toBeGreaterThan(BACKPRESSURE_HIGH_WATER_BYTES);
    expect(most).toBeLessThan(BACKPRESSURE_HIGH_WATER_BYTES + MEGABYTE);
    expect(filled).toBeGreaterThan(0);
    expect(retained() - filled).toBeLessThan(16 * MEGABYTE);
    paused.resume();
    await until(() => paused.mirror.version === 200_001 || paused.error !== undefined);
    expect(paused.error).toBeUndefined();
    expect(paused.mirror.snapshots).toEqual(['start', 'slow']);
    expect(paused.mirror.content.state['description']).toContain('m1999-99');
    expect(paused.held()).toBe(0);
  });

  test('S21 while half of the readers are paused, the others miss nothing, and all converge', async () => {
    const server = await start();
    const readers = await Promise.all(Array.from({ length: 60 }, () => openReader(server)));
    const [asleep, awake] = [readers.slice(0, 30), readers.slice(30)];
    for (const reader of asleep) reader.pause();
    let most = 0;
    // 10 MB for each, of which the kernel buffers some.
    await storm(server, 1_250, 1, 'x'.repeat(8_000), () => {
      most = Math.max(most, ...asleep.map((reader) => reader.held()));
    });
    expect(most).toBeGreaterThan(BACKPRESSURE_HIGH_WATER_BYTES);
    expect(most).toBeLessThan(BACKPRESSURE_HIGH_WATER_BYTES + MEGABYTE);
    await until(() => awake.every(({ mirror, error }) => mirror.version === 1_251 || error !== undefined));
    for (const reader of asleep) reader.resume();
    await until(() => asleep.every(({ mirror, error }) => mirror.version === 1_251 || error !== undefined));
    for (const { mirror, error } of readers) {
      expect(error).toBeUndefined();
      expect(mirror.content).toEqual(awake[0]?.mirror.content);
    }
    for (const { mirror } of awake) expect(mirror).toMatchObject({ entries: 1_250, snapshots: ['start'] });
    for (const { mirror } of asleep) expect(mirror.snapshots).toContain('slow');
  });

  test('S22 a reader that reads slowly stays connected, sees no gap, and converges', async () => {
    const server = await start();
    const slow = await openReader(server);
    slow.pause();
    let most = 0;
    let pushes = 0;
    await storm(server, 3_000, 1, 'x'.repeat(8_000), () => {
      most = Math.max(most, slow.held());
      pushes += 1;
      // One chunk of the kernel's buffer at a time, at most 64 KB, where 320 KB have come.
      if (pushes % 40 === 0) slow.sip();
    });
    slow.resume();
    await until(() => slow.mirror.version === 3_001 || slow.error !== undefined || slow.raw.code !== undefined);
    expect([slow.error, slow.raw.code]).toEqual([undefined, undefined]);
    expect(most).toBeLessThan(BACKPRESSURE_HIGH_WATER_BYTES + MEGABYTE);
    expect(slow.mirror.snapshots).toContain('slow');
    expect(slow.mirror.content.state['description']).toContain('m2999-0');
  });
});
