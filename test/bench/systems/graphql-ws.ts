import { EventEmitter, on } from 'node:events';
import { createServer } from 'node:http';
import { buildSchema } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocketServer } from 'ws';
import { payload } from '../harness/messages.ts';
import { serve } from '../harness/serve.ts';

await serve(async () => {
  const emitter = new EventEmitter().setMaxListeners(0);
  const schema = buildSchema(
    'type Item { id: Int label: String value: Int } type Update { n: Float t: Float items: [Item] } type Query { n: Int } type Subscription { bench: Update }',
  );
  const http = createServer();
  const wss = new WebSocketServer({ server: http, path: '/graphql', perMessageDeflate: false });
  useServer(
    {
      schema,
      roots: {
        subscription: {
          async *bench() {
            const events = on(emitter, 'update');
            yield { bench: { n: 0, t: 0, items: [] } };
            for await (const [update] of events) yield { bench: update };
          },
        },
      },
    },
    wss,
  );
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return {
    port: (http.address() as { port: number }).port,
    publish(n, bytes) {
      emitter.emit('update', payload(n, bytes));
    },
  };
});
