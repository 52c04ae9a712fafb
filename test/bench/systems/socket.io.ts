import { createServer } from 'node:http';
import { createAdapter } from '@socket.io/redis-adapter';
import { Redis } from 'ioredis';
import { Server } from 'socket.io';
import { payload } from '../harness/messages.ts';
import { serve } from '../harness/serve.ts';

/** A room; with `REDIS_URL`, over its Redis adapter, so that two servers share it. */
const { REDIS_URL } = process.env;

await serve(async () => {
  const http = createServer();
  const io = new Server(http, {
    transports: ['websocket'],
    perMessageDeflate: false,
    ...(REDIS_URL !== undefined && { adapter: createAdapter(new Redis(REDIS_URL), new Redis(REDIS_URL)) }),
  });
  io.on('connection', (socket) => {
    socket.on('join', async (room: string) => {
      await socket.join(room);
      socket.emit('update', { snapshot: {} });
    });
    socket.on('change', (_update: unknown, answer: (reply: unknown) => void) => answer({ ok: true }));
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return {
    port: (http.address() as { port: number }).port,
    publish(n, bytes) {
      io.to('bench').emit('update', payload(n, bytes));
    },
  };
});
