import { TRPCError } from '@trpc/server';
import type { TRPC_ERROR_CODE_KEY, TRPCDefaultErrorShape } from '@trpc/server';
import type { Path, Reason, Refusal } from '../core/errors.ts';
/** A failed call, with the id under which the log knows it. */
export declare class CallError extends TRPCError {
    readonly correlationId: string;
    constructor(code: TRPC_ERROR_CODE_KEY, message: string, cause: unknown, correlationId: string);
}
/** The refusal behind an error, or `undefined` where something broke. */
export declare function refusalOf(error: unknown): Refusal | undefined;
/** Turns whatever a call threw into what its caller may see of it: a refusal as it is, anything else without its words. */
export declare function toCallError(error: unknown, correlationId: string): CallError;
/** `error.data` on the wire. */
export interface ErrorData {
    /** tRPC's own code. */
    code: TRPC_ERROR_CODE_KEY;
    httpStatus: number;
    /** Narrower than `code`; missing where something broke inside. */
    reason?: Reason;
    /** Whether the same call may succeed later. */
    retryable: boolean;
    retryAfterMs?: number;
    /** The field at fault, in the input or in the document. */
    path?: Path;
    /** The limit that was passed. */
    limit?: number;
    mutationId?: string;
    /** The position that holds now: with `CONFLICT`. */
    position?: string;
    /** What to ask the server's operator for. */
    correlationId?: string;
}
export interface ErrorShape {
    code: TRPCDefaultErrorShape['code'];
    message: string;
    data: ErrorData;
}
/** Shapes every error on its way out, also those that no procedure has seen. There is no stack in it, in no mode. */
export declare function formatError({ shape, error }: {
    shape: TRPCDefaultErrorShape;
    error: TRPCError;
}): ErrorShape;
