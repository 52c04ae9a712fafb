import type { Projector } from '../../core/stream/audience.ts';
import { treeOf } from '../../core/stream/apply.ts';
import { parsePosition, versionOnTimeline, type Position } from '../../core/stream/position.ts';
import type { PreparedTargeting } from '../../core/targeting/evaluate.ts';
import type { DocumentTree } from '../../core/document/document-tree.ts';
import type { CampaignHistory } from '../campaign/history.ts';
import type { LiveCampaign } from '../campaign/live-campaign.ts';
import type { CampaignHost } from '../hosting/campaign-host.ts';
import type { LoadedCampaign } from '../hosting/log-follower.ts';

/** The targeting at a position: `undefined` where it had none; `'unknown'` where there is no such position. */
export type TargetingAt = PreparedTargeting | undefined | 'unknown';

/** Positions older than what memory holds whose targeting is kept. */
const MAX_KEPT = 256;

/**
 * Looks up the targeting that an event was rendered under. Most events are of what is in memory: since the last change
 * of the targeting it is that of the present document, whatever else was edited. Older positions are read from the
 * history.
 */
export function createTargetingLookup(
  {
    hosting,
    history,
    projector,
  }: {
    readonly hosting: Pick<CampaignHost, 'catchUp'>;
    readonly history: CampaignHistory;
    readonly projector: Projector;
  },
  /** Reads when it is the turn of this caller. */
): (campaign: LoadedCampaign, position: Position, read: ReadInTurn) => Promise<TargetingAt> {
  const kept = new Map<string, Promise<TargetingAt>>();

  const fromHistory = async (live: LiveCampaign, position: Position): Promise<TargetingAt> =>
    projector.prepared((await history.stateAt(live, position, 'position')).state);

  return async (campaign, position, read) => {
    const { live } = campaign;
    const parsed = parsePosition(position);
    if (!parsed) return 'unknown';
    // It was rendered by another instance, which is ahead.
    if (parsed.epoch === live.head.epoch && parsed.version > live.head.version) await hosting.catchUp(campaign);
    const version = versionOnTimeline(position, live.head, live.lineage);
    if (version === undefined || version === 0 || version > live.head.version) return 'unknown';
    const present = inMemory(live, version);
    if (present) return projector.prepared(present);
    const key = `${live.id} ${position}`;
    const known = kept.get(key);
    if (known) return known;
    const found = read(() => fromHistory(live, position));
    kept.set(key, found);
    found.catch(() => kept.delete(key));
    const [oldest] = kept.keys();
    if (kept.size > MAX_KEPT && oldest !== undefined) kept.delete(oldest);
    return found;
  };
}

export type ReadInTurn = <T>(read: () => Promise<T>) => Promise<T>;

/** A document with the targeting of that version, if memory has one. */
function inMemory(live: LiveCampaign, version: number): DocumentTree | undefined {
  const own = live.trees.document(version);
  if (own) return own;
  if (version < live.ring.floor) return undefined;
  const next = live.trees.nextTouched(version);
  return next === undefined ? treeOf(live.content) : live.trees.document(next - 1);
}
