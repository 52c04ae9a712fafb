import { certificateReason } from '../core/certificate-errors.ts';
import { asError } from '../core/errors.ts';

/** The sentence about a connection that TLS prevents; `undefined` where the error is another one. */
export function explainTls(error: unknown): string | undefined {
  const reason = certificateReason(error);
  if (reason !== undefined) {
    return `DATABASE_URL: the certificate of the database is not trusted: ${reason}. Name the file of its authority with sslrootcert=, or encrypt without checking it with sslmode=require.`;
  }
  const { message } = asError(error);
  if (/does not support SSL/.test(message)) return 'DATABASE_URL: the database does not offer TLS: leave sslmode out.';
  return undefined;
}
