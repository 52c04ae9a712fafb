import { certificateReason } from '../core/certificate-errors.ts';
import { asError } from '../core/errors.ts';

/**
 * The kind of an archive error:
 * - `unreachable`: the database does not answer now, and may later; the outcome of a write is unknown
 * - `full`: the database has no space left, on disk or in memory
 * - `read-only`: the database takes no writes, as a replica after a failover
 * - `in-use`: another process owns the data folder or the namespace
 * - `data`: the database refuses these very values; the same call fails again, those of other campaigns do not
 * - `stopped`: the archive was stopped, or its thread has ended
 * - `failed`: anything else, in the database's own words
 */
export type ArchiveErrorKind = 'unreachable' | 'full' | 'read-only' | 'in-use' | 'data' | 'stopped' | 'failed';

/** The error with which every call of an archive rejects. */
export class ArchiveError extends Error {
  override readonly name = 'ArchiveError';
  readonly kind: ArchiveErrorKind;
  /** The SQLSTATE or the system's error code, where there is one. */
  readonly code: string | undefined;

  constructor(kind: ArchiveErrorKind, message: string, details: { code?: string | undefined; cause?: unknown } = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.kind = kind;
    this.code = details.code;
  }
}

/** System error codes of a database that cannot be reached. */
const UNREACHABLE_ERRNOS: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'ENOENT',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EPIPE',
]);

/** SQLSTATEs of a server that starts, stops or has no connection left: 08xxx, 57P01 to 57P03 and 57P05, 53300. */
const UNREACHABLE_SQLSTATES = /^(08...|57P0[1235]|53300)$/;

/** Errors of a database without space: SQLSTATEs of a full disk and of exhausted memory, and the system's own codes. */
const FULL_CODES: ReadonlySet<string> = new Set(['53100', '53200', 'ENOSPC', 'EDQUOT']);

/** SQLSTATE of a transaction that may not write, and the system's code of a file system that was mounted so. */
const READ_ONLY_CODES: ReadonlySet<string> = new Set(['25006', 'EROFS']);

/** SQLSTATE classes of values that no retry makes acceptable: data exception, integrity violation, limit exceeded. */
const DATA_SQLSTATES = /^(22|23|54)...$/;

/** Messages of `pg` itself, which has no codes for its timeouts and broken connections. */
const UNREACHABLE_MESSAGES =
  /^(Connection terminated|timeout exceeded when trying to connect|Query read timeout|timeout expired)|not queryable/;

/** What the timeouts of `pg` mean, by its message. */
const TIMEOUTS: ReadonlyMap<string, string> = new Map([
  ['timeout expired', 'the host does not answer at all, as behind a firewall or with a wrong port'],
  [
    'timeout exceeded when trying to connect',
    'every connection to the database is in use, and none became free in time',
  ],
]);

/**
 * Error codes by WASI's number: the file system of the embedded database throws an object with that, and no message.
 */
const WASI_ERRNOS: Readonly<Record<number, string>> = {
  2: 'EACCES',
  29: 'EIO',
  33: 'EMFILE',
  51: 'ENOSPC',
  63: 'EPERM',
  69: 'EROFS',
};

function fromFileSystem(error: unknown): ArchiveError | undefined {
  if (error instanceof Error || typeof error !== 'object' || error === null || !('errno' in error)) return undefined;
  const code = WASI_ERRNOS[Number(error.errno)] ?? `error ${String(error.errno)}`;
  const kind = FULL_CODES.has(code) ? 'full' : READ_ONLY_CODES.has(code) ? 'read-only' : 'failed';
  return new ArchiveError(kind, `The files of the embedded database cannot be used (${code}).`, { code });
}

/** Converts whatever a driver throws; an {@link ArchiveError} stays itself. */
export function toArchiveError(error: unknown): ArchiveError {
  if (error instanceof ArchiveError) return error;
  const fileError = fromFileSystem(error);
  if (fileError) return fileError;
  const cause = asError(error);
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined;
  // A failed connection to a name with several addresses is an AggregateError, whose own message is empty.
  const message = cause.message || code || cause.name;
  const tls = explainTls(error);
  if (tls !== undefined) return new ArchiveError('failed', tls, { code, cause });
  const timeout = TIMEOUTS.get(message);
  if (timeout !== undefined) return new ArchiveError('unreachable', timeout, { code, cause });
  return new ArchiveError(kindOf(code, message), message, { code, cause });
}

function kindOf(code: string | undefined, message: string): ArchiveErrorKind {
  if (code !== undefined && FULL_CODES.has(code)) return 'full';
  if (code !== undefined && READ_ONLY_CODES.has(code)) return 'read-only';
  if (code !== undefined && (UNREACHABLE_ERRNOS.has(code) || UNREACHABLE_SQLSTATES.test(code))) return 'unreachable';
  if (code !== undefined && DATA_SQLSTATES.test(code)) return 'data';
  return UNREACHABLE_MESSAGES.test(message) ? 'unreachable' : 'failed';
}

/** The sentence about a connection that TLS prevents; `undefined` where the error is another one. */
function explainTls(error: unknown): string | undefined {
  const reason = certificateReason(error);
  if (reason !== undefined) {
    return `DATABASE_URL: the certificate of the database is not trusted: ${reason}. Name the file of its authority with sslrootcert=, or encrypt without checking it with sslmode=require.`;
  }
  const { message } = asError(error);
  if (/does not support SSL/.test(message)) return 'DATABASE_URL: the database does not offer TLS: leave sslmode out.';
  return undefined;
}
