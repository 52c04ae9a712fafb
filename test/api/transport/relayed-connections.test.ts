import { expect, test } from 'vitest';
import type { Connection } from '../../../server/api/connection/context.ts';
import { createRelayedConnections } from '../../../server/api/transport/relayed-connections.ts';
import { connectionEnvironment, connectionOf } from '../support/connection-environment.ts';

/** The connection of somebody who calls through a relay over this transport, and how he leaves. */
async function relayed(transport: 'ws' | 'http'): Promise<{ connection: Connection; leave: () => void }> {
  const environment = connectionEnvironment();
  const closed = new AbortController();
  const relay = connectionOf(environment, { id: 'relay', grants: { '*': 'relay' } }, 'ws', closed.signal);
  relay.becomeRelay();
  const { promise, resolve } = Promise.withResolvers<Connection>();
  const callersOf = createRelayedConnections({
    environment,
    places: environment.places,
    upstream: undefined,
    identify: async () => ({ id: 'ada', grants: { '*': 'viewer' } }),
    contextOf(connection) {
      resolve(connection);
      throw new Error('no call is answered here');
    },
  });
  const callers = callersOf(relay, closed.signal, () => undefined)();
  callers?.enter('ada', { token: 'a token', address: '192.0.2.2', transport });
  const call = { path: 'system.info', type: 'query', input: undefined, correlationId: 'one' } as const;
  await expect(callers?.call('ada', call, undefined)).rejects.toThrow('no call is answered here');
  return { connection: await promise, leave: () => callers?.leave('ada') };
}

test('H41 calls over http through a relay whose client has gone wait for no turn any more', async () => {
  const { connection, leave } = await relayed('http');
  let waits: Promise<void> | undefined;
  while (!waits) waits = connection.startCall(8);
  const refused = expect(waits).rejects.toMatchObject({ refusal: { reason: 'UNAVAILABLE' } });
  leave();
  await refused;
});

test('H41 what came over an open connection has had its turn, and is decided', async () => {
  const { connection, leave } = await relayed('ws');
  leave();
  expect(connection.startCall(8)).toBeUndefined();
});
