import { Redis } from 'ioredis';
import { WebSocketServer, type WebSocket } from 'ws';
import { payload } from '../harness/messages.ts';
import { serve } from '../harness/serve.ts';

/** The floor of two instances: what one publishes in Redis, each writes to its sockets. */
const { REDIS_URL = '' } = process.env;

await serve(async () => {
  const wss = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  await new Promise((resolve) => wss.once('listening', resolve));
  const commands = new Redis(REDIS_URL);
  const subscriber = new Redis(REDIS_URL);
  const watching = new Set<WebSocket>();
  subscriber.on('messageBuffer', (_channel: Buffer, frame: Buffer) => {
    for (const socket of watching) socket.send(frame, { binary: false });
  });
  await subscriber.subscribe('bench');
  wss.on('connection', (socket) => {
    socket.on('message', () => {
      watching.add(socket);
      socket.send('{"snapshot":{}}');
    });
    socket.once('close', () => watching.delete(socket));
  });
  return {
    port: (wss.address() as { port: number }).port,
    publish: (n, bytes) => commands.publish('bench', JSON.stringify(payload(n, bytes))),
  };
});
