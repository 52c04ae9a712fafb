import { WebSocket } from 'ws';
import { nowMicros, type LoadCommand, type LoadReply, type Received } from './messages.ts';
import { PROTOCOLS, type Protocol } from './protocols.ts';

/** A process of thin clients. */

interface Client {
  socket: WebSocket;
  /** The last update that it has seen. */
  last: number;
  updates: number;
  frames: number;
  broken: boolean;
}

const clients: Client[] = [];
let latencies: number[] = [];
/** Connects so many at a time: a herd would measure the kernel's backlog. */
const AT_ONCE = 100;
const UPDATE = /"n":(\d+),"t":(\d+)/g;

function reply(message: LoadReply): void {
  process.send?.(message);
}

function take(client: Client, text: string, arrived: number): void {
  let found = false;
  for (const [, number, time] of text.matchAll(UPDATE)) {
    const n = Number(number);
    found = true;
    if (client.last !== 0 && n !== client.last + 1) client.broken = true;
    client.last = n;
    client.updates += 1;
    latencies.push(arrived - Number(time));
  }
  if (found) client.frames += 1;
}

function open(protocol: Protocol, port: number): Promise<Client> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${protocol.path}`, protocol.subprotocol, { perMessageDeflate: false });
    const client: Client = { socket, last: 0, updates: 0, frames: 0, broken: false };
    let joined = false;
    socket.on('open', () => protocol.join(socket, undefined));
    socket.on('error', reject);
    socket.on('message', (data) => {
      const arrived = nowMicros();
      // ws hands over a Buffer unless it is told otherwise.
      const text = (data as Buffer).toString();
      if (protocol.housekeeping?.(socket, text) === true) return;
      if (joined) take(client, text, arrived);
      else if (protocol.join(socket, text)) {
        joined = true;
        resolve(client);
      }
    });
  });
}

async function connect(protocol: Protocol, port: number, count: number): Promise<void> {
  for (let opened = 0; opened < count; opened += AT_ONCE) {
    const batch = Array.from({ length: Math.min(AT_ONCE, count - opened) }, () => open(protocol, port));
    clients.push(...(await Promise.all(batch)));
  }
}

async function untilSeen(last: number, patience: number): Promise<Received> {
  const until = performance.now() + patience;
  while (performance.now() < until && clients.some((client) => client.last < last)) await new Promise((resolve) => setTimeout(resolve, 5));
  return {
    clients: clients.length,
    updates: clients.reduce((sum, client) => sum + client.updates, 0),
    frames: clients.reduce((sum, client) => sum + client.frames, 0),
    broken: clients.filter(({ broken }) => broken).length,
    complete: clients.filter((client) => client.last === last).length,
    latencies: sample(latencies.sort((a, b) => a - b)),
  };
}

/** At most 2,000, evenly: enough for percentiles, little to send. */
function sample(sorted: number[]): number[] {
  const step = Math.max(1, sorted.length / 2_000);
  return Array.from({ length: Math.floor(sorted.length / step) }, (_, index) => sorted[Math.floor(index * step)] ?? 0);
}

async function mutate(protocol: Protocol, port: number, count: number, window: number): Promise<{ seconds: number; latencies: number[] }> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${protocol.path}`, protocol.subprotocol, { perMessageDeflate: false });
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  if (!protocol.mutation) throw new Error('this system has no mutation');
  const waiting = new Map<number, { isAnswer(frame: string): boolean; sentAt: number }>();
  const taken: number[] = [];
  let sent = 0;
  const startedAt = performance.now();
  await new Promise<void>((resolve, reject) => {
    const send = (): void => {
      while (sent < count && waiting.size < window) {
        sent += 1;
        const made = protocol.mutation?.(sent);
        if (!made) return;
        waiting.set(sent, { isAnswer: made.isAnswer, sentAt: nowMicros() });
        socket.send(made.frame);
      }
    };
    socket.on('message', (data) => {
      // ws hands over a Buffer unless it is told otherwise.
      const text = (data as Buffer).toString();
      if (protocol.housekeeping?.(socket, text) === true) return;
      // Answers come in order or nearly so: the oldest are looked at first.
      for (const [id, { isAnswer, sentAt }] of waiting) {
        if (!isAnswer(text)) continue;
        if (text.includes('"error"')) return reject(new Error(text.slice(0, 300)));
        waiting.delete(id);
        taken.push(nowMicros() - sentAt);
        break;
      }
      if (taken.length === count) resolve();
      else send();
    });
    socket.on('close', () => reject(new Error('the server closed the connection')));
    // Socket.IO speaks first.
    if (protocol.path.includes('EIO=4')) socket.once('message', () => (socket.send('40'), socket.once('message', send)));
    else send();
  });
  const seconds = (performance.now() - startedAt) / 1_000;
  socket.removeAllListeners('close');
  socket.terminate();
  return { seconds, latencies: sample(taken.sort((a, b) => a - b)) };
}

function protocolNamed(name: string): Protocol {
  const protocol = PROTOCOLS[name];
  if (!protocol) throw new Error(`no protocol ${name}`);
  return protocol;
}

async function handle(command: LoadCommand): Promise<void> {
  switch (command.type) {
    case 'connect':
      await connect(protocolNamed(command.protocol), command.port, command.count);
      return reply({ type: 'connected' });
    case 'reset':
      latencies = [];
      for (const client of clients) Object.assign(client, { updates: 0, frames: 0, broken: false });
      return reply({ type: 'connected' });
    case 'await':
      return reply({ type: 'received', received: await untilSeen(command.last, command.patience) });
    case 'mutate':
      return reply({ type: 'mutated', ...(await mutate(protocolNamed(command.protocol), command.port, command.count, command.window)) });
    case 'close':
      for (const { socket } of clients.splice(0)) socket.terminate();
      return reply({ type: 'closed' });
  }
}

process.on('message', (command: LoadCommand) => void handle(command));
process.once('disconnect', () => process.exit());
