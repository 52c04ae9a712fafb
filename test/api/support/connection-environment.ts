import { createCallerPlaces } from '../../../server/api/connection/caller-places.ts';
import type { ConnectionEnvironment } from '../../../server/api/connection/connection.ts';
import { FairTurns } from '../../../server/api/connection/fair-turns.ts';
import { createWorkBudgets } from '../../../server/api/connection/work-budget.ts';

/**
 * What connections share, without a server.
 *
 * @param pointsPerSecond of one connection. Default 0: no limits
 */
export function connectionEnvironment(pointsPerSecond = 0): ConnectionEnvironment {
  return {
    rate: async () => undefined,
    eventRate: async () => undefined,
    budgets: createWorkBudgets(pointsPerSecond),
    turns: new FairTurns(),
    places: createCallerPlaces(1, () => undefined),
    rooms: false,
    instance: 'one',
    auditAddresses: false,
    now: Date.now,
    onCall: () => undefined,
  };
}
