import type { StoredCheckpoint, StoredEntry } from '../../core/history-store.ts';
import { jsonText } from '../../core/document/document-tree.ts';
import { treeOf } from '../../core/stream/apply.ts';
import type { ClaimedBase } from '../history-proof.ts';
import type { ProvenEntry } from '../read-snapshot.ts';

/** Characters of entries that are staged with one statement. */
const STAGE_CHARACTERS = 512 * 1024;

/** Versions between two checkpoints of a restored history. */
const CHECKPOINT_VERSIONS = 100;

/** Collects what is staged, and hands it on in parts: one is under way while the next is collected. */
export function createStaging(
  stage: (entries: readonly StoredEntry[], checkpoints: readonly StoredCheckpoint[]) => Promise<void>,
) {
  let entries: StoredEntry[] = [];
  let checkpoints: StoredCheckpoint[] = [];
  let characters = 0;

  let underWay: Promise<void> = Promise.resolve();

  /** Hands on what was collected, once the part before it is staged. */
  const handOn = async (): Promise<void> => {
    await underWay;
    if (entries.length === 0 && checkpoints.length === 0) return;
    underWay = stage(entries, checkpoints);
    // Its error is that of the next call.
    underWay.catch(() => undefined);
    entries = [];
    checkpoints = [];
    characters = 0;
  };

  const addState = (campaignId: string, { record: { version }, content }: ProvenEntry): void => {
    const state = jsonText(treeOf(content));
    characters += state.length;
    checkpoints.push({ campaignId, version, state });
  };

  return {
    /** Stages all that was added. */
    async flush(): Promise<void> {
      await handOn();
      await underWay;
    },
    /** Resolves when nothing is under way, whatever became of it. */
    async rest(): Promise<void> {
      await underWay.catch(() => undefined);
    },
    /** Adds the checkpoint that a history begins with. */
    addBase(campaignId: string, { version, state }: ClaimedBase): void {
      const text = JSON.stringify(state);
      characters += text.length;
      checkpoints.push({ campaignId, version, state: text });
    },
    /** Adds the state after an entry, unless that was added with it. */
    addState(campaignId: string, entry: ProvenEntry): void {
      if (entry.record.version % CHECKPOINT_VERSIONS !== 0) addState(campaignId, entry);
    },
    async add(campaignId: string, entry: ProvenEntry): Promise<void> {
      const { record, bytes, tail, repeatsId } = entry;
      const { version, epoch, type, at, mutationId } = record;
      entries.push({ campaignId, version, epoch, type, at, mutationId: repeatsId ? null : mutationId, bytes, tail });
      characters += bytes.length;
      if (version % CHECKPOINT_VERSIONS === 0) addState(campaignId, entry);
      if (characters >= STAGE_CHARACTERS) await handOn();
    },
  };
}
