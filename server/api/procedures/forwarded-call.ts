import type { Context } from '../connection/context.ts';
import type { Upstream } from '../connection/upstream.ts';
import type { Call, CallType } from './run-call.ts';
import { subscriptionOf } from './subscriptions/subscription.ts';

/**
 * Has a call answered by the server that this one stands before, which parses and authorises it. Mutations are sent in
 * the order in which they arrived on their connection, and decided in that.
 */
export async function forwarded(
  upstream: Upstream,
  ctx: Context,
  call: Call,
  type: CallType,
  input: unknown,
): Promise<unknown> {
  const { connection } = ctx;
  const request = { path: call.path, type, input, correlationId: call.correlationId };
  if (type === 'subscription')
    return subscriptionOf(
      { ...ctx, call },
      undefined,
      () => upstream.subscribe(connection, request),
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
