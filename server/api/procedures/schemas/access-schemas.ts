import { z } from 'zod';
import { CAMPAIGN_ID_PATTERN } from '../../../core/document/campaign.ts';
import type { Viewer } from '../../../core/document/targeting-fields.ts';
import { RELAY, ROLES, type Role } from '../../../core/permissions.ts';
import { text, viewer } from './parts.ts';

/* Input of sessions and of API keys. */

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
