import { z } from 'zod';
import type { Viewer } from '../../../core/document/targeting-fields.ts';
import type { Position } from '../../../core/stream/position.ts';
import type { Origin } from '../../../core/stream/origin.ts';
import { isNetwork } from '../../connection/client-address.ts';
import { API_LIMITS } from '../../limits.ts';
import { FLEET_PATTERN } from '../../../core/fleet.ts';
import { setViewerInput } from './access-schemas.ts';
import { campaignId, position } from './parts.ts';

export interface RelayWatchInput {
  campaignId: string;
  /** Where the relay stands; missing: it has nothing yet. */
  position?: Position;
}

export interface RelayLookInput {
  campaignId: string;
  seen?: Position;
}

export interface RelayHeadsInput {
  campaignIds: string[];
}

export interface RelayViewersInput {
  counts: { campaignId: string; viewers: number }[];
}

export interface RelayFleetInput {
  fleet: string;
  member: string;
  connections: number;
}

export interface RelayEnterInput {
  caller: string;
  token?: string;
  address: string;
  transport: Origin['transport'];
}

export interface RelayLeaveInput {
  caller: string;
}

export interface RelayCallInput {
  caller: string;
  path: string;
  type: 'query' | 'mutation';
  input?: unknown;
  correlationId: string;
  viewer?: Viewer | null;
}

export interface RelaySubscribeInput extends Omit<RelayCallInput, 'type'> {}

/** Campaigns whose heads are asked at once, or whose viewers are told, at most. */
export const RELAY_HEADS = 512;

/** Streams of one campaign that a relay may say it has, with all relays behind it. */
const MAX_VIEWERS = 100_000_000;

const caller = z.string().min(1).max(64);
/** As `session.setViewer` takes it. */
const viewer = z.custom<Viewer | null>((value) => setViewerInput.safeParse({ viewer: value }).success);
const envelope = {
  caller,
  path: z.string().max(128),
  // Parsed by the procedure that it is for.
  input: z.unknown().optional(),
  correlationId: z.string().min(1).max(API_LIMITS.requestId),
  viewer: viewer.exactOptional(),
};

export const relayWatchInput: z.ZodType<RelayWatchInput> = z.object({
  campaignId,
  position: position.exactOptional(),
});
export const relayLookInput: z.ZodType<RelayLookInput> = z.object({ campaignId, seen: position.exactOptional() });
export const relayHeadsInput: z.ZodType<RelayHeadsInput> = z.object({
  campaignIds: z.array(campaignId).max(RELAY_HEADS),
});
export const relayViewersInput: z.ZodType<RelayViewersInput> = z.object({
  counts: z.array(z.object({ campaignId, viewers: z.int().min(0).max(MAX_VIEWERS) })).max(RELAY_HEADS),
});
export const relayFleetInput: z.ZodType<RelayFleetInput> = z.object({
  fleet: z.string().regex(FLEET_PATTERN),
  member: z.string().regex(FLEET_PATTERN),
  connections: z.int().min(0).max(1_000_000),
});
export const relayEnterInput: z.ZodType<RelayEnterInput> = z.object({
  caller,
  token: z.string().max(16_384).exactOptional(),
  // As `client-address.ts` makes them, where none is known an empty one: it stands in the audit.
  address: z.string().refine((value) => value === '' || isNetwork(value), 'must be a network address'),
  transport: z.enum(['ws', 'sse', 'http']),
});
export const relayLeaveInput: z.ZodType<RelayLeaveInput> = z.object({ caller });
export const relayIdentifyInput: z.ZodType<{ token: string; recheck?: boolean }> = z.object({
  token: z.string().max(16_384),
  recheck: z.boolean().exactOptional(),
});
export const relayCallInput: z.ZodType<RelayCallInput> = z.object({
  ...envelope,
  type: z.enum(['query', 'mutation']),
});
export const relaySubscribeInput: z.ZodType<RelaySubscribeInput> = z.object(envelope);
