import { apply, treeOf, type CampaignContent } from '../../core/stream/apply.ts';
import type { GroupBase } from '../../core/commands/decide-group.ts';
import type { FormerLife } from '../../core/deletion.ts';
import type { RefusalError } from '../../core/errors.ts';
import type { Entry } from '../../core/stream/entry.ts';
import { appliedBy, createIdempotencyWindow, type IdempotencyWindow } from '../../core/commands/idempotency.ts';
import { LIMITS } from '../../core/limits.ts';
import { growthOf } from '../../core/document/document-size.ts';
import { memberOf } from '../../core/document/document-tree.ts';
import { jsonBytes } from '../../core/document/plain-json.ts';
import { toEntry, type Head, type SealedEntry } from '../../core/stream/log-record.ts';
import type { Fork } from '../../core/stream/position.ts';
import { createRing, type Ring } from '../../core/stream/ring.ts';
import { touchesTargeting } from '../../core/targeting/targeting.ts';
import type { LockJudge, LockTable } from '../../core/locks/lock-table.ts';
import type { ArchivedCampaign } from '../ports.ts';
import type { RecoveredCampaign } from './log-recovery.ts';
import { createVersionTrees, type VersionTrees } from './version-trees.ts';
import { createWatermark, type Watermark } from './watermark.ts';

/**
 * Campaign in memory: everything that is known of it, as of one position. Changed by `deliver` and `markDurable` alone,
 * and replaced as a whole by a reload.
 */
export interface LiveCampaign {
  readonly id: string;
  head: Head;
  lineage: Fork[];
  content: CampaignContent;
  /** The size of the document as compact JSON, in bytes. */
  documentBytes: number;
  updatedAt: number;
  updatedBy: string;
  ring: Ring<Entry>;
  /** The documents behind the entries of the ring, where somebody's view of them depends on rules. */
  trees: VersionTrees;
  window: IdempotencyWindow;
  watermark: Watermark;
  /** Generation of its log membership: the fencing token of everything that is appended. */
  generation: number;
  /** The newest lock table that is known of it. */
  locks: LockTable;
  /** Entries beyond the watermark, in order: what this instance can save if the log loses them. */
  unsaved: SealedEntry[];
  /** Bytes of these. */
  unsavedBytes: number;
  /** When they began to wait, or the watermark moved last, by this instance's clock; `undefined` where none wait. */
  unsavedSince: number | undefined;
  /**
   * Readers without a token are given entries after this version only: those up to it were made while it was a draft
   * (G11).
   */
  publicFloor: number;
  /** Campaigns that had its id before, and were deleted. */
  former: readonly FormerLife[];
  /** Whether it may be old, because the server that it comes from is away. */
  stale: boolean;
  /** It was deleted: what every subscriber and every caller is told from then on. */
  gone: RefusalError | undefined;
}

/**
 * Builds a campaign from what the archive keeps and what the log holds beyond that.
 *
 * @param now epoch milliseconds, by this instance's clock
 * @param onAwaited called when a caller begins to wait for its durability
 */
export function createLiveCampaign(
  id: string,
  { archived, opened }: RecoveredCampaign,
  now: number,
  onAwaited?: () => void,
): LiveCampaign {
  const floor = archived.head.version - archived.recent.length;
  const durable = opened.isAheadOfWatermark
    ? opened.durableVersion
    : Math.max(archived.head.version, opened.durableVersion);
  const live: LiveCampaign = {
    id,
    head: archived.head,
    lineage: archived.lineage,
    content: { state: archived.state, archivedAt: archived.archivedAt },
    documentBytes: jsonBytes(archived.state),
    updatedAt: archived.updatedAt,
    updatedBy: archived.updatedBy,
    ring: createRing(LIMITS.ringEntries, LIMITS.ringBytes, floor),
    trees: createVersionTrees(
      { version: archived.head.version, document: archived.state },
      archived.recent.filter(({ record }) => touchesTargeting(record.change)).map(({ record }) => record.version),
      floor,
    ),
    window: createIdempotencyWindow(LIMITS.idempotencyWindow, floor),
    watermark: createWatermark(durable, onAwaited),
    generation: archived.membership.generation,
    locks: opened.locks,
    unsaved: [],
    unsavedBytes: 0,
    unsavedSince: undefined,
    publicFloor: publicFloorOf(archived),
    former: archived.former,
    stale: opened.stale === true,
    gone: undefined,
  };
  for (const sealed of archived.recent) {
    remember(live, sealed);
    if (sealed.record.version > durable) keepUnsaved(live, sealed, now);
  }
  for (const sealed of opened.entries) deliver(live, sealed, now);
  return live;
}

/**
 * Version up to which the entries that were read back may be those of a draft. The states in between are not at hand:
 * since the newest change of the status it has been what it is now, and where no entry changes it, for all of them.
 */
function publicFloorOf({ head, recent, state, archivedAt }: ArchivedCampaign): number {
  if (!isPublished({ state, archivedAt })) return head.version;
  const changed = recent.findLast(({ record }) => Object.hasOwn(record.change, 'status'));
  return changed?.record.version ?? head.version - recent.length;
}

/** What became of an entry that was delivered. `seen`, `gap` and `fork` change nothing. */
export type Delivery = 'applied' | 'seen' | 'gap' | 'fork';

/**
 * The single apply path: every entry is applied here, whoever wrote it and whichever way it came (as the answer to an
 * append, from the log's publication, from the repair of a gap), in order, once (G1, G2).
 *
 * @param now epoch milliseconds, by this instance's clock
 */
export function deliver(live: LiveCampaign, sealed: SealedEntry, now: number): Delivery {
  const { record } = sealed;
  // A late publication of an earlier epoch: what the fork kept of it has been applied already.
  if (record.epoch !== live.head.epoch)
    return live.lineage.some(({ parent }) => parent === record.epoch) ? 'seen' : 'fork';
  if (record.version <= live.head.version) return 'seen';
  if (record.version > live.head.version + 1) return 'gap';
  if (!isPublished(live.content)) live.publicFloor = record.version;
  const before = treeOf(live.content);
  live.content = apply(live.content, record);
  live.documentBytes += growthOf(before, treeOf(live.content), record.change);
  live.head = { epoch: record.epoch, version: record.version, tail: sealed.tail };
  live.updatedAt = record.at;
  live.updatedBy = record.actor.id;
  remember(live, sealed);
  live.trees.push({
    version: record.version,
    before,
    after: treeOf(live.content),
    touches: touchesTargeting(record.change),
    floor: live.ring.floor,
  });
  live.window.trim(live.watermark.version);
  if (record.version > live.watermark.version) keepUnsaved(live, sealed, now);
  return 'applied';
}

function keepUnsaved(live: LiveCampaign, sealed: SealedEntry, now: number): void {
  live.unsaved.push(sealed);
  live.unsavedSince ??= now;
  live.unsavedBytes += sealed.bytes.length;
}

/** Moves the watermark: everything up to that version is committed. True where the watermark moved. */
export function markDurable(live: LiveCampaign, version: number, now: number): boolean {
  if (!live.watermark.advance(version)) return false;
  const firstUnsaved = live.unsaved.findIndex(({ record }) => record.version > version);
  const saved = live.unsaved.splice(0, firstUnsaved < 0 ? live.unsaved.length : firstUnsaved);
  for (const { bytes } of saved) live.unsavedBytes -= bytes.length;
  live.unsavedSince = live.unsaved.length > 0 ? now : undefined;
  return true;
}

function remember(live: LiveCampaign, { record, bytes }: SealedEntry): void {
  live.ring.push(toEntry(record), bytes.length);
  live.window.remember(appliedBy(record));
}

/** Takes a lock table that is newer than the one before. True where it was. */
export function takeLocks(live: Pick<LiveCampaign, 'locks'>, table: LockTable): boolean {
  if (table.revision <= live.locks.revision) return false;
  live.locks = table;
  return true;
}

/** What the next group of mutations is decided on. */
export function groupBaseOf(live: LiveCampaign, judge: LockJudge): GroupBase {
  const { head, lineage, content, documentBytes, updatedAt } = live;
  const locks = { table: live.locks, judge };
  const { epoch, version, tail } = head;
  return {
    situation: { campaignId: live.id, epoch, version, lineage, content, documentBytes, locks },
    tail,
    updatedAt,
  };
}

/** Whether readers without a token may see it. */
export function isPublished(content: CampaignContent): boolean {
  return memberOf(treeOf(content), 'status') !== 'draft';
}
