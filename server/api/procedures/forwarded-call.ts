import { setTimeout as pause } from 'node:timers/promises';
import { BACKPRESSURE_POLL_MS, BACKPRESSURE_TIMEOUT_MS, isBackpressured } from '../../engine/streams/backpressure.ts';
import type { Connection, Context } from '../connection/context.ts';
import type { Upstream } from '../connection/upstream.ts';
import type { Call, CallType } from './run-call.ts';
import { subscriptionOf } from './subscriptions/subscription.ts';

/** What of a call goes upstream. */
interface ForwardedInput {
  readonly type: CallType;
  readonly input: unknown;
  /** Of a subscription: aborted when its client has gone. */
  readonly signal: AbortSignal | undefined;
}

/**
 * Has a call answered by the server that this one stands before, which parses and authorises it. Mutations are sent in
 * the order in which they arrived on their connection, and decided in that.
 */
export async function forwarded(
  upstream: Upstream,
  ctx: Context,
  call: Call,
  { type, input, signal }: ForwardedInput,
): Promise<unknown> {
  const { connection } = ctx;
  const request = { path: call.path, type, input, correlationId: call.correlationId };
  if (type === 'subscription')
    return subscriptionOf(
      { ...ctx, call },
      undefined,
      () => paced(upstream.subscribe(connection, request), connection, signal),
      (value) => value,
    );
  if (type === 'query') return upstream.call(connection, request);
  // Its weight is known upstream, where the caller's whole rate counts.
  if (connection.isAdmitted()) await connection.spend(1);
  await call.ticket?.turn();
  const answer = upstream.call(connection, request);
  call.ticket?.release();
  return answer;
}

/**
 * Takes the next value only while its client reads: what comes meanwhile waits in the source, which bounds it. A client
 * that reads nothing for long is disconnected, as by every stream.
 */
function paced(
  source: AsyncIterator<unknown>,
  reader: Connection,
  signal: AbortSignal | undefined,
): AsyncIterator<unknown> {
  let isOver = false;
  const end = (): void => void source.return?.().catch(() => undefined);
  // Over SSE tRPC ends the iterator with the next value, or ping.
  if (signal?.aborted === true) end();
  else signal?.addEventListener('abort', end, { once: true });
  return {
    async next() {
      const deadline = performance.now() + BACKPRESSURE_TIMEOUT_MS;
      while (!isOver && isBackpressured(reader)) {
        if (performance.now() > deadline) reader.disconnect();
        await pause(BACKPRESSURE_POLL_MS, undefined, { ref: false });
      }
      return source.next();
    },
    async return() {
      isOver = true;
      return (await source.return?.()) ?? { done: true, value: undefined };
    },
  };
}
