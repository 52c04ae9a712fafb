import { z } from 'zod';
import type { JsonObject } from '../../../core/json.ts';
import { JOB_NAME_PATTERN, LOCK_LIMITS } from '../../../core/locks/lock-table.ts';
import { jsonBytes } from '../../../core/document/plain-json.ts';
import { PRESENCE_LIMITS } from '../../../core/presence/presence.ts';
import { type CampaignInput, campaignId, version, text, jsonObject, lockId } from './parts.ts';

/* Input of locks and presence. */

/** Part of a campaign that is locked. */
export interface LockPathInput extends CampaignInput {
  /** Keys into the document, outermost first. Default: the whole campaign. */
  path?: string[];
}

/** A job, which is locked instead of a campaign: an importer, a nightly sync. */
export interface JobInput {
  name: string;
}

/** All jobs, whose locks are listed instead of a campaign's. */
export interface JobsInput {
  jobs: true;
}

/** A lock that is asked for. */
export interface AskedLock {
  /** How long it lasts without a renewal: 1,000 to 300,000 ms. */
  ttlMs: number;
  /** For the others to read. */
  note?: string;
  /** Made by the client, and the same for a retry, so that an answer that was lost leaves no lock behind. */
  lockId?: string;
}

export interface AcquiredLock extends AskedLock {
  /** Waits in a queue where it is locked, five minutes at most; who disconnects leaves the queue. */
  wait?: boolean;
}

export interface RenewedLock {
  lockId: string;
  fence: number;
  /** Default: as before. */
  ttlMs?: number;
}

export interface ReleasedLock {
  lockId: string;
}

export interface SetPresenceInput extends CampaignInput {
  /** Where in the document this page is; missing: nowhere. */
  focus?: string[];
  /** At most 2 KiB of JSON. */
  data?: JsonObject;
}

const ttlMs = z.int().min(LOCK_LIMITS.ttlMs.shortest).max(LOCK_LIMITS.ttlMs.longest);

const path = z.array(text(LOCK_LIMITS.keyLength)).max(LOCK_LIMITS.pathKeys);

/** The two forms of an input: what is locked is a campaign, or there is a `name`, and it is a job. */
export interface LockForms<Campaign, Rest> {
  readonly campaign: z.ZodType<Campaign & Rest>;
  readonly job: z.ZodType<JobInput & Rest>;
}

const notWithName = z.undefined('cannot be given together with name').optional();

const onJob = {
  name: z.string().regex(JOB_NAME_PATTERN, 'must be 1 to 128 of A-Z, a-z, 0-9 and . _ : / -'),
  campaignId: notWithName,
  path: notWithName,
};

const onPath = { campaignId, path: path.exactOptional() };

const asked = { ttlMs, note: text(LOCK_LIMITS.noteLength).exactOptional(), lockId: lockId.exactOptional() };

const acquired = { ...asked, wait: z.boolean().exactOptional() };

const renewed = { lockId, fence: version, ttlMs: ttlMs.exactOptional() };

export const stealLockInput: LockForms<LockPathInput, AskedLock> = {
  campaign: z.object({ ...onPath, ...asked }),
  job: z.object({ ...onJob, ...asked }),
};

export const acquireLockInput: LockForms<LockPathInput, AcquiredLock> = {
  campaign: z.object({ ...onPath, ...acquired }),
  job: z.object({ ...onJob, ...acquired }),
};

export const renewLockInput: LockForms<CampaignInput, RenewedLock> = {
  campaign: z.object({ campaignId, ...renewed }),
  job: z.object({ ...onJob, ...renewed }),
};

export const releaseLockInput: LockForms<CampaignInput, ReleasedLock> = {
  campaign: z.object({ campaignId, lockId }),
  job: z.object({ ...onJob, lockId }),
};

export const listJobLocksInput: z.ZodType<JobsInput> = z.object({ jobs: z.literal(true) });

export const setPresenceInput: z.ZodType<SetPresenceInput> = z.object({
  campaignId,
  focus: path.exactOptional(),
  data: jsonObject('drop')
    .refine(
      (data) => jsonBytes(data) <= PRESENCE_LIMITS.dataBytes,
      `must be at most ${PRESENCE_LIMITS.dataBytes} bytes`,
    )
    .exactOptional(),
});
