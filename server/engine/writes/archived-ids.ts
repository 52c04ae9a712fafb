import type { AppliedMutation } from '../../core/commands/idempotency.ts';
import { parsePosition, lastSharedVersion } from '../../core/stream/position.ts';
import type { LiveCampaign } from '../campaign/live-campaign.ts';
import type { Archive } from '../ports.ts';
import { refusalId } from './refused-mutations.ts';
import type { QueuedMutation } from './queued-mutation.ts';

/** What the archive says of ids that the window may have forgotten. */
export interface ArchivedIds {
  applied: ReadonlyMap<string, AppliedMutation>;
  /** Made before the oldest entry that is kept: whether they were applied, nobody knows any more. */
  tooOld: ReadonlySet<string>;
}

/**
 * Ids that the window may have forgotten are asked of the archive: those whose intent was made before the window's
 * floor, or who knows when (G3). New intents, made where the campaign is now, cost nothing.
 */
export async function findArchivedIds(
  live: LiveCampaign,
  group: readonly QueuedMutation[],
  archive: Archive,
): Promise<ArchivedIds> {
  const applied = new Map<string, AppliedMutation>();
  const tooOld = new Set<string>();
  if (live.window.floor === 0) return { applied, tooOld };
  const asked = group.filter(({ mutationId, hasClientId }) => hasClientId && !live.window.find(mutationId));
  await Promise.all(
    asked.map(async ({ mutationId, base, isRetry }) => {
      const madeAt = versionOf(live, base);
      if (madeAt !== undefined && madeAt >= live.window.floor) return;
      // Only what is pushed is refused under an id; direct calls are spared the second look.
      const ids = isRetry === undefined ? [mutationId] : [mutationId, refusalId(mutationId)];
      const found = await Promise.all(ids.map((id) => archive.findMutation(live.id, id)));
      for (const { entry } of found) {
        if (!entry) continue;
        const { mutationId: id, version, epoch, fingerprint } = entry.record;
        applied.set(id, { mutationId: id, version, epoch, fingerprint });
      }
      const { knownFrom = 1 } = found[0] ?? {};
      if (found.some(({ entry }) => entry)) return;
      if (madeAt !== undefined && madeAt + 1 < knownFrom) {
        tooOld.add(mutationId);
      }
    }),
  );
  return { applied, tooOld };
}

/**
 * The version of this line at which an intent was made; one made on a line that did not survive counts as where that
 * line was left.
 */
function versionOf(live: LiveCampaign, base: string | undefined): number | undefined {
  const position = base === undefined ? undefined : parsePosition(base);
  const bound = position && lastSharedVersion(position.epoch, live.head, live.lineage);
  return position && bound !== undefined ? Math.min(position.version, bound) : undefined;
}
