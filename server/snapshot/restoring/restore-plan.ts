import type { AdoptedHistory } from '../../core/history-store.ts';
import { RefusalError } from '../../core/errors.ts';
import { lineageUpTo } from '../../core/stream/lineage.ts';
import { formatPosition, versionOnTimeline } from '../../core/stream/position.ts';
import type { ProvenRedaction } from '../../core/stream/redaction.ts';
import type { Clock } from '../../engine/ports.ts';
import type { ClaimedBase } from '../history-proof.ts';
import type { ProvenEntry, SnapshotCampaign } from '../read-snapshot.ts';
import type { RestoreOptions, RestorePoint } from './restore-options.ts';

/** A campaign of the file that is to be restored, and how far. */
export interface Planned {
  readonly campaignId: string;
  readonly adopted: Omit<AdoptedHistory, 'over' | 'generation' | 'base'> & { readonly base: ClaimedBase | undefined };
  readonly generation: number;
}

/** A campaign of the file whose entries come. */
export interface OpenCampaign {
  readonly campaign: SnapshotCampaign;
  /** The id that it gets. */
  readonly as: string;
  /** Whether an entry is not beyond the end of what is restored. */
  includes(entry: ProvenEntry): boolean;
  /** The last one that is. */
  last: ProvenEntry | undefined;
  /** What is redacted of them. */
  readonly redactions: ProvenRedaction[];
}

/** Opens a campaign of the file, to be restored up to where the options say. */
export function openCampaign(
  campaign: SnapshotCampaign,
  { as = campaign.campaignId, at }: RestoreOptions,
): OpenCampaign {
  const includes = at === undefined ? () => true : includedAt(campaign, at);
  return { campaign, as, includes, last: undefined, redactions: [] };
}

function includedAt({ campaignId, head, lineage }: SnapshotCampaign, at: RestorePoint): OpenCampaign['includes'] {
  if ('time' in at) return ({ record }) => record.at <= at.time;
  const version = versionOnTimeline(at.version, head, lineage);
  if (version === undefined || version > head.version || version < 1) {
    const { epoch } = head;
    const message = `at: the file has no ${at.version} of ${campaignId}; it ends at ${formatPosition(epoch, head.version)}`;
    throw new RefusalError('NOT_FOUND', message, { path: ['at'] });
  }
  return ({ record }) => record.version <= version;
}

/** Whether an entry belongs to what is restored, and follows on it. */
export function isNext({ campaign, includes, last }: OpenCampaign, entry: ProvenEntry): boolean {
  return entry.record.version === (last?.record.version ?? campaign.base?.version ?? 0) + 1 && includes(entry);
}

/** Beginning of the time that the generation of a restored campaign is counted from, in epoch milliseconds. */
const GENERATIONS_SINCE = Date.UTC(2026, 0, 1);

/** The plan for a campaign that ends with that entry: it goes on in a new epoch from there. */
export function planOf(
  { campaign, as, redactions }: OpenCampaign,
  last: ProvenEntry,
  clock: Pick<Clock, 'now' | 'token'>,
): Planned {
  const { record, tail, content } = last;
  const { version } = record;
  const { epoch: parent, lineage } = lineageUpTo(version, campaign.head, campaign.lineage);
  const epoch = clock.token();
  // By one each time that a campaign enters the log, which an idle one does every ten minutes at most, generations stay
  // behind the minutes since 2026; so this one is above whatever a Redis that outlived its Postgres may still hold.
  const generation = Math.max(campaign.generation, Math.floor((clock.now() - GENERATIONS_SINCE) / 60_000));
  return {
    campaignId: campaign.campaignId,
    generation,
    adopted: {
      campaignId: as,
      head: { epoch, version, tail },
      createdAt: campaign.createdAt,
      archivedAt: content.archivedAt,
      updatedAt: record.at,
      updatedBy: record.actor.id,
      base: campaign.base,
      ...(redactions.length > 0 && { redactions }),
      lineage: [...lineage, { epoch, parent, fromVersion: version }],
    },
  };
}

/** Neighbours of the plan, by what is put in its place with one transaction. */
export function inGroups(
  planned: readonly Planned[],
  atOnce: { readonly campaigns: number; readonly versions: number },
): Planned[][] {
  const groups: Planned[][] = [];
  let versions = 0;
  for (const one of planned) {
    const { version } = one.adopted.head;
    const last = groups.at(-1);
    if (last && last.length < atOnce.campaigns && versions + version <= atOnce.versions) {
      last.push(one);
      versions += version;
    } else {
      groups.push([one]);
      versions = version;
    }
  }
  return groups;
}
