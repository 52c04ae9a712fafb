import type { FormerLife } from '../deletion.ts';
import type { JsonObject } from '../json.ts';
import type { FieldRights } from '../permissions.ts';
import type { RelayedPresence } from '../presence/presence.ts';
import type { Entry } from './entry.ts';
import { nextProof } from './hash-chain.ts';
import type { Fork, Position } from './position.ts';

/** A campaign as a relay is sent it: everything that is needed to show it to others by their own rights. */
export interface CampaignImage {
  readonly type: 'image';
  readonly epoch: string;
  readonly version: number;
  /** The watermark. */
  readonly durableVersion: number;
  /** The document as it is, with its rules. */
  readonly state: JsonObject;
  /** Epoch milliseconds. */
  readonly archivedAt?: number | undefined;
  /** Epoch milliseconds. */
  readonly updatedAt: number;
  readonly updatedBy: string;
  readonly lineage: readonly Fork[];
  readonly former: readonly FormerLife[];
  /** The newest entries, oldest first, without a gap up to `version`, so that readers resume without a snapshot. */
  readonly recent: readonly Entry[];
  /** What it was made of may be old: the server that tells it is a relay whose upstream is away. */
  readonly stale?: boolean | undefined;
}

/** What follows on an image. `entries` are contiguous; without any they say that the stream goes on here. */
export type ReplicaEvent =
  | CampaignImage
  | {
      readonly type: 'entries';
      readonly epoch: string;
      readonly entries: readonly Entry[];
      readonly stale?: boolean | undefined;
    }
  | { readonly type: 'durable'; readonly position: Position };

/** An event of `relay.watch`. `proof` covers it and all before it of its stream: {@link proofAfter}. */
export interface ReplicaMessage {
  readonly proof: string;
  readonly event: ReplicaEvent;
}

/**
 * The proof after one more event. A message that was left out, doubled, moved or changed on its way has another one.
 *
 * @param previous that of the message before; empty for the first one of a stream
 */
export function proofAfter(previous: string, event: ReplicaEvent | RelayedPresence): string {
  return nextProof(previous, [JSON.stringify(event)]);
}

/** An event of `relay.presence`, proven likewise. */
export interface RelayedPresenceMessage {
  readonly proof: string;
  readonly event: RelayedPresence;
}

/** What a server says of a campaign to a relay that has not opened it. */
export interface CampaignLook {
  /** Where it stands; missing where there is none. */
  readonly position?: Position | undefined;
  /** Whether callers without a token may know of it. */
  readonly published: boolean;
  /** The newest deletion of a campaign of that id. */
  readonly deletion?: { readonly at: number; readonly wasPublished: boolean } | undefined;
}

/** What a relay has to know of the server that it stands before, in order to show the same. */
export interface RelaySettings {
  /** The relay's upstream and whatever stands behind that, the origin last: a relay is none of its own upstreams. */
  readonly via: readonly string[];
  readonly defaultCampaignId?: string | undefined;
  /** Rights by top-level field. */
  readonly rights: FieldRights;
  /** Whether callers without a token may read campaigns that are not drafts. */
  readonly publicRead: boolean;
  /** Whether accepted changes outlive the origin's process. */
  readonly persistent: boolean;
}
