import { connect, type Socket } from 'node:net';
import { WebSocket } from 'ws';

/** What an abuser asks for, without end, until it is told to stop. */
export type AbuseSort = 'reader' | 'refused' | 'subscriber' | 'editor' | 'holder' | 'unfinished';

/** The process's task: `process.argv[2]`, as JSON. */
export interface AbuseTask {
  readonly sort: AbuseSort;
  readonly port: number;
  readonly campaignId: string;
  /** Without one it calls as nobody. */
  readonly token?: string;
}

const task: AbuseTask = JSON.parse(process.argv[2] ?? '{}');

/** Connections at once: what one machine behind one address would open. */
const CONNECTIONS = 8;
/** Calls in a frame of the readers and of those that are refused. */
const CALLS = 1_000;
/** A server that cuts an abuser off is asked again after this many milliseconds. */
const RETRY_MS = 50;

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

function open(): WebSocket {
  const socket = new WebSocket(`ws://127.0.0.1:${task.port}/trpc?connectionParams=1`, { perMessageDeflate: false });
  // Being cut off is what it is here for.
  socket.on('error', () => undefined);
  socket.on('open', () =>
    socket.send(JSON.stringify({ method: 'connectionParams', data: { contract: '1', token: task.token } })),
  );
  return socket;
}

/** Sends a frame, waits for any answer or the end, and sends the next. */
async function flood(frame: (round: number) => string): Promise<never> {
  for (let round = 0; ;) {
    const socket = open();
    const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    await Promise.race([new Promise((resolve) => socket.once('open', resolve)), ended]);
    while (socket.readyState === WebSocket.OPEN) {
      const answered = new Promise((resolve) => socket.once('message', resolve));
      socket.send(frame(round++));
      await Promise.race([answered, ended]);
    }
    await pause(RETRY_MS);
  }
}

function calls(count: number, one: (id: number) => object): string {
  return JSON.stringify(Array.from({ length: count }, (_, id) => ({ id, jsonrpc: '2.0', ...one(id) })));
}

const { campaignId } = task;

const SORTS: Readonly<Record<AbuseSort, () => Promise<never>>> = {
  reader: () =>
    flood(() => calls(CALLS, () => ({ method: 'query', params: { path: 'campaign.get', input: { campaignId } } }))),

  refused: () =>
    flood(() =>
      calls(CALLS, () => ({
        method: 'mutation',
        params: { path: 'campaign.update', input: { campaignId, updates: { ['x'.repeat(200)]: 'y' } } },
      })),
    ),

  subscriber: () =>
    flood((round) =>
      JSON.stringify([
        { id: round, method: 'subscription', params: { path: 'campaign.watch', input: { campaignId } } },
        { id: round, method: 'subscription.stop' },
      ]),
    ),

  editor: () =>
    flood((round) =>
      calls(100, (id) => ({
        method: 'mutation',
        params: {
          path: 'campaign.batch',
          input: {
            campaignId,
            commands: Array.from({ length: 100 }, (_, index) => ({
              type: 'update',
              updates: { [`k${(id * 100 + index) % 18_000}`]: round },
            })),
          },
        },
      })),
    ),

  async holder() {
    for (;;) {
      const socket = open();
      const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()));
      socket.on('open', () => {
        socket.pause();
        const frame = calls(CALLS, () => ({
          method: 'query',
          params: { path: 'campaign.get', input: { campaignId } },
        }));
        for (let sent = 0; sent < 20; sent += 1) socket.send(frame);
      });
      await Promise.race([ended, pause(5_000)]);
      socket.terminate();
      await pause(RETRY_MS);
    }
  },

  async unfinished() {
    const bearer = task.token === undefined ? '' : `Authorization: Bearer ${task.token}\r\n`;
    const half = `POST /trpc/campaign.get HTTP/1.1\r\nHost: 127.0.0.1\r\n${bearer}Content-Type: application/json\r\nContent-Length: 1000000\r\n\r\n`;
    const opened: Socket[] = [];
    for (;;) {
      const socket = connect(task.port, '127.0.0.1');
      socket.on('error', () => undefined);
      socket.write(half);
      socket.write('x'.repeat(100_000));
      opened.push(socket);
      if (opened.length > 500) opened.shift()?.destroy();
      await pause(5);
    }
  },
};

await Promise.all(Array.from({ length: CONNECTIONS }, () => SORTS[task.sort]()));
