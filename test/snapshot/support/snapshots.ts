import type { HistoryStore } from '../../../server/core/history-store.ts';
import type { JsonObject } from '../../../server/core/json.ts';
import type { Archive } from '../../../server/engine/ports.ts';
import { mergeChain } from '../../../server/snapshot/chain.ts';
import { writeIncrement } from '../../../server/snapshot/write-increment.ts';
import { readSnapshot, type SnapshotItem } from '../../../server/snapshot/read-snapshot.ts';
import { writeSnapshot } from '../../../server/snapshot/write-snapshot.ts';
import { campaignHistory, type CampaignHistory } from '../../archive/campaign-history.ts';

/** A snapshot of what is in a store, as one file. */
export async function snapshotOf(store: HistoryStore, campaignIds?: readonly string[]): Promise<Buffer> {
  const blocks: Buffer[] = [];
  for await (const block of writeSnapshot({
    store,
    campaignIds,
    id: 'snapshot-1',
    createdAt: 1_700_000_000_000,
    server: '0.1.0',
    pace: () => Promise.resolve(),
    yieldTurn: () => Promise.resolve(),
    now: () => performance.now(),
  }))
    blocks.push(block);
  return Buffer.concat(blocks);
}

/** What has changed since the files of a chain, as one file; each is known by its id in place of a name. */
export async function incrementOf(store: HistoryStore, id: string, follows: string, chain: readonly Buffer[]) {
  const blocks: Buffer[] = [];
  for await (const block of writeIncrement({
    store,
    id,
    createdAt: 1_700_000_000_000,
    server: '0.1.0',
    follows: { id: follows, file: `${follows}.jsonl.gz` },
    chain: chain.map((file) => inPieces(file)),
    pace: () => Promise.resolve(),
    yieldTurn: () => Promise.resolve(),
    now: () => performance.now(),
  }))
    blocks.push(block);
  return Buffer.concat(blocks);
}

/** The whole file that a chain comes to. */
export async function mergedOf(chain: readonly Buffer[]): Promise<Buffer> {
  const blocks: Buffer[] = [];
  for await (const block of mergeChain(chain.map((file) => inPieces(file)))) blocks.push(block);
  return Buffer.concat(blocks);
}

/** The bytes of a file in pieces of that size. */
export async function* inPieces(file: Uint8Array, size = 64 * 1024): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < file.length; at += size) yield file.subarray(at, at + size);
}

/** Everything that a file tells. */
export async function itemsOf(file: Uint8Array, pieces?: number): Promise<SnapshotItem[]> {
  const items: SnapshotItem[] = [];
  for await (const item of readSnapshot(inPieces(file, pieces))) items.push(item);
  return items;
}

/** The error that reading a file ends with; `undefined` where it is whole. */
export async function refusalOf(file: Uint8Array): Promise<Error | undefined> {
  try {
    for await (const _item of readSnapshot(inPieces(file)));
    return undefined;
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
}

/**
 * A campaign with so many versions, committed in parts, with an archiving, a repeated mutation id and text of any
 * script.
 */
export async function storedCampaign(
  archive: Archive,
  campaignId: string,
  versions: number,
  state?: JsonObject,
): Promise<CampaignHistory> {
  const history = campaignHistory(campaignId, state);
  if (!(await history.createIn(archive))) throw new Error(`${campaignId} is there already`);
  let committed = 1;
  for (let version = 2; version <= versions; version += 1) {
    const change = {
      title: `Version ${version} “ü 🙂\n”`,
      [`key${version % 7}`]: { a: version, b: ['x', null, version / 3] },
    };
    if (version % 50 === 10) history.add({}, { type: 'archive', command: { type: 'archive' } });
    else if (version % 50 === 11) history.add({}, { type: 'restore', command: { type: 'restore' } });
    else history.add(change, version % 40 === 5 ? { mutationId: `${campaignId}-mutation-2` } : {});
    if (version - committed < 30 && version < versions) continue;
    await archive.commit([history.commitAfter(committed)]);
    committed = version;
  }
  return history;
}
