import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CampaignError } from '../../../client-sdk/src/errors.ts';
import { reconnectDelay } from '../../../client-sdk/src/link/backoff.ts';
import {
  describe as describeLink,
  IDLE,
  next,
  type LinkEvent,
  type LinkFailure,
  type LinkState,
} from '../../../client-sdk/src/link/connection-state.ts';
import { backoffDelay } from '../../../server/core/backoff.ts';

function failure(reason: LinkFailure['reason'], message = 'it failed'): LinkFailure {
  return { reason, error: new CampaignError({ reason: 'UNAVAILABLE', message }) };
}
const lost = (now: number): LinkEvent => ({
  type: 'lost',
  failure: failure('lost'),
  now,
  delay: (attempt) => 100 * 2 ** attempt,
});
const CONNECT: LinkEvent[] = [{ type: 'connect' }, { type: 'opened' }, { type: 'accepted' }];
const play = (events: readonly LinkEvent[], from: LinkState = IDLE) => events.reduce(next, from);

test('K23 the link is connecting, connected, reconnecting, and stable only after a while', () => {
  expect(describeLink(IDLE, true)).toMatchObject({ status: 'connecting', attempt: 0 });
  expect(describeLink(play([{ type: 'connect' }]), true).status).toBe('connecting');
  const connected = play(CONNECT);
  expect(describeLink(connected, true).status).toBe('connected');
  const first = play([lost(1_000)], connected);
  expect(describeLink(first, true)).toMatchObject({ status: 'reconnecting', attempt: 1, retryAt: 1_100 });
  // Accepted and closed again, three times: the delay grows.
  const again: LinkEvent[] = [...CONNECT, lost(0)];
  expect(play([...again, ...again], first)).toMatchObject({ kind: 'waiting', attempt: 3, retryAt: 400 });
  const stable = play([...CONNECT, { type: 'settled' }], first);
  expect(play([lost(0)], stable)).toMatchObject({ attempt: 1, retryAt: 100 });
});

test('K257 a socket that is open is connected only once the server has accepted the token', () => {
  const open = play([{ type: 'connect' }, { type: 'opened' }]);
  expect(describeLink(open, true).status).toBe('connecting');
  expect(describeLink(play([lost(0), { type: 'connect' }, { type: 'opened' }], open), true).status).toBe(
    'reconnecting',
  );
  expect(play([{ type: 'settled' }], open)).toBe(open);
});

test('K257 while another token is asked for, a refused one is no needs-auth', () => {
  const refused = failure('unauthorized');
  const renewing = play([...CONNECT, { type: 'token-refused', failure: refused }, lost(0)]);
  expect(describeLink(renewing, true)).toMatchObject({ status: 'reconnecting', reason: 'unauthorized' });
  expect(describeLink(play(CONNECT, renewing), true)).toMatchObject({ status: 'connected', error: undefined });
});

test('K263 why the last attempt failed is known until one succeeds', () => {
  const retrying = play([{ type: 'connect' }, lost(0), { type: 'connect' }]);
  expect(describeLink(retrying, true)).toMatchObject({ status: 'reconnecting', reason: 'lost', attempt: 1 });
  expect(describeLink(play(CONNECT, retrying), true)).toMatchObject({ reason: undefined, error: undefined });
});

test('K22 K23 without a network and without a link it is offline; a link that is up is believed', () => {
  expect(describeLink(play([{ type: 'connect' }, lost(0)]), false).status).toBe('offline');
  expect(describeLink(play(CONNECT), false).status).toBe('connected');
});

test('K23 a refused token ends attempts until there is another; closed is for good', () => {
  const refusal = failure('unauthorized', 'no');
  const refused = play([{ type: 'connect' }, { type: 'opened' }, { type: 'unauthorized', failure: refusal }, lost(0)]);
  expect(describeLink(refused, true)).toMatchObject({ status: 'needs-auth', error: refusal.error });
  expect(play([{ type: 'released' }], refused)).toBe(refused);
  expect(play([{ type: 'authenticated' }], refused)).toEqual(IDLE);
  const closed = play([{ type: 'closed', failure: failure('closed') }]);
  expect(play([...CONNECT, { type: 'authenticated' }, lost(0)], closed)).toBe(closed);
});

test('K21 delays are between the floor and a bound that doubles up to a cap', () => {
  fc.assert(
    fc.property(fc.nat(60), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (attempt, random) => {
      const delay = backoffDelay(attempt, random, { floor: 100, base: 600, cap: 15_000 });
      expect(delay).toBeGreaterThanOrEqual(100);
      expect(delay).toBeLessThanOrEqual(Math.min(15_000, 600 * 2 ** attempt));
    }),
  );
});

test('K21 an unreachable server is tried every few seconds, an overloaded one less often, and after a minute either seldom', () => {
  /** The longest and the mean wait, in seconds. */
  const waits = (attempt: number, wasUnreachable: boolean) =>
    [0.999_99, 0.5].map((random) => Math.round(reconnectDelay(attempt, wasUnreachable, random) / 1_000));
  expect([0, 1, 2, 3, 29].map((attempt) => waits(attempt, true))).toEqual([
    [1, 0],
    [1, 1],
    [2, 1],
    [4, 2],
    [4, 2],
  ]);
  expect([3, 4, 5, 29].map((attempt) => waits(attempt, false))).toEqual([
    [5, 2],
    [10, 5],
    [10, 5],
    [10, 5],
  ]);
  for (const wasUnreachable of [true, false]) expect(waits(30, wasUnreachable)).toEqual([30, 15]);
  const firstThirty = Array.from({ length: 30 }, (_, attempt) => reconnectDelay(attempt, true, 0.5)).reduce(
    (sum, wait) => sum + wait,
    0,
  );
  expect(Math.round(firstThirty / 10_000)).toBe(6);
});

test('K22 what failed before the network or the page was back does not count', () => {
  const failed = Array.from({ length: 40 }, (): LinkEvent[] => [{ type: 'connect' }, lost(0)]).flat();
  const back = play([...failed, { type: 'network-changed' }]);
  expect(describeLink(back, true)).toMatchObject({ status: 'reconnecting', attempt: 1 });
  expect(describeLink(play([{ type: 'connect' }, lost(0)], back), true)).toMatchObject({ attempt: 2 });
  expect(describeLink(play([...failed, { type: 'connect' }, { type: 'network-changed' }]), true)).toMatchObject({
    status: 'reconnecting',
    attempt: 1,
  });
  // Failures of a server that accepts and closes are its own.
  const connected = play([...failed, ...CONNECT]);
  expect(play([{ type: 'network-changed' }], connected)).toBe(connected);
});
