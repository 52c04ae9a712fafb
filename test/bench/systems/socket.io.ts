import { createServer } from 'node:http';
import { Server } from 'socket.io';
import { payload } from '../harness/messages.ts';
import { serve } from '../harness/serve.ts';

await serve(async () => {
  const http = createServer();
  const io = new Server(http, { transports: ['websocket'], perMessageDeflate: false });
  io.on('connection', (socket) => {
    socket.on('join', (room: string) => {
      void socket.join(room);
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
