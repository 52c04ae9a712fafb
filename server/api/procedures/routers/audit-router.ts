import { z } from 'zod';
import type {
  AuditEventPage,
  AuditPage,
  AuditService,
  LastVerification,
  VerifyReport,
} from '../../../audit/audit-service.ts';
import type { RedactionReceipt } from '../../../audit/redaction.ts';
import type { Retention } from '../../../audit/retention.ts';
import { RefusalError } from '../../../core/errors.ts';
import { can } from '../../../core/permissions.ts';
import { forbidden } from '../../../engine/refusals.ts';
import { parsedBy } from '../parse-input.ts';
import { callerOf, historyProcedure, router } from '../procedures.ts';
import type { CallContext } from '../run-call.ts';
import { campaignId } from '../schemas/parts.ts';

/** Which entries of the audit are asked for. */
export interface AuditQueryInput {
  /** Default: all campaigns, for admins of all. */
  campaignId?: string;
  /** Id of the actor. */
  actor?: string;
  /** Type of the command, such as `update`. */
  type?: string;
  /** A place in the document, outermost first. */
  path?: string[];
  /** Times, in epoch milliseconds, both included. */
  from?: number;
  to?: number;
  /** Text that stands in the entry. */
  text?: string;
  /** `nextCursor` of the page before. */
  cursor?: string;
  /** Default 20, at most 50. */
  limit?: number;
}

export interface AuditEventsInput {
  /** `nextCursor` of the page before. */
  cursor?: number;
  /** Default 50, at most 100. */
  limit?: number;
}

export interface AuditVerifyInput {
  campaignId: string;
}

/** What is taken out of an entry for good: a value, or the comment, or both. */
export interface AuditRedactInput {
  campaignId: string;
  /** Of the entry, as the history names it: `epoch:version`. */
  position: string;
  /** The place in the document whose value the entry has brought, outermost first. */
  path?: string[];
  comment?: true;
}

export interface AuditRetentionInput {
  campaignId: string;
}

export interface AuditSetRetentionInput {
  campaignId: string;
  /** What one of the two keeps: newest versions, and the age of entries in milliseconds. `{}`: everything; `null`:
   * what is kept of all. */
  keep: { versions?: number; ageMs?: number } | null;
}

const time = z.int().min(0);
const words = z.string().min(1).max(200);

const queryInput: z.ZodType<AuditQueryInput> = z.object({
  campaignId: campaignId.exactOptional(),
  actor: words.exactOptional(),
  type: z.string().min(1).max(64).exactOptional(),
  path: z.array(words).min(1).max(32).exactOptional(),
  from: time.exactOptional(),
  to: time.exactOptional(),
  text: words.exactOptional(),
  cursor: z.string().max(128).exactOptional(),
  limit: z.int().min(1).max(50).exactOptional(),
});

const eventsInput: z.ZodType<AuditEventsInput | undefined> = z
  .object({ cursor: time.exactOptional(), limit: z.int().min(1).max(100).exactOptional() })
  .optional();

const redactInput: z.ZodType<AuditRedactInput> = z.object({
  campaignId,
  position: z.string().max(64),
  path: z.array(words).min(1).max(32).exactOptional(),
  comment: z.literal(true).exactOptional(),
});

const retentionInput: z.ZodType<AuditRetentionInput> = z.object({ campaignId });

const setRetentionInput: z.ZodType<AuditSetRetentionInput> = z.object({
  campaignId,
  keep: z
    .object({
      versions: z.int().min(1).max(999_999_999).exactOptional(),
      ageMs: z
        .int()
        .min(1_000)
        .max(100 * 365 * 86_400_000)
        .exactOptional(),
    })
    .nullable(),
});

const verifyInput: z.ZodType<AuditVerifyInput> = z.object({ campaignId });

/**
 * Who changed what, when, and what stood there before: for admins. Exports and the verification of everything are
 * downloads.
 */
export const auditRouter = router({
  /** Entries, newest first, with what each changed. A page can be empty and still have a next one. */
  query: historyProcedure.input(parsedBy(queryInput)).query(({ ctx, input, signal }): Promise<AuditPage> => {
    const { cursor, limit = 20, ...filter } = input;
    return administer(ctx, filter.campaignId ?? '*').query(callerOf(ctx, signal), filter, cursor, limit);
  }),

  /** What is no change of a campaign: refused attempts, logins, changes of access, restores; newest first. */
  events: historyProcedure
    .input(parsedBy(eventsInput))
    .query(({ ctx, input, signal }): Promise<AuditEventPage> =>
      administer(ctx, '*').events(callerOf(ctx, signal), input?.cursor, input?.limit ?? 50),
    ),

  /** Walks the hash chain of a campaign, and names the first thing that does not fit. */
  verify: historyProcedure.input(parsedBy(verifyInput)).query(async ({ ctx, input }): Promise<VerifyReport> => {
    for await (const item of administer(ctx, input.campaignId).verify([input.campaignId]))
      if (item.kind === 'end') return item.report;
    throw new Error('a verification ends with its report');
  }),

  /** What is kept of a campaign's history; for admins of the campaign. */
  retention: historyProcedure
    .input(parsedBy(retentionInput))
    .query(({ ctx, input, signal }): Promise<Retention> =>
      administer(ctx, input.campaignId).retention(callerOf(ctx, signal), input.campaignId),
    ),

  /** Says what is kept of it from now on. What is older goes, for good. */
  setRetention: historyProcedure
    .input(parsedBy(setRetentionInput))
    .mutation(({ ctx, input }): Promise<Retention> =>
      administer(ctx, input.campaignId).setRetention(input.campaignId, input.keep ?? undefined),
    ),

  /** Takes a value out of an entry, for good and everywhere, but for its hash. For admins of the campaign. */
  redact: historyProcedure
    .input(parsedBy(redactInput))
    .mutation(({ ctx, input, signal }): Promise<RedactionReceipt> =>
      administer(ctx, input.campaignId).redact(callerOf(ctx, signal), input),
    ),

  /**
   * What the newest verification of this instance came to; `null` where there was none since its start. For admins of
   * all campaigns.
   */
  lastVerification: historyProcedure.query(
    ({ ctx }): LastVerification | null => administer(ctx, '*').lastVerification() ?? null,
  ),
});

function administer({ connection, audit }: CallContext, id: string): AuditService {
  if (!can(connection.admitted(), 'administer', id, true)) throw forbidden(id, 'audit');
  if (!audit)
    throw new RefusalError('UNAVAILABLE', 'audit: this server stores nothing that could be audited', {
      retryable: false,
    });
  return audit;
}
