import { z } from 'zod';
import { ANALYTICS_LIMITS, type AnalyticsEvent } from '../../../core/analytics/analytics-event.ts';
import type { Progress } from '../../../core/analytics/progress.ts';
import type { Reach } from '../../../core/analytics/reach.ts';
import type { RuleResults } from '../../../core/analytics/results.ts';
import type { Viewer } from '../../../core/document/targeting-fields.ts';
import { targetingName } from '../../../core/document/targeting-schema.ts';
import { RefusalError } from '../../../core/errors.ts';
import type { VersionName } from '../../../core/stream/position.ts';
import type { AnalyticsService, TimelineRow } from '../../../engine/service.ts';
import { parsedBy } from '../parse-input.ts';
import { callerOf, eventProcedure, historyProcedure, router, subscriptionProcedure } from '../procedures.ts';
import type { CallContext } from '../run-call.ts';
import { analyticsFields } from '../schemas/parts.ts';
import { subscriptionOf } from '../subscriptions/subscription.ts';

/** What one viewer was shown and did. */
export interface TrackInput {
  campaignId: string;
  /** Made by the client, and the same for a retry: a batch counts once. */
  batchId: string;
  /** When it is sent, by the client's clock. Default: that clock is taken to be right. */
  sentAt?: number;
  /** Of whom the events are. Default: whom `session.setViewer` has named. */
  viewer?: Viewer;
  /** At most 500. */
  events: AnalyticsEvent[];
}

export interface ResultsInput {
  campaignId: string;
  rule: string;
  /** Default: the present one. */
  phase?: number;
}

export interface ProgressInput extends ResultsInput {
  /** Name of a metric of the rule. */
  metric: string;
}

export interface TimelineInput {
  campaignId: string;
  /** Epoch milliseconds: from that time on, and before the other; at most two days. */
  from: number;
  to: number;
}

export interface ReachInput {
  campaignId: string;
  /** A version of the current timeline, or its position. */
  version: VersionName;
}

export interface ForgetInput {
  campaignId: string;
  /** The attribute that is hashed, and its value. Without it all events of the campaign are erased. */
  unit?: { attribute: string; value: string };
}

const { campaignId, viewer, position, version, batchId, text } = analyticsFields;
const time = z.int().min(0);
const phase = z
  .int()
  .min(1)
  .max(2 ** 31 - 1);
const rendered = { position, at: time };

const event: z.ZodType<AnalyticsEvent> = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('exposure'), rule: targetingName, arm: targetingName, phase, ...rendered }),
  z.object({
    kind: z.literal('goal'),
    name: targetingName,
    value: z.number().min(-ANALYTICS_LIMITS.value).max(ANALYTICS_LIMITS.value).exactOptional(),
    ...rendered,
  }),
  z.object({
    kind: z.literal('paint'),
    delayMs: z.number().min(0).max(86_400_000).exactOptional(),
    page: z.string().regex(/^[A-Za-z0-9_-]{8,32}$/, 'must be 8 to 32 of A-Z, a-z, 0-9, _ and -'),
    share: z.number().min(0.0001).max(1),
    ...rendered,
  }),
]);

const trackInput: z.ZodType<TrackInput> = z.object({
  campaignId,
  batchId,
  sentAt: time.exactOptional(),
  viewer: viewer.exactOptional(),
  events: z.array(event).min(1).max(ANALYTICS_LIMITS.batchEvents),
});

const resultsInput: z.ZodType<ResultsInput> = z.object({
  campaignId,
  rule: targetingName,
  phase: phase.exactOptional(),
});

const progressInput: z.ZodType<ProgressInput> = z.object({
  campaignId,
  rule: targetingName,
  metric: targetingName,
  phase: phase.exactOptional(),
});

const TIMELINE_MS = 2 * 24 * 60 * 60_000;
const timelineInput: z.ZodType<TimelineInput> = z
  .object({ campaignId, from: time, to: time })
  .refine(({ from, to }) => to >= from && to - from <= TIMELINE_MS, {
    path: ['to'],
    message: 'must be after from, by two days at most',
  });

const reachInput: z.ZodType<ReachInput> = z.object({ campaignId, version });

const forgetInput: z.ZodType<ForgetInput> = z.object({
  campaignId,
  unit: z.object({ attribute: text(64).min(1), value: text(512).min(1) }).exactOptional(),
});

/** What people were shown and did, and what that comes to. */
export const analyticsRouter = router({
  /** Records events of one viewer; they are durable with the answer, and count once over retries. */
  track: eventProcedure
    .input(parsedBy(trackInput))
    .mutation(async ({ ctx, input, signal }): Promise<{ recorded: number }> => {
      // Changes of campaigns that come behind it on this connection do not wait for it.
      ctx.call.ticket?.release();
      await ctx.connection.spendEvents(input.events.length);
      const { campaignId: id, batchId: batch, sentAt, events } = input;
      return analyticsIn(ctx).track(callerOf(ctx, signal, input.viewer), id, { batchId: batch, sentAt, events });
    }),

  /** The results of a phase of a rule. */
  results: historyProcedure
    .input(parsedBy(resultsInput))
    .query(({ ctx, input, signal }): Promise<RuleResults> =>
      analyticsIn(ctx).results(callerOf(ctx, signal), input.campaignId, input.rule, input.phase),
    ),

  /** The results, and again when they have changed, once a second at most. */
  live: subscriptionProcedure.input(parsedBy(resultsInput)).subscription(({ ctx, input, signal }) =>
    subscriptionOf(
      ctx,
      input.campaignId,
      (): AsyncIterableIterator<RuleResults> => analyticsIn(ctx).live(callerOf(ctx, signal), ctx.connection, input),
      (results) => results,
    ),
  ),

  /** A metric over time: at each point what the results were, with their intervals. */
  progress: historyProcedure
    .input(parsedBy(progressInput))
    .query(({ ctx, input, signal }): Promise<Progress> => analyticsIn(ctx).progress(callerOf(ctx, signal), input)),

  /** Viewers, exposures and goals by minute and by version. */
  timeline: historyProcedure
    .input(parsedBy(timelineInput))
    .query(({ ctx, input, signal }): Promise<TimelineRow[]> =>
      analyticsIn(ctx).timeline(callerOf(ctx, signal), input.campaignId, input.from, input.to),
    ),

  /** How many pages have painted a version, and how fast. */
  reach: historyProcedure
    .input(parsedBy(reachInput))
    .query(({ ctx, input, signal }): Promise<Reach> =>
      analyticsIn(ctx).reach(callerOf(ctx, signal), input.campaignId, input.version),
    ),

  /** Erases what is known of somebody, or all events of a campaign. */
  forget: eventProcedure
    .input(parsedBy(forgetInput))
    .mutation(async ({ ctx, input, signal }): Promise<{ campaignId: string }> => {
      await analyticsIn(ctx).forget(callerOf(ctx, signal), input.campaignId, input.unit);
      return { campaignId: input.campaignId };
    }),
});

function analyticsIn({ service }: CallContext): AnalyticsService {
  if (service.analytics) return service.analytics;
  throw new RefusalError('UNAVAILABLE', 'analytics: this server stores no events', { retryable: false });
}
