import type { JsonObject } from '../../../core/json.ts';
import { RefusalError } from '../../../core/errors.ts';
import { formatPosition, type Moment, type VersionName } from '../../../core/stream/position.ts';
import { PRICES } from '../../connection/work-budget.ts';
import { callerOf } from '../procedures.ts';
import type { CallContext } from '../run-call.ts';
import type { CopyInput } from '../schemas/command-schemas.ts';

/**
 * The version that a moment names.
 *
 * @param field the input that names it, for the refusal
 * @param earliest 0 where a time before the first version is one, too
 * @throws RefusalError `NOT_FOUND` where the campaign was not there at that time
 */
export async function versionOf(
  ctx: CallContext,
  signal: AbortSignal | undefined,
  { campaignId, moment, field, earliest = 1 }: { campaignId: string; moment: Moment; field: string; earliest?: number },
): Promise<VersionName> {
  if (typeof moment !== 'object') return moment;
  const version = await ctx.service.versionAt(callerOf(ctx, signal), campaignId, moment.time);
  if (version >= earliest) return version;
  const time = new Date(moment.time);
  const when = Number.isNaN(time.getTime()) ? `${moment.time} ms` : time.toISOString();
  throw new RefusalError('NOT_FOUND', `${field}: ${campaignId} has nothing from ${when} or before`, { path: [field] });
}

/**
 * The state that a copy begins with, as its caller sees it, under the copy's own slug; and where it is from, as a
 * comment for the history of the copy.
 */
export async function copiedState(
  ctx: CallContext,
  signal: AbortSignal | undefined,
  { from, to, at }: CopyInput,
): Promise<{ state: JsonObject; comment: string }> {
  // The rest of a mutation is paid for by the mutation rate.
  ctx.connection.charge(PRICES.historyQuery);
  const caller = callerOf(ctx, signal);
  const found =
    at === undefined
      ? await ctx.service.get(caller, from)
      : await ctx.service.at(caller, from, await versionOf(ctx, signal, { campaignId: from, moment: at, field: 'at' }));
  const { epoch, version } = found;
  // The document as JSON: the type says no more than what it may hold.
  const state = found.state as unknown as JsonObject;
  return {
    state: state['slug'] === from ? { ...state, slug: to } : { ...state },
    comment: `a copy of ${from} at ${formatPosition(epoch, version)}`,
  };
}
