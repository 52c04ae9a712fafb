import { WebSocket, type RawData } from 'ws';
import { reconnectDelay } from '../../../client-sdk/src/link/backoff.ts';
import { TIMEOUTS } from '../../../client-sdk/src/link/live-socket.ts';
import { nowMicros, type Received } from './messages.ts';
import { protocolNamed, type Protocol } from './protocols.ts';
import { tokenOf } from './token.ts';

interface Watcher {
  socket: WebSocket | undefined;
  /** The number of the last update that it has seen. */
  last: number;
  updates: number;
  bytes: number;
  snapshots: number;
  broken: boolean;
  /** The last frame with an update, which says where to resume. */
  frame: string | undefined;
  readonly token: string | undefined;
}

/** Connects so many at a time: a herd would measure the kernel's backlog. */
const AT_ONCE = 100;
const UPDATE = /"n":(\d+),"t":(\d+)/g;

/** Frames as text; binary ones as Latin-1, a character for each byte. */
export function textOf(data: RawData, isBinary: boolean): string {
  // ws hands over a Buffer unless it is told otherwise.
  return (data as Buffer).toString(isBinary ? 'latin1' : 'utf8');
}

export function openSocket(protocol: Protocol, port: number, path: string, handshakeTimeout?: number): WebSocket {
  const options = {
    perMessageDeflate: protocol.takesCompressed === true,
    ...(handshakeTimeout !== undefined && { handshakeTimeout }),
  };
  return new WebSocket(`ws://127.0.0.1:${port}${path}`, protocol.subprotocol, options);
}

/** Thin clients that watch, count what they see, and notice a hole, a double or a wrong order. */
export function createWatchers() {
  const watchers: Watcher[] = [];
  let latencies: number[] = [];
  let following = false;

  const take = (watcher: Watcher, text: string, arrived: number): void => {
    watcher.bytes += text.length;
    for (const [, number, time] of text.matchAll(UPDATE)) {
      const n = Number(number);
      if (watcher.last !== 0 && n !== watcher.last + 1) watcher.broken = true;
      watcher.last = n;
      watcher.updates += 1;
      watcher.frame = text;
      latencies.push(arrived - Number(time));
    }
  };

  /** The first frame: a snapshot is where it stands, and no update that it has seen. */
  const begin = (watcher: Watcher, text: string, arrived: number, resumed: boolean): void => {
    const isSnapshot = text.includes('"type":"snapshot"');
    if (resumed && !isSnapshot) return take(watcher, text, arrived);
    if (resumed) watcher.snapshots += 1;
    watcher.last = Number([...text.matchAll(UPDATE)].at(-1)?.[1] ?? 0);
    watcher.frame = text;
  };

  const open = async (watcher: Watcher, protocol: Protocol, port: number): Promise<void> => {
    const path = (await protocol.reserve?.(port)) ?? protocol.path;
    const resumed = watcher.frame !== undefined;
    const session = {
      token: watcher.token,
      resumeId: watcher.frame === undefined ? undefined : protocol.resumeId?.(watcher.frame),
    };
    await new Promise<void>((resolve, reject) => {
      const socket = openSocket(protocol, port, path, resumed ? TIMEOUTS.handshake : undefined);
      watcher.socket = socket;
      let joined = false;
      socket.on('open', () => protocol.join(socket, undefined, session));
      socket.on('error', reject);
      socket.on('close', () =>
        joined ? comeBack(watcher, protocol, port) : reject(new Error('the connection closed before it was joined')),
      );
      socket.on('message', (data, isBinary) => {
        const arrived = nowMicros();
        const text = textOf(data, isBinary);
        if (protocol.housekeeping?.(socket, text) === true) return;
        if (joined) return take(watcher, text, arrived);
        if (!protocol.join(socket, text, session)) return;
        joined = true;
        begin(watcher, text, arrived, resumed);
        resolve();
      });
    });
  };

  /** As the SDK does, with its delays and its timeouts. */
  const comeBack = (watcher: Watcher, protocol: Protocol, port: number, attempt = 0, absent = false): void => {
    if (!following) return;
    setTimeout(
      () => {
        open(watcher, protocol, port).catch((error: unknown) =>
          comeBack(watcher, protocol, port, attempt + 1, isRefusal(error)),
        );
      },
      reconnectDelay(attempt, absent, Math.random()),
    );
  };

  return {
    async connect(name: string, port: number, count: number, secret: string | undefined): Promise<void> {
      const protocol = protocolNamed(name);
      for (let opened = 0; opened < count; opened += AT_ONCE) {
        const batch = Array.from({ length: Math.min(AT_ONCE, count - opened) }, (): Watcher => {
          const token = secret === undefined ? undefined : tokenOf(`watcher ${watchers.length}`, secret);
          const watcher: Watcher = {
            socket: undefined,
            last: 0,
            updates: 0,
            bytes: 0,
            snapshots: 0,
            broken: false,
            frame: undefined,
            token,
          };
          watchers.push(watcher);
          return watcher;
        });
        await Promise.all(batch.map((watcher) => open(watcher, protocol, port)));
      }
    },

    follow(): void {
      following = true;
    },

    reset(): void {
      latencies = [];
      for (const watcher of watchers) Object.assign(watcher, { updates: 0, bytes: 0, snapshots: 0, broken: false });
    },

    leave(count: number): void {
      for (const { socket } of watchers.splice(0, count)) socket?.terminate();
    },

    async received(last: number, timeoutMs: number): Promise<Received> {
      const until = performance.now() + timeoutMs;
      while (performance.now() < until && watchers.some((watcher) => watcher.last < last))
        await new Promise((resolve) => setTimeout(resolve, 5));
      return {
        watchers: watchers.length,
        updates: watchers.reduce((sum, watcher) => sum + watcher.updates, 0),
        bytes: watchers.reduce((sum, watcher) => sum + watcher.bytes, 0),
        snapshots: watchers.reduce((sum, watcher) => sum + watcher.snapshots, 0),
        broken: watchers.filter(({ broken }) => broken).length,
        complete: watchers.filter((watcher) => watcher.last === last).length,
        latencies: sample(latencies.sort((a, b) => a - b)),
      };
    },
  };
}

/** Whether nobody listened on the port. */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED';
}

/** At most 2,000, evenly: enough for percentiles, little to send. */
export function sample(sorted: readonly number[]): number[] {
  const step = Math.max(1, sorted.length / 2_000);
  return Array.from({ length: Math.floor(sorted.length / step) }, (_, index) => sorted[Math.floor(index * step)] ?? 0);
}
