import { apply, type CampaignContent } from '../../core/stream/apply.ts';
import type { Fork } from '../../core/stream/position.ts';
import { notFound } from '../refusals.ts';
import { nextTail } from './hash-chain.ts';
import type { Archive, ArchivedCampaign, Clock, Head, LogEvent, OpenedLog, OrderedLog, SealedEntry } from '../ports.ts';

export interface LogRecoveryOptions {
  log: OrderedLog;
  archive: Archive;
  clock: Clock;
  /** Newest entries that are read back with a campaign, for resumes. */
  recentEntries: number;
}

/** A campaign that has its place in the log, with everything that archive and log know of it. */
export interface RecoveredCampaign {
  archived: ArchivedCampaign;
  opened: Extract<OpenedLog, { kind: 'opened' }>;
}

/** What an instance knows of a campaign when it takes the seat again. */
export interface Known {
  head: Head;
  /** What it knows to be in the log and not in the archive, in order. */
  unsaved: readonly SealedEntry[];
}

/** How long survivors have to save what they know before the epoch ends, in milliseconds. */
const RESCUE_MS = 300;

/**
 * Brings a campaign to its place in the log, and finds out whether anything was lost since it last had one. The one
 * protocol for the first load, for the return of an idle campaign, and for every loss; its invariants are written down
 * in `log/README.md`.
 *
 * - The log holds it under the archive's generation and on the archive's line: that is the place.
 * - It does not, and the seat is free: the campaign left in order. It enters again, same epoch, same tail.
 * - It does not, and the seat is taken: something was lost. Whoever still knows entries after the archive's head saves
 *   them there (each instance its own, and what the log has left); after a moment for all of them, one instance ends
 *   the epoch by the guarded write that also gives out the next generation. What was not saved by then is on no
 *   surviving line.
 *
 * The log may also hold the campaign in its place and still have lost its newest entries; an instance that has seen
 * them (`known`) treats that as a loss too.
 */
export async function recoverCampaign(
  campaignId: string,
  known: Known | undefined,
  listener: (event: LogEvent) => void,
  options: LogRecoveryOptions,
): Promise<RecoveredCampaign> {
  const { log, archive, clock, recentEntries } = options;
  let rescued: ArchivedCampaign | undefined;
  let stale: ArchivedCampaign | undefined;
  for (;;) {
    const archived = await archive.load(campaignId, recentEntries);
    if (!archived) throw notFound(campaignId);
    const { head, membership } = archived;
    const opened = await log.open(campaignId, membership.generation, head, listener);
    if (opened.kind === 'opened' && (known === undefined || passesThrough(archived, opened, known.head)))
      return { archived, opened };
    if (opened.kind === 'stale-archive' && !isSame(stale, archived)) {
      stale = archived;
      continue;
    }
    // Still the same: an archive restored from a backup, behind a log that went on. What lies between is in neither.
    if (membership.active && log.shared) {
      if (await rescue(campaignId, archived, known?.unsaved ?? [], options)) continue;
      if (!isSame(rescued, archived)) {
        // Others may know more than we do: they are told by the log, and get a moment. Then everything is looked at
        // again.
        rescued = archived;
        await new Promise<void>((resolve) => clock.after(RESCUE_MS, resolve));
        continue;
      }
    }
    const epoch = membership.active ? clock.token() : undefined;
    const expected = { epoch: head.epoch, version: head.version, generation: membership.generation };
    if (!(await archive.enterLog(campaignId, expected, epoch))) continue;
    const entered = enter(archived, epoch);
    await log.seed(campaignId, entered.membership.generation, entered.head);
    // With others about, who was overtaken between the two must see it: archive and log are read once more.
    if (log.shared) continue;
    const seeded = await log.open(campaignId, entered.membership.generation, entered.head, listener);
    if (seeded.kind === 'opened') return { archived: entered, opened: seeded };
  }
}

/** Whether the line of archive and log leads through what was seen, as far as that can be told. */
function passesThrough({ head, recent }: ArchivedCampaign, opened: RecoveredCampaign['opened'], seen: Head): boolean {
  if (seen.epoch !== head.epoch) return true;
  if (seen.version > opened.head.version) return false;
  if (seen.version === head.version) return seen.tail === head.tail;
  const there = [...recent, ...opened.entries].find(({ record }) => record.version === seen.version);
  return there === undefined || there.tail === seen.tail;
}

/** The campaign as the archive has it after `enterLog`. */
function enter(archived: ArchivedCampaign, epoch: string | undefined): ArchivedCampaign {
  const { head, lineage, membership } = archived;
  const entered: ArchivedCampaign = {
    ...archived,
    membership: { generation: membership.generation + 1, active: true },
  };
  if (epoch === undefined) return entered;
  const fork: Fork = { epoch, parent: head.epoch, fromVersion: head.version };
  return { ...entered, head: { ...head, epoch }, lineage: [...lineage, fork] };
}

function isSame(before: ArchivedCampaign | undefined, now: ArchivedCampaign): boolean {
  return (
    before !== undefined &&
    before.head.epoch === now.head.epoch &&
    before.head.version === now.head.version &&
    before.membership.generation === now.membership.generation
  );
}

/**
 * Those entries that go on from the head in its own epoch, each by the tail of the one before: what was written on
 * another line is not saved on this one.
 */
function following(head: Head, entries: readonly SealedEntry[]): SealedEntry[] {
  const line: SealedEntry[] = [];
  let { tail } = head;
  for (const sealed of entries) {
    if (sealed.record.version <= head.version) continue;
    tail = nextTail(tail, sealed.bytes);
    const follows =
      sealed.record.epoch === head.epoch &&
      sealed.record.version === head.version + line.length + 1 &&
      sealed.tail === tail;
    if (!follows) break;
    line.push(sealed);
  }
  return line;
}

/** Saves the longest known line beyond the archive's head; true where the archive has moved, by us or by another. */
async function rescue(
  campaignId: string,
  archived: ArchivedCampaign,
  unsaved: readonly SealedEntry[],
  { log, archive }: LogRecoveryOptions,
): Promise<boolean> {
  const { head } = archived;
  const own = following(head, unsaved);
  const remainder = following(head, await log.remainder(campaignId, head));
  const entries = own.length > remainder.length ? own : remainder;
  if (entries.length === 0) return false;
  const start: CampaignContent = { state: archived.state, archivedAt: archived.archivedAt };
  const { state, archivedAt } = entries.reduce((content, { record }) => apply(content, record), start);
  const expected = { epoch: head.epoch, version: head.version };
  const [outcome] = await archive.commit([{ campaignId, expected, entries, state, archivedAt }]);
  return outcome !== undefined;
}
