import { expect, test } from 'vitest';
import { openRaw } from '../api/support/clients.ts';
import { CAMPAIGN, startServer } from '../api/support/server.ts';
import type { WatchEvent } from '../../server/core/stream/events.ts';
import { streamMirror } from '../support/stream-mirror.ts';
import { startRelay } from './support/relay.ts';

const MOVES = 1_000;
const caller = { identity: { id: 'editor', grants: { '*': 'editor' as const } }, correlationId: 'test' };

test('Q10 1,000 moves of a client between the origin, two relays and a chain, in the middle of changes: one snapshot', async () => {
  const origin = await startServer();
  const open = { auth: { kind: 'none' } as const, key: undefined };
  const [one, two] = [await startRelay(origin, open), await startRelay(origin, open)];
  const behind = await startRelay(one, open);
  const urls = [origin, one, two, behind].map(({ url }) => url);
  const mirror = streamMirror();
  for (let move = 0; move < MOVES; move += 1) {
    const raw = await openRaw(urls[(move * 7 + (move % 3)) % urls.length] ?? origin.url);
    const lastEventId = mirror.resumeId;
    const input = { campaignId: CAMPAIGN, ...(lastEventId !== undefined && { lastEventId }) };
    raw.send({ id: 1, method: 'subscription', params: { path: 'campaign.watch', input } });
    const updates = { description: `change ${move}` };
    const [{ result }] = await Promise.all([
      raw.answer(1, (message) => message.result?.type === 'data'),
      origin.service.mutate(caller, CAMPAIGN, { type: 'update', updates }, {}),
    ]);
    // A tracked event of tRPC's.
    const { id, data } = (result?.data ?? {}) as { id: string; data: WatchEvent };
    mirror.take({ resumeId: id, event: data });
    raw.socket.terminate();
  }
  expect(mirror.snapshots).toEqual(['start']);
});
