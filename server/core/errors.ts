/** Why something was refused: narrower than tRPC's codes, the same on the server and in the SDK. */
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
] as const;
export type Reason = (typeof REASONS)[number];

/** A path into the input or the document, outermost first. */
export type Path = readonly (string | number)[];

/** What a refusal says beside its reason. */
export interface RefusalDetails {
  /** The field at fault. */
  path?: Path;
  /** The limit that was passed, as a number of what the message names. */
  limit?: number;
  /** Whether the same call may succeed later; decided by the reason unless it is said here. */
  retryable?: boolean;
  /** When to try again, in milliseconds. */
  retryAfterMs?: number;
  mutationId?: string;
  /** The position that holds now: with `CONFLICT`. */
  position?: string;
}

/** A refusal as plain data, so that it can cross threads and wires. */
export interface Refusal extends RefusalDetails {
  reason: Reason;
  message: string;
}

/** Decided once, here: these pass by themselves, all others need another request. */
const RETRYABLE: ReadonlySet<Reason> = new Set<Reason>(['OVERLOADED', 'RATE_LIMITED', 'UNAVAILABLE']);

export function isRetryable(refusal: Refusal): boolean {
  return refusal.retryable ?? RETRYABLE.has(refusal.reason);
}

/**
 * A refusal that travels as an exception between the rooms of the server; `api/` turns it into a typed tRPC error.
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

/** Whatever was thrown, as an error. */
export function asError(cause: unknown): Error {
  return cause instanceof Error ? cause : new Error(String(cause));
}
