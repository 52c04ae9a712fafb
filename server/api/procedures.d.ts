import type { Caller } from '../engine/service.ts';
import type { CallReport, Context } from './context.ts';
import type { Ticket } from './order-lane.ts';
export declare const router: import("@trpc/server").TRPCRouterBuilder<{
    ctx: Context;
    meta: object;
    errorShape: import("./failure.ts").ErrorShape;
    transformer: false;
}>, createCallerFactory: import("@trpc/server").TRPCRouterCallerFactory<{
    ctx: Context;
    meta: object;
    errorShape: import("./failure.ts").ErrorShape;
    transformer: false;
}>;
/** One call, as its procedure sees it. */
export interface Call {
    readonly path: string;
    readonly correlationId: string;
    /** Only mutations have a place in the order of arrival. */
    readonly ticket: Ticket | undefined;
    readonly startedAt: number;
}
/** A context that has passed the middleware below. */
export interface CallContext extends Context {
    readonly call: Call;
}
/** Mutations are let in later, at their turn: the one before them may be `session.authenticate`. */
export declare const mutationProcedure: import("@trpc/server").TRPCProcedureBuilder<Context, object, {
    call: Call;
}, import("@trpc/server").TRPCUnsetMarker, import("@trpc/server").TRPCUnsetMarker, import("@trpc/server").TRPCUnsetMarker, import("@trpc/server").TRPCUnsetMarker, false>;
/** Queries and subscriptions need an identity before their input is looked at. */
export declare const procedure: import("@trpc/server").TRPCProcedureBuilder<Context, object, {
    call: Call;
}, import("@trpc/server").TRPCUnsetMarker, import("@trpc/server").TRPCUnsetMarker, import("@trpc/server").TRPCUnsetMarker, import("@trpc/server").TRPCUnsetMarker, false>;
/** Who asks. To be called when the answer is decided, not earlier: the identity of a live connection can change. */
export declare function callerOf(ctx: CallContext, signal: AbortSignal | undefined): Caller;
/**
 * Hands mutations to the engine in the order in which they arrived on their connection. `call` must take its place in the
 * engine's queue before it returns its promise; the next one is let through then, not when the answer is there.
 *
 * @param weight how many mutations this call counts for, against the rate limit
 */
export declare function inTurn<T>(ctx: CallContext, signal: AbortSignal | undefined, weight: number, call: (caller: Caller) => Promise<T>): Promise<T>;
/** What is to be logged of a call that is over. */
export declare function reportOf(ctx: Context, call: Call, type: CallReport['type'], campaignId: string | undefined, error: unknown): CallReport;
