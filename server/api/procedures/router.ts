import { accessRouter } from './routers/access-router.ts';
import { lockRouter } from './routers/lock-router.ts';
import { analyticsRouter } from './routers/analytics-router.ts';
import { auditRouter } from './routers/audit-router.ts';
import { campaignRouter } from './routers/campaign-router.ts';
import { answerDirectly } from './direct-calls.ts';
import { presenceRouter } from './routers/presence-router.ts';
import { previewRouter } from './routers/preview-router.ts';
import { router } from './procedures.ts';
import { relayRouter } from './routers/relay-router.ts';
import { snapshotRouter } from './routers/snapshot-router.ts';
import { sessionRouter } from './routers/session-router.ts';
import { systemRouter } from './routers/system-router.ts';

/** Every procedure of the contract, by area. */
export const appRouter = answerDirectly(
  router({
    campaign: campaignRouter,
    lock: lockRouter,
    presence: presenceRouter,
    session: sessionRouter,
    access: accessRouter,
    preview: previewRouter,
    snapshot: snapshotRouter,
    audit: auditRouter,
    analytics: analyticsRouter,
    relay: relayRouter,
    system: systemRouter,
  }),
);

/** The type from which clients infer everything. */
export type AppRouter = typeof appRouter;
