import { formatPosition, parsePosition } from '../core/stream/position.ts';
import type { CampaignImage, CampaignLook } from '../core/stream/replica.ts';
import type { Archive } from '../engine/ports.ts';
import { recentOf, type Replicas } from './replicas.ts';
import { parseLook } from './settings.ts';
import { GENERATION } from './upstream-log.ts';
import type { UpstreamLink } from './upstream-link.ts';

const LOOK_TIMEOUT_MS = 5_000;

export interface UpstreamArchiveOptions {
  readonly link: UpstreamLink;
  readonly replicas: Replicas;
  /** What the relay has stored of a campaign. */
  readonly stored: (campaignId: string) => Promise<CampaignImage | undefined>;
}

/**
 * The archive of a relay: what upstream says of a campaign when it is loaded. Everything else that an archive knows is
 * asked of upstream by forwarding the call.
 */
export function createUpstreamArchive({ link, replicas, stored }: UpstreamArchiveOptions): Archive {
  const refuse = async (): Promise<never> => {
    throw new Error('a relay has no archive; its upstream is asked');
  };

  const look = async (campaignId: string): Promise<CampaignLook> => {
    if (link.isUp) return parseLook(await link.query('relay.look', { campaignId }, LOOK_TIMEOUT_MS));
    const image = await stored(campaignId);
    if (!image) return refuse();
    return { position: formatPosition(image.epoch, image.version), published: image.state['status'] !== 'draft' };
  };

  return {
    async load(campaignId) {
      const image = await replicas.load(campaignId);
      if (!image) return undefined;
      const { epoch, version, state, archivedAt, updatedAt, updatedBy, lineage, former } = image;
      return {
        head: { epoch, version, tail: '' },
        state,
        archivedAt,
        updatedAt,
        updatedBy,
        lineage: [...lineage],
        membership: { generation: GENERATION, active: true },
        recent: recentOf(image),
        former,
      };
    },
    create: refuse,
    commit: refuse,
    enterLog: refuse,
    leaveLog: async () => undefined,
    remove: refuse,
    removeRows: refuse,
    completeDeletion: refuse,
    openDeletions: async () => [],
    async findDeletion(campaignId) {
      const at = replicas.deletedAt(campaignId);
      const known = at === undefined ? (await look(campaignId)).deletion : { at, wasPublished: true };
      if (!known) return undefined;
      const head = { epoch: '', version: 0, tail: '' };
      const nobody = { by: '', correlationId: '', instance: '', epochs: [], generation: GENERATION };
      return { campaignId, head, ...nobody, ...known };
    },
    async heads(campaignIds) {
      const found = await Promise.all(
        campaignIds.map(async (campaignId) => {
          const { position } = await look(campaignId);
          const at = position === undefined ? undefined : parsePosition(position);
          return at ? [{ campaignId, head: { ...at, tail: '' } }] : [];
        }),
      );
      return found.flat();
    },
    findMutation: refuse,
    history: refuse,
    stateAt: refuse,
    count: refuse,
    versionAt: refuse,
    /** Asked only whether callers without a token may know of a campaign (`engine/calls/reads.ts`). */
    async list({ ids = [] }) {
      const found = await Promise.all(ids.map(async (campaignId) => ({ campaignId, ...(await look(campaignId)) })));
      return found
        .filter(({ published }) => published)
        .map(({ campaignId, position }) => ({
          campaignId,
          title: '',
          status: undefined,
          version: parsePosition(position ?? '')?.version ?? 0,
          updatedAt: 0,
          updatedBy: '',
        }));
    },
    async ping() {
      if (!link.isUp) await refuse();
    },
    stop: async () => undefined,
  };
}
