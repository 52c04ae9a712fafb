import type { AppliedMutation } from '../../core/commands/idempotency.ts';
import { refusalId } from '../../core/commands/refused-mutations.ts';
import type { Refusal } from '../../core/errors.ts';
import { lastSharedVersion, parsePosition } from '../../core/stream/position.ts';
import type { LiveCampaign } from '../campaign/live-campaign.ts';
import type { Archive } from '../ports.ts';
import type { QueuedMutation } from './queued-mutation.ts';

/** What the archive says of mutation ids that the idempotency window may have dropped. */
export interface ArchivedIds {
  readonly applied: ReadonlyMap<string, AppliedMutation>;
  /** Refusals of mutations made before the oldest entry that is kept: nobody knows any more whether they were applied. */
  readonly tooOld: ReadonlyMap<string, Refusal>;
}

/**
 * Asks the archive for the ids that the idempotency window may have dropped: those whose intent was made before the
 * window's floor, or at an unknown position (G3). New intents, made where the campaign is now, cost nothing.
 */
export async function findArchivedIds(
  live: LiveCampaign,
  group: readonly QueuedMutation[],
  archive: Archive,
): Promise<ArchivedIds> {
  const applied = new Map<string, AppliedMutation>();
  const tooOld = new Map<string, Refusal>();
  if (live.window.floor === 0) return { applied, tooOld };
  const asked = group.filter(({ mutationId, hasClientId }) => hasClientId && !live.window.find(mutationId));
  await Promise.all(
    asked.map(async ({ mutationId, base, isRetry }) => {
      const madeAt = versionOf(live, base);
      if (madeAt !== undefined && madeAt >= live.window.floor) return;
      // Only pushed mutations leave tombstones; direct calls need no second lookup.
      const ids = isRetry === undefined ? [mutationId] : [mutationId, refusalId(mutationId)];
      const found = await Promise.all(ids.map((id) => archive.findMutation(live.id, id)));
      for (const { entry } of found) {
        if (!entry) continue;
        const { mutationId: id, version, epoch, fingerprint } = entry.record;
        applied.set(id, { mutationId: id, version, epoch, fingerprint });
      }
      const { knownFrom = 1 } = found[0] ?? {};
      if (found.some(({ entry }) => entry)) return;
      if (madeAt !== undefined && madeAt + 1 < knownFrom) tooOld.set(mutationId, tooOldRefusal(base));
    }),
  );
  return { applied, tooOld };
}

/** It may have been applied, and its id compacted away: applying it now could be the second time. */
function tooOldRefusal(base: string | undefined): Refusal {
  const message = `base: ${base} lies before the oldest history that is kept; whether this mutation was applied is not known any more`;
  return { reason: 'TOO_OLD', message, path: ['base'] };
}

/**
 * Version on the current timeline at which an intent was made; one made on a timeline that was forked counts as the
 * version at which the fork left it.
 */
function versionOf(live: LiveCampaign, base: string | undefined): number | undefined {
  const position = base === undefined ? undefined : parsePosition(base);
  const bound = position && lastSharedVersion(position.epoch, live.head, live.lineage);
  return position && bound !== undefined ? Math.min(position.version, bound) : undefined;
}
