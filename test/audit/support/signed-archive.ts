import { generateKeyPairSync } from 'node:crypto';
import { inject } from 'vitest';
import { openPostgresArchive } from '../../../server/archive/index.ts';
import type { KeyedArchive } from '../../../server/archive/keyed-archive.ts';
import { createAuditService } from '../../../server/audit/audit-service.ts';
import { readStatementKeys, type SignOptions } from '../../../server/audit/statements.ts';
import type { Finding } from '../../../server/audit/verify-histories.ts';
import { cleanUp } from '../../api/support/server.ts';
import { freshNamespace } from '../../archive/namespace.ts';

/** A new key for signing, in PEM. */
export function newKey(): string {
  return generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** The key of a test file, in PEM. */
export const pem = newKey();
export const keys = readStatementKeys(pem);

/** What signs in an archive. */
export function signingOn(store: KeyedArchive): SignOptions {
  if (!keys.signing) throw new Error('unreachable');
  return { store, key: keys.signing, now: Date.now };
}

/** What a verification of an archive finds. */
export async function findingsOf(store: KeyedArchive, isSigned = true): Promise<readonly Finding[]> {
  const service = createAuditService({ store, keys: isSigned ? keys : { signing: undefined, verifying: [] } });
  for await (const item of service.verify()) if (item.kind === 'end') return item.report.findings;
  throw new Error('a verification ends with its report');
}

/** An archive on Postgres, with a namespace of its own; both are gone after the test. */
export async function openPostgres(): Promise<{ archive: KeyedArchive; namespace: string }> {
  const { namespace, drop } = freshNamespace();
  const archive = await openPostgresArchive({ connectionString: inject('postgresUrl'), namespace, poolSize: 4 });
  cleanUp(drop);
  cleanUp(() => archive.stop({ clean: true }));
  return { archive, namespace };
}
