import { EventEmitter, on } from 'node:events';
import { createServer } from 'node:http';
import { initTRPC, tracked } from '@trpc/server';
import { applyWSSHandler } from '@trpc/server/adapters/ws';
import { WebSocketServer } from 'ws';
import { z } from 'zod';
import { payload } from '../harness/messages.ts';
import { serve } from '../harness/serve.ts';

/**
 * tRPC as its documentation shows it: a generator over `on()` for each subscriber, and a mutation that does nothing.
 */
await serve(async () => {
  const t = initTRPC.create();
  const emitter = new EventEmitter().setMaxListeners(0);
  let count = 0;
  const router = t.router({
    watch: t.procedure.input(z.object({ lastEventId: z.string().optional() })).subscription(async function* ({
      signal,
    }) {
      const events = on(emitter, 'update', { signal: signal ?? new AbortController().signal });
      yield tracked('0', { snapshot: {} });
      for await (const [update] of events) yield tracked(String((count += 1)), update);
    }),
    update: t.procedure
      .input(z.object({ campaignId: z.string(), updates: z.record(z.string(), z.unknown()) }))
      .mutation(() => ({ ok: true })),
  });
  const http = createServer();
  const wss = new WebSocketServer({ server: http, path: '/trpc', perMessageDeflate: false });
  applyWSSHandler({ wss, router, createContext: () => ({}) });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return {
    port: (http.address() as { port: number }).port,
    publish(n, bytes) {
      emitter.emit('update', payload(n, bytes));
    },
  };
});
