import { apply, type CampaignContent } from '../../core/stream/apply.ts';
import type { Head, SealedEntry } from '../../core/stream/log-record.ts';
import type { Fork } from '../../core/stream/position.ts';
import type { Archive, ArchivedCampaign, Clock, LogEvent, OpenedLog, OrderedLog } from '../ports.ts';
import { deleted, notFound } from '../refusals.ts';
import { continuation } from './continuation.ts';

export interface LogRecoveryOptions {
  readonly log: OrderedLog;
  readonly archive: Archive;
  readonly clock: Clock;
  /** Newest entries that are read back with a campaign, for resumes. */
  recentEntries: number;
}

/** A campaign that is a member of the log, with everything that archive and log know of it. */
export interface RecoveredCampaign {
  archived: ArchivedCampaign;
  opened: Extract<OpenedLog, { kind: 'opened' }>;
}

/** What an instance holds in memory of a campaign that it recovers again. */
export interface HeldCampaign {
  head: Head;
  /** Entries that were in the log and are not known to be in the archive, in order. */
  unsaved: readonly SealedEntry[];
}

/**
 * Time that other instances have, in milliseconds, to save what they hold of a campaign before its epoch ends. They
 * have to be told by the log first, and to read the archive.
 */
const RESCUE_GRACE_MS = 1_000;

/**
 * Makes a campaign a member of the log, and detects whether the log has lost entries since it last was one: *recovery
 * by a fencing token*. One algorithm serves the first load, the return of an evicted campaign, and every loss, such as
 * FLUSHALL, a restarted Redis or a promoted replica. A loss is noticed when an append is answered `lost`
 * (`writes/mutation-queue.ts` reloads then), when the log reports `reset` (`log/redis/head-check.ts` looks every
 * second, `hosting/log-follower.ts` reloads), or at the next load.
 *
 * The token is the `generation` of the {@link LogMembership}. The archive, which loses nothing, raises it with each
 * entry into the log; the log keeps the one that it was seeded with, and takes an append only under that one. A log
 * that comes back empty, or from an old copy, holds no generation or an old one, and so cannot take an append on top of
 * the loss.
 *
 * Invariant: the log holds a campaign under the archive's generation only as a continuation of the archive's head. So
 * nothing is acknowledged between a loss and its detection (G5), and an epoch never has two contents of one version
 * (G2).
 *
 * Cases, by whether the log holds the campaign under the archive's generation and on its timeline:
 *
 * - **It does.** The campaign is a member. If this instance holds a head that the log's timeline does not contain, the
 *   log has lost its newest entries (a key restored from a dump), and that is a loss as below.
 * - **It does not, and the membership is not active.** The campaign left in order, with everything durable. It enters
 *   again under the next generation, in the same epoch, with the same tail.
 * - **It does not, and the membership is active.** Entries after the archive's head may have been seen and be gone.
 *   Every instance saves what it still holds of them, and what the log has left; the archive's guard takes each version
 *   once. After {@link RESCUE_GRACE_MS}, if the archive has not moved since, one guarded write starts a new epoch at
 *   its head and gives out the next generation; the others find that they lost that race and read again. What was not
 *   saved by then is not on the current timeline, and its writers are told so.
 *
 * Rejected: to trust a log that answers. Redis may come back with a prefix of what it acknowledged and would take new
 * entries under versions that were given out already. Rejected too: one token for a partition of campaigns, by which
 * the loss of one ends the epochs of all, and an evicted campaign looks like a lost one.
 *
 * @param held what this instance holds of the campaign, if it has it in memory
 * @param listener is called with what the log publishes from now on, also before the promise resolves
 * @throws RefusalError `NOT_FOUND` where the archive has no such campaign; with `deletedAt` where it was deleted
 * @throws Error where the archive's head is not that of its newest entry, or log or archive do not answer
 */
export async function recoverCampaign(
  campaignId: string,
  held: HeldCampaign | undefined,
  listener: (event: LogEvent) => void,
  options: LogRecoveryOptions,
): Promise<RecoveredCampaign> {
  const { log, archive, clock, recentEntries } = options;
  let graceGivenAt: ArchivedCampaign | undefined;
  let staleAt: ArchivedCampaign | undefined;
  let seeded: number | undefined;
  for (;;) {
    const loaded = await archive.load(campaignId, recentEntries);
    if (!loaded) {
      // Deleted since this instance entered it: its log was cleared before the seed came.
      if (seeded !== undefined) await log.clear(campaignId, seeded);
      const deletion = await archive.findDeletion(campaignId);
      throw deletion ? deleted(campaignId, deletion.at) : notFound(campaignId);
    }
    const archived = provenByEntries(campaignId, loaded);
    const { head, membership } = archived;
    const opened = await log.open(campaignId, membership.generation, head, listener);
    if (opened.kind === 'opened' && (held === undefined || contains(archived, opened, held.head)))
      return { archived, opened };
    // Once: where the archive is the same at the second reading, it was restored from a backup, behind a log that went
    // on. What lies between the two is in neither, which is a loss.
    if (opened.kind === 'stale-archive' && !isUnchanged(staleAt, archived)) {
      staleAt = archived;
      continue;
    }
    if (membership.active && log.shared) {
      if (await rescue(campaignId, archived, held?.unsaved ?? [], options)) continue;
      if (!isUnchanged(graceGivenAt, archived)) {
        graceGivenAt = archived;
        await new Promise<void>((resolve) => clock.after(RESCUE_GRACE_MS, resolve));
        continue;
      }
    }
    const epoch = membership.active ? clock.token() : undefined;
    const expected = { epoch: head.epoch, version: head.version, generation: membership.generation };
    if (!(await archive.enterLog(campaignId, expected, epoch))) continue;
    const entered = afterEntering(archived, epoch);
    seeded = entered.membership.generation;
    await log.seed(campaignId, seeded, entered.head);
    // Another instance may have overtaken this one between the two writes: archive and log are read once more.
    if (log.shared) continue;
    const again = await log.open(campaignId, seeded, entered.head, listener);
    if (again.kind === 'opened') return { archived: entered, opened: again };
  }
}

/**
 * The campaign, with its head proven by the tail of the newest entry, and with those recent entries that lead up to it
 * without a gap. Rows that were changed by hand must not be built upon: what follows would be acknowledged as durable
 * on top of versions that are not there.
 */
function provenByEntries(campaignId: string, archived: ArchivedCampaign): ArchivedCampaign {
  const { head, recent } = archived;
  const newest = recent.at(-1);
  if (newest && (newest.record.version !== head.version || newest.tail !== head.tail)) {
    throw new Error(
      `${campaignId}: the archive's row says version ${head.version}, but its newest entry is version ` +
        `${newest.record.version}, or has another tail; were rows changed by hand?`,
    );
  }
  const gapAt = recent.findLastIndex(
    ({ record }, index) => record.version !== head.version - (recent.length - 1 - index),
  );
  return gapAt < 0 ? archived : { ...archived, recent: recent.slice(gapAt + 1) };
}

/** Whether the timeline of archive and log contains a head, as far as the entries at hand can tell. */
function contains({ head, recent }: ArchivedCampaign, opened: RecoveredCampaign['opened'], seen: Head): boolean {
  if (seen.epoch !== head.epoch) return true;
  if (seen.version > opened.head.version) return false;
  if (seen.version === head.version) return seen.tail === head.tail;
  const entry = [...recent, ...opened.entries].find(({ record }) => record.version === seen.version);
  return entry === undefined || entry.tail === seen.tail;
}

/** The campaign as the archive has it after `enterLog`. */
function afterEntering(archived: ArchivedCampaign, epoch: string | undefined): ArchivedCampaign {
  const { head, lineage, membership } = archived;
  const entered: ArchivedCampaign = {
    ...archived,
    membership: { generation: membership.generation + 1, active: true },
  };
  if (epoch === undefined) return entered;
  const fork: Fork = { epoch, parent: head.epoch, fromVersion: head.version };
  return { ...entered, head: { ...head, epoch }, lineage: [...lineage, fork] };
}

/** Whether the archive's head and generation are the same at both readings. */
function isUnchanged(before: ArchivedCampaign | undefined, now: ArchivedCampaign): boolean {
  return (
    before !== undefined &&
    before.head.epoch === now.head.epoch &&
    before.head.version === now.head.version &&
    before.membership.generation === now.membership.generation
  );
}

/**
 * Saves the longest continuation of the archive's head that this instance's entries and what the log has left make up.
 *
 * @returns whether the archive has moved, through this instance or another
 */
async function rescue(
  campaignId: string,
  archived: ArchivedCampaign,
  unsaved: readonly SealedEntry[],
  { log, archive }: LogRecoveryOptions,
): Promise<boolean> {
  const { head } = archived;
  const entries = continuation(head, await log.remainder(campaignId, head), unsaved);
  if (entries.length === 0) return false;
  const start: CampaignContent = { state: archived.state, archivedAt: archived.archivedAt };
  const { state, archivedAt } = entries.reduce((content, { record }) => apply(content, record), start);
  const expected = { epoch: head.epoch, version: head.version };
  const [outcome] = await archive.commit([{ campaignId, expected, entries, state, archivedAt }]);
  return outcome !== undefined;
}
