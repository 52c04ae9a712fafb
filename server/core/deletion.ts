import type { Head } from './stream/log-record.ts';
import type { Origin } from './stream/origin.ts';
import { formatPosition, lastSharedVersion, type Fork } from './stream/position.ts';

/** A campaign that was deleted: what stays of it, for ever. */
export interface Deletion {
  readonly campaignId: string;
  /** When, in epoch milliseconds. */
  readonly at: number;
  /** Id of the actor. */
  readonly by: string;
  readonly correlationId: string;
  /** The instance that did it. */
  readonly instance: string;
  /** Where the call came from. */
  readonly origin?: Origin | undefined;
  /** Where the campaign stood. */
  readonly head: Head;
  /** All epochs that it has had: a position in one of them belongs to no later campaign of its id. */
  readonly epochs: readonly string[];
  /** Generation of its log membership; a later campaign of its id begins above it. */
  readonly generation: number;
  /** Whether callers without a token could read it, and may therefore be told. */
  readonly wasPublished: boolean;
}

/** An earlier life of a campaign's id, as far as its present campaign has to know of it. */
export interface FormerLife {
  /** Epoch milliseconds. */
  readonly deletedAt: number;
  readonly epochs: readonly string[];
}

/** All epochs of a timeline, each once. */
export function epochsOf(head: Head, lineage: readonly Fork[]): string[] {
  return [...new Set([...lineage.flatMap(({ parent, epoch }) => [parent, epoch]), head.epoch])];
}

/** A campaign, as far as it tells which positions belong to an earlier one of its id. */
export interface Reincarnation {
  readonly head: Head;
  readonly lineage: readonly Fork[];
  readonly former: readonly FormerLife[];
}

/**
 * When the campaign was deleted that an epoch belonged to; `undefined` where it is the present campaign's, as after a
 * restore, or belonged to none.
 */
export function deletedAtOf(epoch: string, { head, lineage, former }: Reincarnation): number | undefined {
  if (former.length === 0 || lastSharedVersion(epoch, head, lineage) !== undefined) return undefined;
  return former.find(({ epochs }) => epochs.includes(epoch))?.deletedAt;
}

/** The audit event that says who deleted what; it is recorded in the transaction that deletes. */
export function deletionEvent({ at, by, campaignId, correlationId, instance, head, origin }: Deletion): string {
  const path = 'campaign.delete';
  const stood = formatPosition(head.epoch, head.version);
  const { transport, token, address } = origin ?? {};
  const from = { transport, token, address };
  return JSON.stringify({
    at,
    kind: 'delete',
    actor: by,
    campaignId,
    path,
    correlationId,
    ...from,
    head: stood,
    instance,
  });
}
