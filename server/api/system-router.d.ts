import type { ServiceStats } from '../engine/service.ts';
import type { Context, SystemInfo } from './context.ts';
/** Operations. */
export declare const systemRouter: import("@trpc/server").TRPCBuiltRouter<{
    ctx: Context;
    meta: object;
    errorShape: import("./failure.ts").ErrorShape;
    transformer: false;
}, import("@trpc/server").TRPCDecorateCreateRouterOptions<{
    info: import("@trpc/server").TRPCQueryProcedure<{
        input: void;
        output: SystemInfo;
        meta: object;
    }>;
    /** How the service stands, now and then every second. Not for callers without a token. */
    stats: import("@trpc/server").TRPCSubscriptionProcedure<{
        input: void;
        output: AsyncIterable<ServiceStats, void, undefined>;
        meta: object;
    }>;
    /** Every entry and every refusal, with payloads and timings. Admins only. */
    trace: import("@trpc/server").TRPCSubscriptionProcedure<{
        input: void;
        output: AsyncIterable<import("../engine/service.ts").TraceEvent, void, undefined>;
        meta: object;
    }>;
}>>;
