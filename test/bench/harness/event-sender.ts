import { setTimeout as pause } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { SECRET, tokenOf } from './token.ts';

/** The process's task: `process.argv[2]`, as JSON. */
export interface SendTask {
  readonly port: number;
  readonly campaignId: string;
  readonly rule: string;
  readonly arms: readonly string[];
  /** The position that all of it was rendered at. */
  readonly position: string;
  /** Events a second; 0: as many as are answered. */
  readonly perSecond: number;
}

/** What it says when it is told to stop; when the first batch is answered it says `begun`. */
export interface Sent {
  /** Events that were acknowledged as durable, and in how many seconds. */
  readonly events: number;
  readonly seconds: number;
  /** Batches that were refused. */
  readonly refused: number;
}

/** Connections, each of a caller of its own, as visitors behind as many addresses are. */
const CONNECTIONS = 16;
/** Batches of a connection that wait for their answer. */
const WINDOW = 16;
/** A visitor is shown something, and does a few things. */
const GOALS = 4;
const EVENTS = GOALS + 1;

const task: SendTask = JSON.parse(process.argv[2] ?? '{}');
let visitors = 0;
let events = 0;
let refused = 0;
let over = false;
let budget = 0;
/** When the first batch was answered. */
let startedAt: number | undefined;

function begin(): void {
  if (startedAt !== undefined) return;
  startedAt = performance.now();
  events = 0;
  process.send?.('begun');
}

function batch(): object {
  visitors += 1;
  const { campaignId, rule, arms, position } = task;
  const rendered = { position, at: Date.now() };
  const arm = arms[visitors % arms.length];
  return {
    campaignId,
    batchId: `${process.pid}-${visitors}`,
    viewer: { attributes: { id: `visitor-${process.pid}-${visitors}` } },
    events: [
      { kind: 'exposure', rule, arm, phase: 1, ...rendered },
      ...Array.from({ length: GOALS }, (_none, index) => ({ kind: 'goal', name: 'lead', value: index, ...rendered })),
    ],
  };
}

async function send(connection: number): Promise<void> {
  const socket = new WebSocket(`ws://127.0.0.1:${task.port}/trpc?connectionParams=1`);
  const token = tokenOf(`visitor-${process.pid}-${connection}`, SECRET);
  let waiting = 0;
  let id = 0;
  const opened = new Promise((resolve) => socket.once('open', resolve));
  await opened;
  socket.send(JSON.stringify({ method: 'connectionParams', data: { contract: '1', token } }));
  socket.on('message', (data) => {
    const text = Buffer.isBuffer(data) ? data.toString() : '';
    if (text === 'PING') return socket.send('PONG');
    const answers: unknown = text.startsWith('[') || text.startsWith('{') ? JSON.parse(text) : [];
    for (const answer of [answers].flat()) {
      if (typeof answer !== 'object' || answer === null || !('id' in answer) || typeof answer.id !== 'number') continue;
      waiting -= 1;
      begin();
      if ('error' in answer) refused += 1;
      else events += EVENTS;
    }
  });
  while (!over) {
    const mayStart = Math.min(WINDOW - waiting, task.perSecond === 0 ? WINDOW : Math.floor(budget / EVENTS));
    for (let index = 0; index < mayStart; index += 1) {
      budget -= EVENTS;
      waiting += 1;
      id += 1;
      const params = { path: 'analytics.track', input: batch() };
      socket.send(JSON.stringify({ id, jsonrpc: '2.0', method: 'mutation', params }));
    }
    await pause(1);
  }
  socket.terminate();
}

let filledAt = performance.now();
const fill = setInterval(() => {
  const now = performance.now();
  budget = Math.min(task.perSecond, budget + (task.perSecond * (now - filledAt)) / 1_000);
  filledAt = now;
}, 5);

process.once('message', () => {
  over = true;
  clearInterval(fill);
  const sent: Sent = { events, seconds: (performance.now() - (startedAt ?? performance.now())) / 1_000, refused };
  process.send?.(sent, () => process.exit());
});
process.once('disconnect', () => process.exit());
await Promise.all(Array.from({ length: CONNECTIONS }, (_none, connection) => send(connection)));
