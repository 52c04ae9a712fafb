import { createServer } from 'node:http';
import { Hocuspocus } from '@hocuspocus/server';
import { WebSocketServer } from 'ws';
import { payload } from '../harness/messages.ts';
import { serve } from '../harness/serve.ts';

/**
 * A Yjs document that the server itself changes; the update is a text in a map, as an application would keep a record.
 */
await serve(async () => {
  const hocuspocus = new Hocuspocus({ quiet: true });
  const http = createServer();
  const wss = new WebSocketServer({ server: http, perMessageDeflate: false });
  wss.on('connection', (socket, request) => hocuspocus.handleConnection(socket, request));
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const direct = await hocuspocus.openDirectConnection('bench');
  return {
    port: (http.address() as { port: number }).port,
    publish: (n, bytes) =>
      direct.transact((document) => void document.getMap('bench').set('update', JSON.stringify(payload(n, bytes)))),
  };
});
