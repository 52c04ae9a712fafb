import { initTRPC } from '@trpc/server';
import type { Viewer } from '../../core/document/targeting-fields.ts';
import type { Caller } from '../../engine/service.ts';
import type { Context } from '../connection/context.ts';
import { PRICES } from '../connection/work-budget.ts';
import { formatError } from '../failure.ts';
import { runCall, type CallContext, type CallRules } from './run-call.ts';

/** What is answered to somebody behind a relay. */
const FORWARDED: ReadonlySet<string | undefined> = new Set(['relay.forward', 'relay.subscribe']);

const t = initTRPC
  .context<Context>()
  .meta<CallRules>()
  .create({
    // In development tRPC would send stacks to clients.
    isDev: false,
    errorFormatter(options) {
      // Here and not in the procedures: every error of every transport is formatted, once.
      const connection = options.ctx?.connection;
      // What a relay's caller is refused that caller has paid for (`connection/relayed-callers.ts`).
      if (connection?.isRelay !== true || !FORWARDED.has(options.path)) connection?.chargeRefusal();
      return formatError(options);
    },
    // Pings carry no id: the position from which a client resumes does not move.
    sse: { ping: { enabled: true, intervalMs: 15_000 }, client: { reconnectAfterInactivityMs: 40_000 } },
  });

export const { router, createCallerFactory } = t;

/**
 * Procedure with {@link runCall} around it. One middleware for all of it: each further one costs a copy of the context
 * and several promises per call.
 */
function createProcedure(admission: CallRules['admission'], price: number, isMutation = false) {
  const rules: CallRules = { admission, price, isMutation };
  return t.procedure
    .meta(rules)
    .use(({ ctx, path, type, getRawInput, next }) =>
      runCall({ ctx, path, type, getRawInput, rules }, (call) => next({ ctx: { call } })),
    );
}

/** Mutations of campaigns. An accepted one is paid for by the mutation rate, not by points. */
export const mutationProcedure = createProcedure('at-turn', 0, true);

/** Mutations of API keys and links: each reads and writes the archive itself. */
export const keyProcedure = createProcedure('at-turn', PRICES.historyQuery, true);

/** `session.authenticate`: what is refused otherwise is what it is for. */
export const authenticationProcedure = createProcedure('none', PRICES.authentication);

/** `session.setViewer`: each stream of the connection is judged again, and may begin anew. */
export const viewerProcedure = createProcedure('at-arrival', PRICES.subscription);

/** Events of analytics: no changes of campaigns, so that they have no place in the order of these. */
export const eventProcedure = createProcedure('at-arrival', PRICES.query);

/** Queries of the current state. */
export const procedure = createProcedure('at-arrival', PRICES.query);

/** Of relays: a token that somebody has shown to one. */
export const entryProcedure = createProcedure('at-arrival', PRICES.authentication);

/** Queries that may read the archive, or fold entries of the history. */
export const historyProcedure = createProcedure('at-arrival', PRICES.historyQuery);

/** Subscriptions. */
export const subscriptionProcedure = createProcedure('at-arrival', PRICES.subscription);

/**
 * The caller. To be read when the answer is decided, not earlier: the identity of a live connection can change.
 *
 * @param viewer whom it asks to see the campaign as, where it said so
 */
export function callerOf(ctx: CallContext, signal: AbortSignal | undefined, viewer?: Viewer): Caller {
  const ownViewer = ctx.connection.viewer?.()?.viewer;
  return {
    identity: ctx.connection.admitted(),
    ...(viewer && { viewer }),
    ...(ownViewer && { ownViewer }),
    correlationId: ctx.call.correlationId,
    origin: ctx.connection.origin(),
    signal: ctx.call.closed ?? signal,
  };
}

/**
 * Hands mutations to the engine in the order in which they arrived on their connection. `call` must enqueue its
 * mutation before it returns its promise: the next call passes then, not when the answer is there.
 *
 * @param weight weight of the call for the rate limit (`weightOf`)
 */
export async function inTurn<T>(
  ctx: CallContext,
  signal: AbortSignal | undefined,
  weight: number,
  call: (caller: Caller) => Promise<T>,
): Promise<T> {
  const spent = ctx.connection.spend(weight);
  if (spent) await spent;
  const turn = ctx.call.ticket?.turn();
  if (turn) await turn;
  const answer = call(callerOf(ctx, signal));
  ctx.call.ticket?.release();
  return answer;
}
