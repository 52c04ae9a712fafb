/** Campaigns: their commands, their state, their past, their live stream. */
export declare const campaignRouter: import("@trpc/server").TRPCBuiltRouter<{
    ctx: import("./context.ts").Context;
    meta: object;
    errorShape: import("./failure.ts").ErrorShape;
    transformer: false;
}, import("@trpc/server").TRPCDecorateCreateRouterOptions<{
    /** Merge patch on the document. */
    update: import("@trpc/server").TRPCMutationProcedure<{
        input: import("./schemas.ts").UpdateInput;
        output: import("../engine/service.ts").DryRun | import("../core/entry.ts").Receipt;
        meta: object;
    }>;
    /** The ordered set of features. */
    updateFeatures: import("@trpc/server").TRPCMutationProcedure<{
        input: import("./schemas.ts").UpdateFeaturesInput;
        output: import("../engine/service.ts").DryRun | import("../core/entry.ts").Receipt;
        meta: object;
    }>;
    /** One section of the configuration. */
    updateConfig: import("@trpc/server").TRPCMutationProcedure<{
        input: import("./schemas.ts").UpdateConfigInput;
        output: import("../engine/service.ts").DryRun | import("../core/entry.ts").Receipt;
        meta: object;
    }>;
    /** Several of the three above as one entry, all or nothing. */
    batch: import("@trpc/server").TRPCMutationProcedure<{
        input: import("./schemas.ts").BatchInput;
        output: import("../engine/service.ts").DryRun | import("../core/entry.ts").Receipt;
        meta: object;
    }>;
    /** Several mutations, one after the other, each with its own outcome; stops at the first retryable refusal. */
    push: import("@trpc/server").TRPCMutationProcedure<{
        input: import("./schemas.ts").PushInput;
        output: import("../engine/service.ts").PushOutcome[];
        meta: object;
    }>;
    /** Back to the state of an earlier version, as a new version. */
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
    /** Makes a campaign read-only. */
    archive: import("@trpc/server").TRPCMutationProcedure<{
        input: import("./schemas.ts").LifecycleInput;
        output: import("../engine/service.ts").DryRun | import("../core/entry.ts").Receipt;
        meta: object;
    }>;
    /** Makes an archived campaign editable again. */
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
    /** The state at a version. */
    at: import("@trpc/server").TRPCQueryProcedure<{
        input: import("./schemas.ts").AtInput;
        output: {
            campaignId: string;
            version: number;
            state: import("../core/campaign.ts").CampaignState;
        };
        meta: object;
    }>;
    /** What changed between two versions, as a merge patch. */
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
    /** Answers when everything up to that position is committed. */
    whenDurable: import("@trpc/server").TRPCQueryProcedure<{
        input: import("./schemas.ts").WhenDurableInput;
        output: {
            campaignId: string;
            position: import("../core/entry.ts").Position;
        };
        meta: object;
    }>;
    /** The live stream: a snapshot or the entries since `lastEventId`, then every change. */
    watch: import("@trpc/server").TRPCSubscriptionProcedure<{
        input: import("./schemas.ts").WatchInput | undefined;
        output: AsyncIterable<import("@trpc/server/unstable-core-do-not-import").TrackedData<import("../core/stream.ts").WatchEvent>, void, undefined>;
        meta: object;
    }>;
}>>;
