import { z } from 'zod';
import type { FleetLoad } from '../core/fleet.ts';
import type { JsonObject } from '../core/json.ts';
import { RELAY, ROLES, type Identity } from '../core/permissions.ts';
import type { Entry } from '../core/stream/entry.ts';
import { parsePosition, type Position } from '../core/stream/position.ts';
import type { CampaignImage, CampaignLook, RelaySettings, ReplicaMessage } from '../core/stream/replica.ts';

/*
 * What upstream says, parsed: it may be another version, and what stands between may change it on its way. Documents
 * and changes are taken as they are, for they are proven by what upstream says of their text.
 */

const role = z.enum(ROLES).exactOptional();
const epoch = z.string().regex(/^[A-Za-z0-9_-]{1,32}$/);
const version = z.int().min(0);
const time = z.number();
const position = z.string().refine((text): text is Position => parsePosition(text) !== undefined);
const plain = z.custom<JsonObject>((value) => typeof value === 'object' && value !== null && !Array.isArray(value));

const settings: z.ZodType<RelaySettings> = z.object({
  via: z.array(z.string()),
  defaultCampaignId: z.string().optional(),
  rights: z.record(z.string(), z.object({ read: role, write: role })),
  publicRead: z.boolean(),
  persistent: z.boolean(),
});

/** Loose: entries of a newer version are handed on with what this one does not know, types included. */
const loose = z.looseObject({
  version,
  type: z.string(),
  change: plain,
  actor: z.looseObject({ id: z.string(), role: z.string() }),
  mutationId: z.string(),
  correlationId: z.string(),
  at: time,
  format: z.number(),
});
const entry = z.custom<Entry>((value) => loose.safeParse(value).success);
const stale = z.boolean().optional();

const image = z.object({
  type: z.literal('image'),
  epoch,
  version,
  durableVersion: version,
  state: plain,
  archivedAt: time.optional(),
  updatedAt: time,
  updatedBy: z.string(),
  lineage: z.array(z.object({ epoch, parent: epoch, fromVersion: version })),
  former: z.array(z.object({ deletedAt: time, epochs: z.array(epoch) })),
  recent: z.array(entry),
  stale,
});

const message = z.object({
  proof: z.string(),
  event: z.discriminatedUnion('type', [
    image,
    z.object({ type: z.literal('entries'), epoch, entries: z.array(entry), stale }),
    z.object({ type: z.literal('durable'), position }),
  ]),
});

const look: z.ZodType<CampaignLook> = z.object({
  position: position.optional(),
  published: z.boolean(),
  deletion: z.object({ at: time, wasPublished: z.boolean() }).optional(),
});

const heads = z.array(z.object({ campaignId: z.string(), position, durableVersion: version }));

const fleetLoad: z.ZodType<FleetLoad> = z.object({ members: z.int().min(0), connections: z.int().min(0) });

/** @throws Error where it is no answer of `relay.fleet` */
export function parseFleetLoad(said: unknown): FleetLoad {
  return fleetLoad.parse(said);
}

/** @throws Error where it is not what upstream says of itself */
export function parseSettings(said: unknown): RelaySettings {
  return settings.parse(said);
}

/** @throws Error where it is no event of `relay.watch` */
export function parseMessage(said: unknown): ReplicaMessage {
  return message.parse(said);
}

/** @throws Error where it is no image */
export function parseImage(said: unknown): CampaignImage {
  return image.parse(said);
}

/** @throws Error where it is no answer of `relay.look` */
export function parseLook(said: unknown): CampaignLook {
  return look.parse(said);
}

/** @throws Error where it is no answer of `relay.heads` */
export function parseHeads(said: unknown): { readonly campaignId: string; readonly position: Position }[] {
  return heads.parse(said);
}

const identity: z.ZodType<Identity> = z.object({
  id: z.string(),
  grants: z.record(z.string(), z.enum([...ROLES, RELAY])),
  expiresAt: time.exactOptional(),
  isPreview: z.boolean().exactOptional(),
});

/** @throws Error where it is no identity of a key */
export function parseIdentity(said: unknown): Identity {
  return identity.parse(said);
}
