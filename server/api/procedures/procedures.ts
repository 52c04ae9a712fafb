import { initTRPC } from '@trpc/server';
import { CAMPAIGN_ID_PATTERN } from '../../core/document/campaign.ts';
import type { Caller } from '../../engine/service.ts';
import { freshId } from '../../engine/system-clock.ts';
import type { CallReport, Context } from '../connection/context.ts';
import { formatError, refusalOf, toCallError } from '../failure.ts';
import type { TurnTicket } from '../connection/order-lane.ts';

const t = initTRPC.context<Context>().create({
  // Stacks would reach clients otherwise.
  isDev: false,
  errorFormatter: formatError,
  // Pings carry no id, so that they do not move the position from which a client resumes.
  sse: { ping: { enabled: true, intervalMs: 15_000 }, client: { reconnectAfterInactivityMs: 40_000 } },
});

export const { router, createCallerFactory } = t;

/** One call, as its procedure sees it. */
export interface Call {
  readonly path: string;
  readonly correlationId: string;
  /** Only mutations have a place in the order of arrival. */
  readonly ticket: TurnTicket | undefined;
  /** When nobody waits for the answer any more: on a ws connection tRPC's own signal knows of subscriptions alone. */
  readonly gone: AbortSignal | undefined;
  readonly startedAt: number;
}

/** A context that has passed the middleware below. */
export interface CallContext extends Context {
  readonly call: Call;
}

/**
 * The first thing that happens to every call, its place in the order of arrival, and the last, its report.
 * Subscriptions are reported when they end (`subscription.ts`), unless they were refused before they began. One step
 * for all of it: each further one costs a copy of the context and several promises a call.
 *
 * @param admitFirst whether an identity is needed before the input is looked at
 */
function framed(admitFirst: boolean) {
  return t.procedure.use(async ({ ctx, path, type, getRawInput, next }) => {
    const { connection } = ctx;
    // Nothing may be awaited before this line: up to here, calls come in the order in which their messages arrived.
    const ticket = type === 'mutation' ? connection.lane.take() : undefined;
    const gone = type === 'subscription' ? undefined : ctx.connection.closed;
    const call: Call = {
      path,
      ticket,
      gone,
      correlationId: ctx.correlationId ?? freshId(),
      startedAt: performance.now(),
    };
    let endCall: (() => void) | undefined;
    try {
      endCall = connection.beginCall();
      if (admitFirst) connection.admitted();
      const result = await next({ ctx: { call } });
      if (result.ok && type === 'subscription') return result;
      ctx.report(reportOf(ctx, call, type, await campaignIdOf(getRawInput), result.ok ? undefined : result.error));
      return result.ok ? result : { ...result, error: toCallError(result.error, call.correlationId) };
    } catch (error) {
      // Refused by this step itself: `next` throws nothing.
      ctx.report(reportOf(ctx, call, type, await campaignIdOf(getRawInput), error));
      throw toCallError(error, call.correlationId);
    } finally {
      endCall?.();
      ticket?.release();
    }
  });
}

/** Mutations are let in later, at their turn: the one before them may be `session.authenticate`. */
export const mutationProcedure = framed(false);

/** Queries and subscriptions need an identity before their input is looked at. */
export const procedure = framed(true);

/** Who asks. To be called when the answer is decided, not earlier: the identity of a live connection can change. */
export function callerOf(ctx: CallContext, signal: AbortSignal | undefined): Caller {
  return {
    identity: ctx.connection.admitted(),
    correlationId: ctx.call.correlationId,
    signal: ctx.call.gone ?? signal,
  };
}

/**
 * Hands mutations to the engine in the order in which they arrived on their connection. `call` must take its place in
 * the engine's queue before it returns its promise; the next one is let through then, not when the answer is there.
 *
 * @param weight how many mutations this call counts for, against the rate limit
 */
export async function inTurn<T>(
  ctx: CallContext,
  signal: AbortSignal | undefined,
  weight: number,
  call: (caller: Caller) => Promise<T>,
): Promise<T> {
  await ctx.connection.spend(weight);
  await ctx.call.ticket?.turn();
  const answer = call(callerOf(ctx, signal));
  ctx.call.ticket?.release();
  return answer;
}

/** What is to be logged of a call that is over. */
export function reportOf(
  ctx: Context,
  call: Call,
  type: CallReport['type'],
  campaignId: string | undefined,
  error: unknown,
): CallReport {
  const refusal = refusalOf(error);
  return {
    path: call.path,
    type,
    campaignId,
    actor: ctx.connection.actor(),
    correlationId: call.correlationId,
    milliseconds: performance.now() - call.startedAt,
    outcome: error === undefined ? { kind: 'ok' } : refusal ? { kind: 'refused', refusal } : { kind: 'failed', error },
  };
}

/**
 * The campaign a call was about, for the log; nothing that is not an id, and nothing where the input could not be read.
 */
async function campaignIdOf(getRawInput: () => Promise<unknown>): Promise<string | undefined> {
  const input = await getRawInput().catch(() => undefined);
  if (typeof input !== 'object' || input === null || !('campaignId' in input)) return undefined;
  const { campaignId } = input;
  return typeof campaignId === 'string' && CAMPAIGN_ID_PATTERN.test(campaignId) ? campaignId : undefined;
}
