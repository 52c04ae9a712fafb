import { WebSocketServer, type WebSocket } from 'ws';
import { payload } from '../harness/messages.ts';
import { serve } from '../harness/serve.ts';

/** The floor: one buffer, written to everyone. */
await serve(async () => {
  const wss = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  const watching = new Set<WebSocket>();
  await new Promise((resolve) => wss.once('listening', resolve));
  wss.on('connection', (socket) => {
    socket.on('message', (data) => {
      const message = JSON.parse((data as Buffer).toString());
      if (message.subscribe) {
        watching.add(socket);
        socket.send('{"snapshot":{}}');
      } else {
        socket.send(JSON.stringify({ id: message.id, ok: true }));
      }
    });
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
