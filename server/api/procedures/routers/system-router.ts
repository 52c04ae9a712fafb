import { setInterval } from 'node:timers/promises';
import { RefusalError } from '../../../core/errors.ts';
import { RELAY, roleFor } from '../../../core/permissions.ts';
import type { ServiceStats } from '../../../engine/service.ts';
import { CONTRACT } from '../../connection/context.ts';
import type { Context, SystemInfo } from '../../connection/context.ts';
import { callerOf, procedure, router, subscriptionProcedure } from '../procedures.ts';
import { subscriptionOf } from '../subscriptions/subscription.ts';

const STATS_INTERVAL_MS = 1_000;

/** Operations. */
export const systemRouter = router({
  info: procedure.query(({ ctx }): SystemInfo => ({
    defaultCampaignId: visibleDefault(ctx),
    instance: ctx.instance,
    version: ctx.version,
    contract: CONTRACT,
  })),

  /** Statistics of the service: at once, then every second. Not for callers without a token. */
  stats: subscriptionProcedure.subscription(({ ctx, signal }) =>
    subscriptionOf(
      ctx,
      undefined,
      () => {
        admitToStats(ctx);
        return everySecond(ctx, signal);
      },
      (stats) => stats,
    ),
  ),

  /** Every entry and every refusal, with payloads and timings. Admins only. */
  trace: subscriptionProcedure.subscription(({ ctx, signal }) =>
    subscriptionOf(
      ctx,
      undefined,
      () => ctx.service.trace(callerOf(ctx, signal), ctx.connection),
      (event) => event,
    ),
  ),
});

/** Answer of `system.stats`: figures of the process that answers. */
export interface SystemStats extends ServiceStats {
  /** Connections to it that stay open. */
  readonly connections: { readonly ws: number; readonly sse: number };
}

function statsOf({ service, openConnections }: Context): SystemStats {
  return { ...service.stats(), connections: { ...openConnections } };
}

/** The default campaign, for callers that have a role for it. */
function visibleDefault({ service, connection }: Context): string | undefined {
  const { defaultCampaignId } = service;
  const hasRole = defaultCampaignId !== undefined && roleFor(connection.admitted(), defaultCampaignId) !== undefined;
  return hasRole ? defaultCampaignId : undefined;
}

/** Checked before each value: the token may have expired or have been replaced. */
function admitToStats({ connection }: Context): void {
  const { anonymous, grants } = connection.admitted();
  if (anonymous === true || Object.values(grants).every((granted) => granted === RELAY))
    throw new RefusalError('FORBIDDEN', 'stats: callers without a token or without a role may not read statistics');
}

async function* everySecond(
  ctx: Context,
  signal: AbortSignal | undefined,
): AsyncGenerator<SystemStats, void, undefined> {
  yield statsOf(ctx);
  try {
    for await (const _tick of setInterval(STATS_INTERVAL_MS, undefined, { ref: false, ...(signal && { signal }) })) {
      admitToStats(ctx);
      yield statsOf(ctx);
    }
  } catch (error) {
    if (signal?.aborted !== true) throw error;
  }
}
