import { accessRouter } from './access-router.ts';
import { lockRouter } from './lock-router.ts';
import { analyticsRouter } from './analytics-router.ts';
import { auditRouter } from './audit-router.ts';
import { campaignRouter } from './campaign-router.ts';
import { answerDirectly } from './direct-calls.ts';
import { presenceRouter } from './presence-router.ts';
import { router } from './procedures.ts';
import { snapshotRouter } from './snapshot-router.ts';
import { sessionRouter } from './session-router.ts';
import { systemRouter } from './system-router.ts';

/** Every procedure of the contract, by area. */
export const appRouter = answerDirectly(
  router({
    campaign: campaignRouter,
    lock: lockRouter,
    presence: presenceRouter,
    session: sessionRouter,
    access: accessRouter,
    snapshot: snapshotRouter,
    audit: auditRouter,
    analytics: analyticsRouter,
    system: systemRouter,
  }),
);

/** The type from which clients infer everything. */
export type AppRouter = typeof appRouter;
