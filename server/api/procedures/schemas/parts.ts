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
  mutationId: mutationId.exactOptional(),
  base: position.exactOptional(),
  expectedVersion: z.union([position, version], 'must be a version or a position such as 5kQ0cB2v:418').exactOptional(),
  durability: z.enum(['accepted', 'durable']).exactOptional(),
  comment: text(LIMITS.commentLength).exactOptional(),
  dryRun: z.literal(true).exactOptional(),
  lock: lock.exactOptional(),
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

export const asViewer = { viewer: viewer.exactOptional() };

/** What inputs of analytics share with those of campaigns (`analytics-router.ts`). */
export const analyticsFields = { campaignId, viewer, position, version: versionName(1), batchId: mutationId, text };

export const campaignInput: z.ZodType<CampaignInput> = z.object({ campaignId });
