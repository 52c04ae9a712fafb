import { TRPCError } from '@trpc/server';
import type { TRPC_ERROR_CODE_KEY, TRPCDefaultErrorShape } from '@trpc/server';
import { RefusalError, isRetryable } from '../core/errors.ts';
import type { Path, Reason, Refusal } from '../core/errors.ts';

const CODES: Record<Reason, TRPC_ERROR_CODE_KEY> = {
  CONFLICT: 'CONFLICT',
  FORBIDDEN: 'FORBIDDEN',
  UNAUTHORIZED: 'UNAUTHORIZED',
  INVALID: 'BAD_REQUEST',
  TOO_LARGE: 'PAYLOAD_TOO_LARGE',
  NOT_FOUND: 'NOT_FOUND',
  OVERLOADED: 'SERVICE_UNAVAILABLE',
  RATE_LIMITED: 'TOO_MANY_REQUESTS',
  TOO_OLD: 'PRECONDITION_FAILED',
  UNAVAILABLE: 'SERVICE_UNAVAILABLE',
  UPGRADE_REQUIRED: 'PRECONDITION_FAILED',
};

/**
 * What tRPC itself refuses, in the words of the contract. Whatever is missing here has no narrower reason than its
 * code.
 */
const REASONS: Partial<Record<TRPC_ERROR_CODE_KEY, Reason>> = {
  PARSE_ERROR: 'INVALID',
  BAD_REQUEST: 'INVALID',
  UNPROCESSABLE_CONTENT: 'INVALID',
  UNSUPPORTED_MEDIA_TYPE: 'INVALID',
  METHOD_NOT_SUPPORTED: 'INVALID',
  PAYLOAD_TOO_LARGE: 'TOO_LARGE',
  NOT_FOUND: 'NOT_FOUND',
};

/** A failed call, with the id under which the log knows it. */
export class CallError extends TRPCError {
  readonly correlationId: string;

  constructor(code: TRPC_ERROR_CODE_KEY, message: string, cause: unknown, correlationId: string) {
    super({ code, message, cause });
    this.correlationId = correlationId;
  }
}

/** The refusal behind an error, or `undefined` where something broke. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (error instanceof RefusalError) return error.refusal;
  if (!(error instanceof TRPCError)) return undefined;
  if (error.cause instanceof RefusalError) return error.cause.refusal;
  const reason = REASONS[error.code];
  return reason && { reason, message: error.message };
}

/**
 * Turns whatever a call threw into what its caller may see of it: a refusal as it is, anything else without its words.
 */
export function toCallError(error: unknown, correlationId: string): CallError {
  if (error instanceof CallError) return error;
  const refusal = refusalOf(error);
  if (!refusal) return new CallError('INTERNAL_SERVER_ERROR', internalMessage(correlationId), error, correlationId);
  // tRPC's own code is kept where the refusal is tRPC's own.
  const code =
    error instanceof TRPCError && !(error.cause instanceof RefusalError) ? error.code : CODES[refusal.reason];
  return new CallError(code, refusal.message, error instanceof TRPCError ? error.cause : error, correlationId);
}

function internalMessage(correlationId: string): string {
  return `Internal error; the server's log has it under ${correlationId}`;
}

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
export function formatError({ shape, error }: { shape: TRPCDefaultErrorShape; error: TRPCError }): ErrorShape {
  const refusal = refusalOf(error);
  const data: ErrorData = {
    code: error.code,
    httpStatus: shape.data.httpStatus,
    ...(refusal && detailsOf(refusal)),
    retryable: refusal !== undefined && isRetryable(refusal),
    ...(error instanceof CallError && { correlationId: error.correlationId }),
  };
  // An unknown error that did not come through a call: its words are for the log alone.
  const message = refusal || error instanceof CallError ? error.message : 'Internal error';
  return { code: shape.code, message, data };
}

function detailsOf(refusal: Refusal): Omit<ErrorData, 'code' | 'httpStatus' | 'retryable'> {
  const { reason, retryAfterMs, path, limit, mutationId, position } = refusal;
  return {
    reason,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(path && { path }),
    ...(limit !== undefined && { limit }),
    ...(mutationId !== undefined && { mutationId }),
    ...(position !== undefined && { position }),
  };
}
