import { z } from 'zod';
import { PREVIEW_LIMITS } from '../../../core/access-key.ts';
import { CAMPAIGN_ID_PATTERN } from '../../../core/document/campaign.ts';
import type { Viewer } from '../../../core/document/targeting-fields.ts';
import { RELAY, ROLES, type Role } from '../../../core/permissions.ts';
import { campaignId, text, viewer } from './parts.ts';

/* Input of sessions, of API keys and of links to previews. */

export interface SetViewerInput {
  /** `null`: somebody without attributes. */
  viewer: Viewer | null;
}

export interface AuthenticateInput {
  token: string;
}

/** A new API key: what it is for, its roles by campaign id or `*`, and its expiry in epoch milliseconds, if any. */
export interface CreateKeyInput {
  name: string;
  campaigns: Record<string, Role | typeof RELAY>;
  expiresAt?: number;
}

export interface RevokeKeyInput {
  id: string;
}

/** The link to a preview of a campaign: for whom it is, and how long it lasts, in milliseconds, at most 30 days. */
export interface CreatePreviewInput {
  campaignId: string;
  name: string;
  lifetimeMs: number;
}

export interface RevokePreviewInput {
  campaignId: string;
  id: string;
}

export const setViewerInput: z.ZodType<SetViewerInput> = z.object({ viewer: viewer.nullable() });

export const authenticateInput: z.ZodType<AuthenticateInput> = z.object({ token: text(16_384) });

export const createKeyInput: z.ZodType<CreateKeyInput> = z.object({
  name: text(100).min(1),
  campaigns: z
    .record(
      z.string().refine((id) => id === '*' || CAMPAIGN_ID_PATTERN.test(id), 'must be * or the id of a campaign'),
      z.enum([...ROLES, RELAY]),
    )
    .refine((grants) => Object.keys(grants).length > 0, 'must name a campaign or *'),
  expiresAt: z.int().min(0).exactOptional(),
});

export const revokeKeyInput: z.ZodType<RevokeKeyInput> = z.object({ id: text(64) });

export const createPreviewInput: z.ZodType<CreatePreviewInput> = z.object({
  campaignId,
  name: text(100).min(1),
  lifetimeMs: z.int().min(PREVIEW_LIMITS.minLifetimeMs).max(PREVIEW_LIMITS.maxLifetimeMs),
});

export const revokePreviewInput: z.ZodType<RevokePreviewInput> = z.object({ campaignId, id: text(64) });
