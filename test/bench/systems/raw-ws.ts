import { jwtVerify } from 'jose';
import { WebSocketServer, type WebSocket } from 'ws';
import { payload } from '../harness/messages.ts';
import { serve } from '../harness/serve.ts';

/**
 * The floor: one buffer, written to everyone, and a change that is only answered. With `AUTH_SECRET` it verifies the
 * token of whoever subscribes; `BENCH_BYTES` is the size of the snapshot that it sends then.
 */
const { AUTH_SECRET, BENCH_BYTES = '0' } = process.env;
const secret =
  AUTH_SECRET === undefined
    ? undefined
    : await crypto.subtle.importKey(
        'raw',
        new TextEncoder().encode(AUTH_SECRET),
        { name: 'HMAC', hash: 'SHA-256' },
        false,
        ['verify'],
      );
const state = { slug: 'bench', title: 'Bench', status: 'active', about: { text: 'x'.repeat(Number(BENCH_BYTES)) } };

await serve(async () => {
  const wss = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  const watching = new Set<WebSocket>();
  await new Promise((resolve) => wss.once('listening', resolve));

  const receive = async (socket: WebSocket, text: string): Promise<void> => {
    const message = JSON.parse(text) as { subscribe?: string; token?: string; id?: number };
    if (message.subscribe === undefined) return socket.send(JSON.stringify({ id: message.id, ok: true }));
    if (secret) await jwtVerify(message.token ?? '', secret, { algorithms: ['HS256'] });
    watching.add(socket);
    socket.send(JSON.stringify({ snapshot: state }));
  };

  wss.on('connection', (socket) => {
    // ws hands over a Buffer unless it is told otherwise.
    socket.on('message', (data) => void receive(socket, (data as Buffer).toString()).catch(() => socket.close()));
    socket.once('close', () => watching.delete(socket));
  });
  return {
    port: (wss.address() as { port: number }).port,
    publish(n, bytes) {
      const frame = Buffer.from(JSON.stringify(payload(n, bytes)));
      for (const socket of watching) socket.send(frame, { binary: false });
    },
  };
});
