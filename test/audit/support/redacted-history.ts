import type { KeyedArchive } from '../../../server/archive/keyed-archive.ts';
import { createAuditService } from '../../../server/audit/audit-service.ts';
import type { RedactionReceipt } from '../../../server/audit/redaction.ts';
import { signRedacted, signReplaced } from '../../../server/audit/statements.ts';
import { createMemoryLog } from '../../../server/log/memory-log.ts';
import type { RestoreOptions } from '../../../server/snapshot/restoring/restore-options.ts';
import type { RestoreReport } from '../../../server/snapshot/restoring/restore-report.ts';
import { restoreSnapshot } from '../../../server/snapshot/restoring/restore-snapshot.ts';
import { campaignHistory, type CampaignHistory } from '../../archive/campaign-history.ts';
import { inPieces } from '../../snapshot/support/snapshots.ts';
import { CALLERS } from '../../support/engine-world.ts';
import { keys, signingOn } from './signed-archive.ts';

export const ID = 'people';
export const VALUE = 'Ada Lovelace, +44 20 7946 0018';
export const PATH = ['about', 'contact'];

/** A history in which a contact stood from version 40 to 159. */
export async function withContact(store: KeyedArchive, versions = 210): Promise<CampaignHistory> {
  const history = campaignHistory(ID);
  await history.createIn(store);
  let committed = 1;
  for (let version = 2; version <= versions; version += 1) {
    const salt = `salt-${version}`;
    if (version === 40) history.add({ about: { contact: VALUE, text: 'Us' } }, { salt, comment: `by ${VALUE}` });
    else if (version === 160) history.add({ about: { contact: null } }, { salt });
    else history.add({ title: `Version ${version}` }, { salt });
    if (version % 50 !== 0 && version < versions) continue;
    await store.commit([history.commitAfter(committed)]);
    committed = version;
  }
  return history;
}

/** Redacts a version of a history, as an admin does. */
export function redact(
  store: KeyedArchive,
  { campaignId, epoch }: Pick<CampaignHistory, 'campaignId' | 'epoch'>,
  version: number,
  what: { path?: readonly string[]; comment?: boolean } = { path: PATH },
): Promise<RedactionReceipt> {
  const position = `${epoch}:${version}`;
  return createAuditService({ store, keys }).redact(CALLERS.admin, { campaignId, position, ...what });
}

/** Epochs that restores have begun. */
let token = 0;

/** Restores a file, and signs what a server signs then. */
export function restore(store: KeyedArchive, file: Buffer, options: RestoreOptions = {}): Promise<RestoreReport> {
  return restoreSnapshot(inPieces(file), options, {
    store,
    log: createMemoryLog(),
    clock: { now: Date.now, token: () => `restored-${(token += 1)}` },
    onAdopted: async ({ campaignId, version, tail, redactions }) => {
      await signReplaced(signingOn(store), { campaignId, version, tail });
      for (const redaction of redactions) await signRedacted(signingOn(store), { campaignId, ...redaction });
    },
  });
}
