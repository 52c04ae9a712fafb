import { z } from 'zod';
import { CAMPAIGN_ID_PATTERN } from '../../../core/document/campaign.ts';
import type { Viewer } from '../../../core/document/targeting-fields.ts';
import { refuseAttributes } from '../../../core/targeting/viewer.ts';
import type { JsonObject } from '../../../core/json.ts';
import { LOCK_LIMITS, type LockToken } from '../../../core/locks/lock-table.ts';
import { LIMITS } from '../../../core/limits.ts';
import { cleanJson, type NullMembers } from '../../../core/document/plain-json.ts';
import { parsePosition, type Moment } from '../../../core/stream/position.ts';

/*
 * Input of every procedure. The types are written out and the schemas held to them, so that the SDK's declarations name
 * no zod. Unknown members are ignored: an older server must understand what a newer client adds. A schema gives a
 * message of its own only where `issue-words.ts` cannot know it: for patterns, unions and refinements.
 */

export interface CampaignInput {
  campaignId: string;
}

/** Who looks. Without it that is whom `session.setViewer` has named, and otherwise somebody without attributes. */
export interface ViewerInput {
  /**
   * Attributes at most 4 KiB in all; those that the caller's token claims take precedence. Editors, who else are shown
   * the document as it is, are shown what this viewer would see.
   */
  viewer?: Viewer;
}

/**
 * A member that may be missing: what `exactOptional` says, at less of its cost. That one runs its schema for a member
 * that is missing, and drops the issues: with eight of those, most of what a small input took. An explicit `undefined`,
 * which no JSON holds, counts as missing.
 */
export function missable<S extends z.ZodType>(schema: S): z.ZodExactOptional<S> {
  return schema.optional() as unknown as z.ZodExactOptional<S>;
}

export const campaignId = z
  .string()
  .regex(CAMPAIGN_ID_PATTERN, 'must be 1 to 64 of a-z, 0-9, _ and -, beginning with a letter or a digit');

export const position = z
  .string()
  .refine((value) => parsePosition(value) !== undefined, 'must be a position such as 5kQ0cB2v:418');

export const version = z.int().min(0);

/** A version of the current timeline, by number or by position, from that number on. */
function versionName(minimum: number) {
  const words = `must be a version, ${minimum} or more, or a position such as 5kQ0cB2v:418`;
  const isPosition = (value: string): boolean => (parsePosition(value)?.version ?? -1) >= minimum;
  return z.union([z.string().refine(isPosition, words), z.int(words).min(minimum, words)], words);
}

/** A version as above, or the newest one at a time. */
export function moment(minimum: number): z.ZodType<Moment> {
  const words = `must be a version, ${minimum} or more, a position such as 5kQ0cB2v:418, or { time } in epoch milliseconds`;
  return z.union([versionName(minimum), z.object({ time: z.int(words).min(0, words) })], words);
}

export const mutationId = z.string().regex(/^[A-Za-z0-9._:-]{1,64}$/, 'must be 1 to 64 of A-Z, a-z, 0-9 and . _ : -');

export function text(maximum: number) {
  return z
    .string()
    .max(maximum)
    .refine((value) => value.isWellFormed() && !value.includes('\u0000'), 'must be well-formed Unicode without U+0000');
}

/** A JSON object that can be kept; the refusal of `cleanJson` travels in the issue's `params`. */
export function jsonObject(nulls: NullMembers) {
  return z.unknown().transform((value, context): JsonObject => {
    const cleaned = cleanJson(value, [], nulls);
    if (cleaned.ok) return cleaned.value;
    context.addIssue({ code: 'custom', message: cleaned.refusal.message, params: { refusal: cleaned.refusal } });
    return z.NEVER;
  });
}

export const patch = jsonObject('keep');

export const lockId = z.string().regex(/^[A-Za-z0-9._:-]{1,64}$/, 'must be 1 to 64 of A-Z, a-z, 0-9 and . _ : -');

const lockToken: z.ZodType<LockToken> = z.object({ lockId, fence: version });

const lock = z.union(
  [lockToken, z.array(lockToken).max(LOCK_LIMITS.perOwner)],
  `must be { lockId, fence }, or a list of at most ${LOCK_LIMITS.perOwner} of these`,
);

export const options = {
  mutationId: missable(mutationId),
  base: missable(position),
  expectedVersion: missable(z.union([position, version], 'must be a version or a position such as 5kQ0cB2v:418')),
  durability: missable(z.enum(['accepted', 'durable'])),
  comment: missable(text(LIMITS.commentLength)),
  dryRun: missable(z.literal(true)),
  lock: missable(lock),
};

export const viewer: z.ZodType<Viewer> = z.object({
  attributes: z.unknown().transform((value, context): JsonObject => {
    const cleaned = cleanJson(value, []);
    const refusal = cleaned.ok ? refuseAttributes(cleaned.value, []) : cleaned.refusal;
    if (cleaned.ok && !refusal) return cleaned.value;
    context.addIssue({ code: 'custom', message: refusal?.message ?? '', params: { refusal } });
    return z.NEVER;
  }),
});

export const asViewer = { viewer: missable(viewer) };

/** What inputs of analytics share with those of campaigns (`analytics-router.ts`). */
export const analyticsFields = { campaignId, viewer, position, version: versionName(1), batchId: mutationId, text };

export const campaignInput: z.ZodType<CampaignInput> = z.object({ campaignId });
