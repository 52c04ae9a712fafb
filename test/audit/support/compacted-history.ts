import { expect } from 'vitest';
import type { KeyedArchive } from '../../../server/archive/keyed-archive.ts';
import { compactHistories } from '../../../server/audit/compaction.ts';
import { signCompacted } from '../../../server/audit/statements.ts';
import type { CampaignHistory } from '../../archive/campaign-history.ts';
import { signingOn } from './signed-archive.ts';

export const ID = 'long';

/** Compacts all histories of an archive to so many versions, as one instance does. @returns entries that are gone */
export function compact(store: KeyedArchive, versions: number, isSigned = true): Promise<number> {
  return compactHistories({
    store,
    keep: { versions },
    instance: 'one',
    now: Date.now,
    ...(isSigned && { sign: (campaignId, base) => signCompacted(signingOn(store), campaignId, base) }),
    onFailed: () => undefined,
  });
}

/** Grows a history by so many versions, in commits of that size, with archivings and repeated ids in between. */
export async function grow(
  store: KeyedArchive,
  history: CampaignHistory,
  versions: number,
  size: number,
): Promise<void> {
  let committed = history.entries.length;
  const until = committed + versions;
  while (history.entries.length < until) {
    const version = history.entries.length + 1;
    if (version % 60 === 50) history.add({}, { type: 'archive', command: { type: 'archive' } });
    else if (version % 60 === 20) history.add({}, { type: 'restore', command: { type: 'restore' } });
    else {
      const change = { title: `Version ${version}`, [`key${version % 5}`]: { 10: version, 2: ['x', version] } };
      history.add(change, version % 45 === 5 ? { mutationId: `${ID}-mutation-2` } : {});
    }
    if (history.entries.length - committed < size && history.entries.length < until) continue;
    expect(await store.commit([history.commitAfter(committed)])).toMatchObject([{ kind: 'committed' }]);
    committed = history.entries.length;
  }
}
