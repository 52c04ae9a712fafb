import { appliedBy, type AppliedMutation, type IdempotencyWindow } from '../../core/commands/idempotency.ts';
import { refusalId } from '../../core/commands/refused-mutations.ts';
import { deletedAtOf } from '../../core/deletion.ts';
import type { Refusal } from '../../core/errors.ts';
import { lastSharedVersion, parsePosition } from '../../core/stream/position.ts';
import type { LiveCampaign } from '../campaign/live-campaign.ts';
import type { Archive } from '../ports.ts';
import { deleted } from '../refusals.ts';
import type { QueuedMutation } from './queued-mutation.ts';

/** What window and archive said of mutation ids at one moment, so that the window may drop them meanwhile. */
export interface ArchivedIds {
  /** The window of that moment; a reload makes another one. */
  readonly window: IdempotencyWindow;
  /** Version up to which the archive knew every id. */
  readonly durableVersion: number;
  /** Ids of mutations that the archive was asked for. */
  readonly asked: ReadonlySet<string>;
  readonly applied: ReadonlyMap<string, AppliedMutation>;
  /**
   * Refusals of mutations made before the oldest entry that is kept: nobody knows any more whether they were applied;
   * and of those that were made on an earlier campaign of this id, which was deleted.
   */
  readonly refused: ReadonlyMap<string, Refusal>;
}

/**
 * Asks the archive for the ids that the idempotency window may have dropped: those whose intent was made before the
 * window's floor, or at an unknown position (G3). New intents, made where the campaign is now, cost nothing.
 *
 * @param known what was found before, of which nothing is asked again
 */
export async function findArchivedIds(
  live: LiveCampaign,
  group: readonly QueuedMutation[],
  archive: Archive,
  known: ArchivedIds | undefined,
): Promise<ArchivedIds> {
  const { window } = live;
  const before = known && isComplete(known, live) ? known : undefined;
  const durableVersion = before?.durableVersion ?? live.watermark.version;
  const applied = new Map(before?.applied);
  const refused = new Map(before?.refused);
  const asked = new Set(before?.asked);
  /** What only the archive knows, and the version that each was made at. */
  const unknown: { mutation: QueuedMutation; madeAt: number | undefined }[] = [];
  for (const mutation of group) {
    const { mutationId, hasClientId, base } = mutation;
    if (!hasClientId || asked.has(mutationId)) continue;
    const deletedAt = formerlyAt(live, base);
    if (deletedAt !== undefined) {
      asked.add(mutationId);
      refused.set(mutationId, deleted(live.id, deletedAt).refusal);
      continue;
    }
    for (const id of idsOf(mutation)) {
      const found = window.find(id);
      if (found) applied.set(id, found);
    }
    if (window.floor === 0 || window.find(mutationId)) continue;
    const madeAt = versionOf(live, base);
    if (madeAt !== undefined && madeAt >= window.floor) continue;
    asked.add(mutationId);
    unknown.push({ mutation, madeAt });
  }
  await Promise.all(
    unknown.map(async ({ mutation, madeAt }) => {
      const { mutationId, base } = mutation;
      const found = await Promise.all(idsOf(mutation).map((id) => archive.findMutation(live.id, id)));
      for (const { entry } of found) {
        if (!entry) continue;
        applied.set(entry.record.mutationId, appliedBy(entry.record));
      }
      const { knownFrom = 1 } = found[0] ?? {};
      if (found.some(({ entry }) => entry)) return;
      if (madeAt !== undefined && madeAt + 1 < knownFrom) refused.set(mutationId, tooOldRefusal(base));
    }),
  );
  return { window, durableVersion, asked, applied, refused };
}

/**
 * Whether these and the window know every id together. What the window has dropped since is no newer than its floor: so
 * it was in the window when these were found, or the archive knew it.
 */
export function isComplete({ window, durableVersion }: ArchivedIds, live: LiveCampaign): boolean {
  return live.window === window && window.floor <= durableVersion;
}

/** The ids under which a mutation may have left an entry: only pushed ones leave tombstones. */
function idsOf({ mutationId, isRetry }: QueuedMutation): readonly string[] {
  return isRetry === undefined ? [mutationId] : [mutationId, refusalId(mutationId)];
}

/** When the campaign was deleted that an intent was made on; `undefined` where it was made on this one. */
function formerlyAt(live: LiveCampaign, base: string | undefined): number | undefined {
  const position = base === undefined || live.former.length === 0 ? undefined : parsePosition(base);
  return position && deletedAtOf(position.epoch, live);
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
