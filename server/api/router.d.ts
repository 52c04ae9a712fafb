/** Every procedure of the contract, by area. */
export declare const appRouter: import("@trpc/server").TRPCBuiltRouter<{
    ctx: import("./context.ts").Context;
    meta: object;
    errorShape: import("./failure.ts").ErrorShape;
    transformer: false;
}, import("@trpc/server").TRPCDecorateCreateRouterOptions<{
    campaign: import("@trpc/server").TRPCBuiltRouter<{
        ctx: import("./context.ts").Context;
        meta: object;
        errorShape: import("./failure.ts").ErrorShape;
        transformer: false;
    }, import("@trpc/server").TRPCDecorateCreateRouterOptions<{
        update: import("@trpc/server").TRPCMutationProcedure<{
            input: import("./schemas.ts").UpdateInput;
            output: import("../engine/service.ts").DryRun | import("../core/entry.ts").Receipt;
            meta: object;
        }>;
        updateFeatures: import("@trpc/server").TRPCMutationProcedure<{
            input: import("./schemas.ts").UpdateFeaturesInput;
            output: import("../engine/service.ts").DryRun | import("../core/entry.ts").Receipt;
            meta: object;
        }>;
        updateConfig: import("@trpc/server").TRPCMutationProcedure<{
            input: import("./schemas.ts").UpdateConfigInput;
            output: import("../engine/service.ts").DryRun | import("../core/entry.ts").Receipt;
            meta: object;
        }>;
        batch: import("@trpc/server").TRPCMutationProcedure<{
            input: import("./schemas.ts").BatchInput;
            output: import("../engine/service.ts").DryRun | import("../core/entry.ts").Receipt;
            meta: object;
        }>;
        push: import("@trpc/server").TRPCMutationProcedure<{
            input: import("./schemas.ts").PushInput;
            output: import("../engine/service.ts").PushOutcome[];
            meta: object;
        }>;
        rollback: import("@trpc/server").TRPCMutationProcedure<{
            input: import("./schemas.ts").RollbackInput;
            output: import("../engine/service.ts").DryRun | import("../core/entry.ts").Receipt;
            meta: object;
        }>;
        create: import("@trpc/server").TRPCMutationProcedure<{
            input: import("./schemas.ts").CreateInput;
            output: import("../engine/service.ts").DryRun | import("../core/entry.ts").Receipt;
            meta: object;
        }>;
        archive: import("@trpc/server").TRPCMutationProcedure<{
            input: import("./schemas.ts").LifecycleInput;
            output: import("../engine/service.ts").DryRun | import("../core/entry.ts").Receipt;
            meta: object;
        }>;
        restore: import("@trpc/server").TRPCMutationProcedure<{
            input: import("./schemas.ts").LifecycleInput;
            output: import("../engine/service.ts").DryRun | import("../core/entry.ts").Receipt;
            meta: object;
        }>;
        get: import("@trpc/server").TRPCQueryProcedure<{
            input: import("./schemas.ts").CampaignInput;
            output: import("../engine/service.ts").CampaignRecord;
            meta: object;
        }>;
        list: import("@trpc/server").TRPCQueryProcedure<{
            input: import("./schemas.ts").ListInput | undefined;
            output: import("../engine/service.ts").Page<import("../engine/service.ts").VisibleSummary, string>;
            meta: object;
        }>;
        history: import("@trpc/server").TRPCQueryProcedure<{
            input: import("./schemas.ts").HistoryInput;
            output: import("../engine/service.ts").Page<import("../core/entry.ts").Entry, number>;
            meta: object;
        }>;
        at: import("@trpc/server").TRPCQueryProcedure<{
            input: import("./schemas.ts").AtInput;
            output: {
                campaignId: string;
                version: number;
                state: import("../core/campaign.ts").CampaignState;
            };
            meta: object;
        }>;
        diff: import("@trpc/server").TRPCQueryProcedure<{
            input: import("./schemas.ts").DiffInput;
            output: {
                campaignId: string;
                from: number;
                to: number;
                change: import("../core/json.ts").JsonObject;
            };
            meta: object;
        }>;
        whenDurable: import("@trpc/server").TRPCQueryProcedure<{
            input: import("./schemas.ts").WhenDurableInput;
            output: {
                campaignId: string;
                position: import("../core/entry.ts").Position;
            };
            meta: object;
        }>;
        watch: import("@trpc/server").TRPCSubscriptionProcedure<{
            input: import("./schemas.ts").WatchInput | undefined;
            output: AsyncIterable<import("@trpc/server/unstable-core-do-not-import").TrackedData<import("../core/stream.ts").WatchEvent>, void, undefined>;
            meta: object;
        }>;
    }>>;
    session: import("@trpc/server").TRPCBuiltRouter<{
        ctx: import("./context.ts").Context;
        meta: object;
        errorShape: import("./failure.ts").ErrorShape;
        transformer: false;
    }, import("@trpc/server").TRPCDecorateCreateRouterOptions<{
        authenticate: import("@trpc/server").TRPCMutationProcedure<{
            input: import("./schemas.ts").AuthenticateInput;
            output: {
                id: string;
                expiresAt: number | undefined;
            };
            meta: object;
        }>;
    }>>;
    system: import("@trpc/server").TRPCBuiltRouter<{
        ctx: import("./context.ts").Context;
        meta: object;
        errorShape: import("./failure.ts").ErrorShape;
        transformer: false;
    }, import("@trpc/server").TRPCDecorateCreateRouterOptions<{
        info: import("@trpc/server").TRPCQueryProcedure<{
            input: void;
            output: import("./context.ts").SystemInfo;
            meta: object;
        }>;
        stats: import("@trpc/server").TRPCSubscriptionProcedure<{
            input: void;
            output: AsyncIterable<import("../engine/service.ts").ServiceStats, void, undefined>;
            meta: object;
        }>;
        trace: import("@trpc/server").TRPCSubscriptionProcedure<{
            input: void;
            output: AsyncIterable<import("../engine/service.ts").TraceEvent, void, undefined>;
            meta: object;
        }>;
    }>>;
}>>;
/** The type from which clients infer everything. */
export type AppRouter = typeof appRouter;
