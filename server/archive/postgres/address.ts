import pg from 'pg';
import { asError } from '../../core/errors.ts';
import { ArchiveError } from '../errors.ts';

/** The modes whose meaning in `pg` differs from that in every other client of Postgres. */
const LIBPQ_MODES = /[?&]sslmode=(prefer|require|verify-ca)(&|$)/;

/**
 * The connection string for `pg`, with libpq's meaning of `sslmode`, which is what managed databases hand out:
 * `require` encrypts, and checks the certificate only where `sslrootcert` names its authority. (`pg` takes it for
 * `verify-full`.)
 *
 * @throws ArchiveError `failed` where it cannot be parsed, or names a file that cannot be read
 */
export function toConnectionString(text: string): string {
  const compatible = LIBPQ_MODES.test(text) && !text.includes('uselibpqcompat=') ? `${text}&uselibpqcompat=true` : text;
  try {
    // The client parses it, and reads the files that it names; it does not connect.
    new pg.Client({ connectionString: compatible });
    return compatible;
  } catch (error) {
    throw new ArchiveError('failed', `DATABASE_URL cannot be used: ${reasonOf(error)}.`, { cause: error });
  }
}

function reasonOf(error: unknown): string {
  const { message } = asError(error);
  if (message.includes('verify-ca')) return 'sslmode=verify-ca needs sslrootcert, the file of the authority';
  return message.replace(/\.$/, '');
}
