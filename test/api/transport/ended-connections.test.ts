import { expect, test } from 'vitest';
import { collectGarbage } from '../../support/collect-garbage.ts';
import { metric } from '../../support/metric.ts';
import { rawSocket } from '../support/clients.ts';
import { CAMPAIGN, startGuarded, tokenFor, until } from '../support/server.ts';

/** Bytes of buffers that are in use after a garbage collection. */
function retainedBuffers(): number {
  collectGarbage();
  return process.memoryUsage().arrayBuffers;
}

test('H41 what a connection has sent is let go when it ends, however long its caller has to wait', async () => {
  const { url } = await startGuarded({ callLimit: 1 });
  const headers = { authorization: `Bearer ${await tokenFor({ '*': 'viewer' })}` };
  const calls = Array.from({ length: 1_000 }, (_, id) => ({
    id,
    jsonrpc: '2.0',
    method: 'query',
    params: { path: 'campaign.get', input: { campaignId: CAMPAIGN } },
  }));
  const sockets = await Promise.all(Array.from({ length: 20 }, () => rawSocket(url, { headers })));
  const before = retainedBuffers();
  for (const { send } of sockets) send(calls);
  const sent = JSON.stringify(calls).length * sockets.length;
  await until(async () => (await metric(url, 'unfinished_bytes')) >= sent);
  expect(retainedBuffers() - before).toBeGreaterThan(0.75 * sent);
  for (const { socket } of sockets) socket.terminate();
  await until(() => retainedBuffers() - before < 0.25 * sent);
});
