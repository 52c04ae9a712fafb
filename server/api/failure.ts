import { TRPCError } from '@trpc/server';
import type { TRPC_ERROR_CODE_KEY, TRPCDefaultErrorShape } from '@trpc/server';
import { getHTTPStatusCodeFromError } from '@trpc/server/http';
import { TRPC_ERROR_CODES_BY_KEY } from '@trpc/server/rpc';
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
  LOCKED: 'CONFLICT',
  LOCK_LOST: 'PRECONDITION_FAILED',
};

/**
 * Reasons of tRPC's own errors, by its code. A code that is missing here has no reason of the contract.
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

/** Error of a call, with the correlation id under which the log has it. */
export class CallError extends TRPCError {
  readonly correlationId: string;

  constructor(code: TRPC_ERROR_CODE_KEY, message: string, cause: unknown, correlationId: string) {
    super({ code, message, cause });
    this.correlationId = correlationId;
  }
}

/** Characters of a message of tRPC's own, which quotes a caller's path or JSON whole. */
const MESSAGE_CHARACTERS = 160;

function cutMessage(message: string): string {
  return message.length <= MESSAGE_CHARACTERS ? message : `${message.slice(0, MESSAGE_CHARACTERS - 1).toWellFormed()}…`;
}

/** The refusal that an error stands for, or `undefined` for an internal error. */
export function refusalBehind(error: unknown): Refusal | undefined {
  if (error instanceof RefusalError) return error.refusal;
  if (!(error instanceof TRPCError)) return undefined;
  if (error.cause instanceof RefusalError) return error.cause.refusal;
  const reason = REASONS[error.code];
  return reason && { reason, message: cutMessage(error.message) };
}

/**
 * The error of a call as its caller may see it: a refusal unchanged, an internal error without its message.
 */
export function toCallError(error: unknown, correlationId: string): CallError {
  if (error instanceof CallError) return error;
  const refusal = refusalBehind(error);
  if (!refusal) return new CallError('INTERNAL_SERVER_ERROR', internalMessage(correlationId), error, correlationId);
  // A refusal by tRPC keeps tRPC's code.
  const code =
    error instanceof TRPCError && !(error.cause instanceof RefusalError) ? error.code : CODES[refusal.reason];
  return new CallError(code, refusal.message, error instanceof TRPCError ? error.cause : error, correlationId);
}

function internalMessage(correlationId: string): string {
  return `Internal error; find it in the server's log by its correlation id ${correlationId}`;
}

/** `error.data` on the wire. */
export interface ErrorData {
  /** tRPC's code. */
  code: TRPC_ERROR_CODE_KEY;
  httpStatus: number;
  /** Narrower than `code`; missing for an internal error. */
  reason?: Reason;
  /** Whether the same call may succeed later. */
  retryable: boolean;
  retryAfterMs?: number;
  /** The field at fault, in the input or in the document. */
  path?: Path;
  /** The limit that was exceeded. */
  limit?: number;
  mutationId?: string;
  /** The current position: with `CONFLICT`. */
  position?: string;
  /** Who holds the lock, what it says of it, and when it ends unless it is renewed: with `LOCKED`. */
  holder?: string;
  note?: string;
  expiresAt?: number;
  /** When the campaign was deleted: with `NOT_FOUND`. */
  deletedAt?: number;
  /** For the server's operator: the log has the call under it. */
  correlationId?: string;
}

export interface ErrorShape {
  code: TRPCDefaultErrorShape['code'];
  message: string;
  data: ErrorData;
}

/** tRPC's error formatter, also for errors outside of procedures. It never includes a stack. */
export function formatError({ shape, error }: { shape: TRPCDefaultErrorShape; error: TRPCError }): ErrorShape {
  const refusal = refusalBehind(error);
  const data: ErrorData = {
    code: error.code,
    httpStatus: shape.data.httpStatus,
    ...(refusal && detailsOf(refusal)),
    retryable: refusal !== undefined && isRetryable(refusal),
    ...(error instanceof CallError && { correlationId: error.correlationId }),
  };
  // The message of an internal error is for the log alone; a `CallError` has lost it already.
  const message = refusal?.message ?? (error instanceof CallError ? error.message : 'Internal error');
  return { code: shape.code, message, data };
}

/** The error of a call as tRPC sends it. */
export function errorShapeOf(thrown: unknown, correlationId: string): ErrorShape {
  const error = toCallError(thrown, correlationId);
  const { code, message } = error;
  const data = { code, httpStatus: getHTTPStatusCodeFromError(error) };
  return formatError({ shape: { code: TRPC_ERROR_CODES_BY_KEY[code], message, data }, error });
}

function detailsOf(refusal: Refusal): Omit<ErrorData, 'code' | 'httpStatus' | 'retryable'> {
  const { reason, retryAfterMs, path, limit, mutationId, position, holder, note, expiresAt, deletedAt } = refusal;
  return {
    reason,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(path && { path }),
    ...(limit !== undefined && { limit }),
    ...(mutationId !== undefined && { mutationId }),
    ...(position !== undefined && { position }),
    ...(holder !== undefined && { holder }),
    ...(note !== undefined && { note }),
    ...(expiresAt !== undefined && { expiresAt }),
    ...(deletedAt !== undefined && { deletedAt }),
  };
}
