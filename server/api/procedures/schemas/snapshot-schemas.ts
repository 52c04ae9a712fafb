import { z } from 'zod';
import { parsePosition, type VersionName } from '../../../core/stream/position.ts';
import { campaignId } from './parts.ts';

/** Input of the procedures of snapshots. */

/** What of a file is restored, and how. */
export interface RestoreBeginInput {
  /** Only this campaign of the file. Default: all of them. */
  campaignId?: string;
  /** The id that it gets; with `campaignId` alone. */
  as?: string;
  /** Whether campaigns that are there are replaced. */
  over?: boolean;
  /** The end of what is restored: a version or a position, with `campaignId` alone, or a time in epoch milliseconds. */
  at?: { version: VersionName } | { time: number };
  /** Whether it only says what it would do. */
  dryRun?: boolean;
}

export interface RestoreInput {
  restoreId: string;
}

export interface RestoreAppendInput extends RestoreInput {
  /** Of the first of the bytes in the file. */
  offset: number;
  /** In base64. */
  bytes: string;
}

/** Bytes of a file in one call. */
const MAX_PART_BYTES = 512 * 1024;

const restoreId = z.string().regex(/^[A-Za-z0-9_-]{22}$/, 'must be the id that restoreBegin gave');

const version = z.union(
  [z.string().refine((text) => parsePosition(text) !== undefined), z.int().min(1)],
  'must be a version, 1 or more, or a position such as 5kQ0cB2v:418',
);

export const restoreBeginInput: z.ZodType<RestoreBeginInput> = z.object({
  campaignId: campaignId.exactOptional(),
  as: campaignId.exactOptional(),
  over: z.boolean().exactOptional(),
  at: z
    .union([z.object({ version }), z.object({ time: z.int().min(0) })], 'must be { version } or { time }')
    .exactOptional(),
  dryRun: z.boolean().exactOptional(),
});

export const restoreInput: z.ZodType<RestoreInput> = z.object({ restoreId });

export const restoreAppendInput: z.ZodType<RestoreAppendInput> = z.object({
  restoreId,
  offset: z.int().min(0),
  bytes: z
    .string()
    .regex(/^[A-Za-z0-9+/]*={0,2}$/, 'must be base64')
    .max(Math.ceil(MAX_PART_BYTES / 3) * 4),
});
