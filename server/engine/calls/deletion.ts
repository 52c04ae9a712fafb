import { epochsOf, type Deletion } from '../../core/deletion.ts';
import { asError, RefusalError } from '../../core/errors.ts';
import { CALL_ACTIONS, can } from '../../core/permissions.ts';
import type { LockToken } from '../../core/locks/lock-table.ts';
import type { Head } from '../../core/stream/log-record.ts';
import { formatPosition } from '../../core/stream/position.ts';
import { isPublished } from '../campaign/live-campaign.ts';
import { waitDurable } from '../campaign/wait-durable.ts';
import type { CampaignHost } from '../hosting/campaign-host.ts';
import type { EngineObserver } from '../observer.ts';
import type { Archive, Clock, OrderedLog } from '../ports.ts';
import { deleted, forbidden } from '../refusals.ts';
import type { Caller, CampaignService, DeletionReceipt } from '../service.ts';

export interface DeletionOptions {
  readonly hosting: CampaignHost;
  readonly log: OrderedLog;
  readonly archive: Archive;
  readonly clock: Clock;
  readonly observer: EngineObserver;
  /** Names this instance in the record. */
  readonly instance: string;
  readonly durableTimeoutMs: number;
  readonly mutate: CampaignService['mutate'];
  /** Takes over all locks of a campaign: whoever holds one loses it, as with the campaign itself. */
  readonly steal: (caller: Caller, campaignId: string) => Promise<LockToken>;
  /** Why no campaign can be changed now. */
  refuseLoad(campaignId: string): RefusalError | undefined;
  /** Called before a campaign is deleted, with where its chain of hashes ends: says, signed, that it is. */
  readonly onDeleting: (head: Head & { readonly campaignId: string }) => Promise<unknown>;
}

/** Deletion of campaigns, and the completion of what another instance, or an earlier process, has left of one. */
export interface EngineDeletion extends Pick<CampaignService, 'delete'> {
  stop(): void;
}

/** How long a campaign is archived before it can be deleted, in milliseconds. */
const ARCHIVED_FOR_MS = 7 * 24 * 60 * 60 * 1_000;

/** Attempts, of which each but the last was overtaken by a change or a recovery of the campaign. */
const ATTEMPTS = 8;

/** Interval at which deletions are looked for that are not complete, in milliseconds. */
const SWEEP_MS = 15_000;

/**
 * Deletes campaigns in an order in which nothing is lost in silence, whoever is killed in between:
 *
 * 1. The campaign is archived, and everything of it is durable.
 * 2. It is removed from the log, if its head is still the one that was looked at. From here on nothing is appended to
 *    it: a command under way on any instance is answered `lost` by the log, and its instance asks the archive what has
 *    become of the campaign. Where this process ends here, the campaign is made a member of the log again by whoever
 *    asks for it next, in a new epoch, and nothing else has happened.
 * 3. One transaction deletes its row, guarded by the same head and by its generation, and records the deletion. From
 *    here on there is no such campaign: instances that have it in memory are told by the log, or find out by the head
 *    check, and end whoever watches it or waits for it.
 * 4. What is left of it goes, in parts, and then its id is free. Any instance does that: this one at once, and all of
 *    them look every 15 seconds for what was not completed. The parts can be done twice (`archive/sql/deletions.ts`).
 *
 * Rejected: deleting in the archive first. An instance that had not heard of it would go on accepting changes in the
 * log that can never be saved.
 */
export function createDeletion(options: DeletionOptions): EngineDeletion {
  const { hosting, log, archive, clock, observer, instance, durableTimeoutMs, mutate } = options;
  let stopped = false;

  /** Removes what is left of it, and frees its id. */
  const complete = async ({ campaignId, generation }: Deletion): Promise<void> => {
    await log.clear(campaignId, generation);
    while (await archive.removeRows(campaignId)) if (stopped) return;
    await archive.completeDeletion(campaignId);
  };

  const attempt = async (caller: Caller, campaignId: string, now: boolean): Promise<Deletion | undefined> => {
    const campaign = await hosting.host(campaignId).loaded;
    const { live } = campaign;
    // What was archived elsewhere a moment ago counts.
    await hosting.catchUp(campaign);
    if (live.gone) throw live.gone;
    const { archivedAt } = live.content;
    if (archivedAt === undefined) {
      if (!now) throw tooEarly(campaignId, 'archive it first; it can be deleted seven days later, or at once with now');
      const locked = live.locks.rows.some(({ state }) => state === 'held');
      const lock = locked ? await options.steal(caller, campaignId) : undefined;
      await mutate(caller, campaignId, { type: 'archive' }, { comment: 'to be deleted', ...(lock && { lock }) });
      return undefined;
    }
    const from = archivedAt + ARCHIVED_FOR_MS;
    if (!now && clock.now() < from)
      throw tooEarly(campaignId, `it can be deleted from ${new Date(from).toISOString()} on, or at once with now`);
    await waitDurable(live, live.head.version, { clock, timeoutMs: durableTimeoutMs, signal: caller.signal });
    const { head, lineage, generation } = live;
    const deletion: Deletion = {
      campaignId,
      at: clock.now(),
      by: caller.identity.id,
      correlationId: caller.correlationId,
      instance,
      origin: caller.origin,
      head,
      epochs: epochsOf(head, lineage),
      generation,
      wasPublished: isPublished(live.content),
    };
    await options.onDeleting({ campaignId, ...head });
    try {
      const isRemoved = (await log.remove(campaignId, generation, head)) && (await archive.remove(deletion));
      if (isRemoved) {
        hosting.end(campaign, deleted(campaignId, deletion.at));
        return deletion;
      }
    } catch (error) {
      // It may be gone, or missing in the log alone: the archive is asked, again and again where it does not answer.
      void hosting.reload(campaign).catch(() => undefined);
      throw error;
    }
    // Changed meanwhile, or recovered: what it has come to is looked at anew.
    await hosting.reload(campaign);
    return undefined;
  };

  const sweep = async (): Promise<void> => {
    try {
      for (const deletion of await archive.openDeletions()) if (!stopped) await complete(deletion);
    } catch (error) {
      observer.failed?.({ what: 'deletion', error: asError(error) });
    }
    if (!stopped) cancelSweep = clock.after(SWEEP_MS * (0.75 + clock.random() / 2), () => void sweep());
  };
  let cancelSweep = clock.after(0, () => void sweep());

  return {
    async delete(caller, campaignId, { now = false }): Promise<DeletionReceipt> {
      if (!can(caller.identity, CALL_ACTIONS.delete, campaignId, true)) throw forbidden(campaignId, 'delete');
      const refusal = options.refuseLoad(campaignId);
      if (refusal) throw refusal;
      for (let count = 0; count < ATTEMPTS; count += 1) {
        const deletion = await attempt(caller, campaignId, now);
        if (!deletion) continue;
        const { at, head } = deletion;
        const isComplete = await complete(deletion).then(
          () => true,
          (error: unknown) => {
            // There is no such campaign any more; the rest is done by the sweep, of any instance.
            observer.failed?.({ what: 'deletion', campaignId, error: asError(error) });
            return false;
          },
        );
        return { campaignId, deletedAt: at, position: formatPosition(head.epoch, head.version), complete: isComplete };
      }
      throw new RefusalError('UNAVAILABLE', `${campaignId}: it is changed all the time; nothing was deleted`, {
        retryAfterMs: 1_000,
      });
    },

    stop() {
      stopped = true;
      cancelSweep();
    },
  };
}

function tooEarly(campaignId: string, what: string): RefusalError {
  return new RefusalError('CONFLICT', `campaignId: ${campaignId}: ${what}`, { path: ['campaignId'] });
}
