/** Reasons of refusals: narrower than tRPC's codes, and the same on the server and in the SDK. */
export const REASONS = [
  'CONFLICT',
  'FORBIDDEN',
  'UNAUTHORIZED',
  'INVALID',
  'TOO_LARGE',
  'NOT_FOUND',
  'OVERLOADED',
  'RATE_LIMITED',
  'TOO_OLD',
  'UNAVAILABLE',
  'UPGRADE_REQUIRED',
  'LOCKED',
  'LOCK_LOST',
] as const;
export type Reason = (typeof REASONS)[number];

/** A path into the input or the document, outermost first. */
export type Path = readonly (string | number)[];

/** Details of a refusal beside its reason. */
export interface RefusalDetails {
  /** The field at fault. */
  path?: Path;
  /** The limit that was exceeded, as a number in the unit that the message names. */
  limit?: number;
  /** Whether the same call may succeed later. Default: decided by the reason. */
  retryable?: boolean;
  /** How long to wait before another attempt, in milliseconds. */
  retryAfterMs?: number;
  mutationId?: string;
  /** The present position, with `CONFLICT`. */
  position?: string;
  /** Id of the caller that holds the lock, with `LOCKED`; `path` is then the path that it has locked. */
  holder?: string;
  /** What the holder says of its lock, with `LOCKED`. */
  note?: string;
  /** When the lock ends unless it is renewed, in epoch milliseconds by the log's clock, with `LOCKED`. */
  expiresAt?: number;
  /**
   * When the campaign was deleted, in epoch milliseconds, with `NOT_FOUND`: whatever is kept of it is to be forgotten.
   */
  deletedAt?: number;
}

/** Refusal as plain data, so that it can cross threads and wires. */
export interface Refusal extends RefusalDetails {
  reason: Reason;
  message: string;
}

/** Reasons that pass by themselves; all others need another request. */
const RETRYABLE: ReadonlySet<Reason> = new Set<Reason>(['OVERLOADED', 'RATE_LIMITED', 'UNAVAILABLE', 'LOCKED']);

export function isRetryable(refusal: Refusal): boolean {
  return refusal.retryable ?? RETRYABLE.has(refusal.reason);
}

/**
 * Refusal as an exception; `api/` turns it into a typed tRPC error.
 *
 * @example throw new RefusalError('TOO_LARGE', 'updates: 300000 bytes; at most 262144', { path: ['updates'], limit:
 *   262144 })
 */
export class RefusalError extends Error {
  override readonly name = 'RefusalError';
  readonly refusal: Refusal;

  constructor(reason: Reason, message: string, details: RefusalDetails = {}) {
    super(message);
    this.refusal = { reason, message, ...details };
  }
}

/** Anything that was thrown, as an error. */
export function asError(cause: unknown): Error {
  return cause instanceof Error ? cause : new Error(String(cause));
}
