import { createCallerPlaces } from '../../../server/api/connection/caller-places.ts';
import { createConnection, type ConnectionEnvironment } from '../../../server/api/connection/connection.ts';
import type { Connection } from '../../../server/api/connection/context.ts';
import { FairTurns } from '../../../server/api/connection/fair-turns.ts';
import { createWorkBudgets } from '../../../server/api/connection/work-budget.ts';
import type { Identity } from '../../../server/core/permissions.ts';

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

/**
 * The connection of somebody who is admitted, without a server; over http, of one request.
 *
 * @param closed aborted when it closes
 */
export function connectionOf(
  environment: ConnectionEnvironment,
  identity: Identity,
  transport: 'ws' | 'http',
  closed?: AbortSignal,
): Connection {
  return createConnection(environment, {
    admission: { kind: 'admitted', identity },
    channel: { unsent: 0, disconnect: () => undefined },
    closed,
    rateKey: transport === 'ws' ? 'one' : undefined,
    transport,
    address: '192.0.2.1',
  });
}
