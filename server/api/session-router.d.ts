/** The caller's own session. */
export declare const sessionRouter: import("@trpc/server").TRPCBuiltRouter<{
    ctx: import("./context.ts").Context;
    meta: object;
    errorShape: import("./failure.ts").ErrorShape;
    transformer: false;
}, import("@trpc/server").TRPCDecorateCreateRouterOptions<{
    /**
     * New rights on a live connection, for its subscriptions too. What is sent after it on the same connection waits for it, and is
     * decided with the new rights. A bad token changes nothing.
     */
    authenticate: import("@trpc/server").TRPCMutationProcedure<{
        input: import("./schemas.ts").AuthenticateInput;
        output: {
            id: string;
            expiresAt: number | undefined;
        };
        meta: object;
    }>;
}>>;
