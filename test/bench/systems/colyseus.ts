import { createServer } from 'node:http';
import { Room, Server, type Client } from '@colyseus/core';
import { schema, type SchemaType } from '@colyseus/schema';
import { WebSocketTransport } from '@colyseus/ws-transport';
import { payload } from '../harness/messages.ts';
import { serve } from '../harness/serve.ts';

const State = schema({ update: 'string' });

/** A room whose patches are sent when something has changed, not by its timer. */
class BenchRoom extends Room<{ state: SchemaType<typeof State> }> {
  static current: BenchRoom | undefined;
  override state = new State();
  override maxClients = Number.POSITIVE_INFINITY;
  override patchRate = null;

  override onCreate(): void {
    BenchRoom.current = this;
    this.onMessage('change', (client: Client, id: string) => client.send('changed', id));
  }
}

await serve(async () => {
  const http = createServer();
  const server = new Server({
    transport: new WebSocketTransport({ server: http }),
    greet: false,
    gracefullyShutdown: false,
  });
  server.define('bench', BenchRoom);
  await server.listen(0, '127.0.0.1');
  return {
    port: (http.address() as { port: number }).port,
    publish(n, bytes) {
      const room = BenchRoom.current;
      if (!room) return;
      room.state.update = JSON.stringify(payload(n, bytes));
      room.broadcastPatch();
    },
  };
});
