import type { KeyedArchive } from '../../../server/archive/keyed-archive.ts';
import { mergePatch } from '../../../server/core/document/merge-patch.ts';
import type { AdoptedHistory, StoredCheckpoint, StoredEntry } from '../../../server/core/history-store.ts';
import type { JsonObject } from '../../../server/core/json.ts';
import { FIRST_TAIL, seal } from '../../../server/core/stream/hash-chain.ts';
import { systemClock } from '../../../server/engine/system-clock.ts';

/** Versions of each campaign that {@link fill} stores. */
export const VERSIONS = 100;
const FILLED_AT_ONCE = 20;

/** Stores campaigns of 100 small changes each, the way a restore does. */
export async function fill(archive: KeyedArchive, campaigns: number): Promise<void> {
  await archive.beginRestore('fill', Date.now(), 0);
  for (let from = 0; from < campaigns; from += FILLED_AT_ONCE) {
    const some = Array.from({ length: Math.min(FILLED_AT_ONCE, campaigns - from) }, (_, index) =>
      historyOf(from + index),
    );
    const checkpoints = some.map(({ checkpoint }) => checkpoint);
    await archive.stage(
      'fill',
      some.flatMap(({ entries }) => entries),
      checkpoints,
      Date.now(),
    );
    await archive.adopt(
      'fill',
      some.map(({ adopted }) => adopted),
      0,
    );
  }
  await archive.endRestore('fill');
}

/** A campaign of 100 small changes. */
function historyOf(number: number): { entries: StoredEntry[]; checkpoint: StoredCheckpoint; adopted: AdoptedHistory } {
  const campaignId = `campaign-${number}`;
  const entries: StoredEntry[] = [];
  let state: JsonObject = {};
  let tail = FIRST_TAIL;
  for (let version = 1; version <= VERSIONS; version += 1) {
    const change =
      version === 1
        ? { slug: campaignId, title: campaignId }
        : { [`field${version % 10}`]: `value ${version} of ${number}` };
    const type = version === 1 ? 'create' : 'update';
    const at = 1_700_000_000_000 + version;
    const mutationId = `${number}-${version}`;
    const sealed = seal(
      {
        version,
        type,
        change,
        actor: { id: `editor-${number % 17}`, role: 'editor' },
        mutationId,
        correlationId: systemClock.id(),
        at,
        format: 1,
        epoch: 'bench',
        command: version === 1 ? { type: 'create' } : { type: 'update', updates: change },
        fingerprint: 'fingerprint-fing',
      },
      tail,
    );
    ({ tail } = sealed);
    state = mergePatch(state, change);
    entries.push({ campaignId, version, epoch: 'bench', type, at, mutationId, bytes: sealed.bytes, tail });
  }
  return {
    entries,
    checkpoint: { campaignId, version: VERSIONS, state: JSON.stringify(state) },
    adopted: {
      campaignId,
      head: { epoch: 'bench', version: VERSIONS, tail },
      createdAt: 1_700_000_000_001,
      archivedAt: undefined,
      updatedAt: 1_700_000_000_000 + VERSIONS,
      updatedBy: `editor-${number % 17}`,
      lineage: [],
      generation: 1,
      over: false,
    },
  };
}
