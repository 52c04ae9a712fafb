import { expect, test } from 'vitest';
import { RefusalError } from '../../server/core/errors.ts';
import type { Connection } from '../../server/api/connection/context.ts';
import type { Replicas } from '../../server/relay/replicas.ts';
import { createForwarding } from '../../server/relay/forwarding.ts';
import { createUpstreamIterator } from '../../server/relay/upstream-iterator.ts';
import { createUpstreamKeys } from '../../server/relay/upstream-keys.ts';
import type { UpstreamLink } from '../../server/relay/upstream-link.ts';

interface Asked {
  readonly path: string;
  readonly input: unknown;
}

/** A link that notes what it is asked. `refuse`: nothing is sent. */
function notingLink(answer: (asked: Asked) => Promise<unknown> = async () => ({})) {
  const asked: Asked[] = [];
  const state = { refuse: false };
  const ask = (path: string, input: unknown): Promise<unknown> => {
    if (state.refuse && path !== 'relay.enter') throw new RefusalError('TOO_LARGE', 'nothing is sent');
    asked.push({ path, input });
    return answer({ path, input });
  };
  const link: UpstreamLink = {
    isUp: true,
    generation: 1,
    refusal: () => undefined,
    query: ask,
    tell: ask,
    subscribe(path, input) {
      void ask(path, input);
      return () => undefined;
    },
    distrust: () => undefined,
    stop: () => undefined,
  };
  const paths = (): string[] => asked.map(({ path }) => path);
  return { link, asked, state, paths };
}

// As much of them as is read.
const replicas = { reached: async () => undefined } as unknown as Replicas;
const viewer = { attributes: { country: 'NG' } };
function connectionOf(closed: AbortSignal | undefined): Connection {
  return { closed, viewer: () => ({ viewer, revision: 1 }) } as unknown as Connection;
}

const query = { path: 'campaign.history', type: 'query', input: {}, correlationId: 'c' } as const;
const caller = { token: 'a token', address: '203.0.113.7', transport: 'ws' } as const;

test('Q40 upstream is told the viewer of a call again where that could not be sent', async () => {
  const { link, asked, state } = notingLink();
  const forwarding = createForwarding(link, replicas, async () => undefined);
  const connection = connectionOf(new AbortController().signal);
  forwarding.onCaller(connection, caller);
  state.refuse = true;
  await expect(forwarding.call(connection, query)).rejects.toThrow('nothing is sent');
  state.refuse = false;
  await forwarding.call(connection, query);
  await forwarding.call(connection, query);
  const forwards = asked.filter(({ path }) => path === 'relay.forward').map(({ input }) => input);
  expect(forwards).toMatchObject([{ viewer }, {}]);
  expect(forwards[1]).not.toHaveProperty('viewer');
});

test('Q40 a caller of whom upstream has refused to hear is told of again with its next call', async () => {
  let refuse = true;
  const { link, paths } = notingLink(async ({ path }) => {
    if (path !== 'relay.enter' || !refuse) return {};
    refuse = false;
    throw new RefusalError('OVERLOADED', 'too many callers');
  });
  const forwarding = createForwarding(link, replicas, async () => undefined);
  const connection = connectionOf(new AbortController().signal);
  forwarding.onCaller(connection, caller);
  await forwarding.call(connection, query);
  await forwarding.call(connection, query);
  await forwarding.call(connection, query);
  expect(paths()).toEqual(['relay.enter', 'relay.forward', 'relay.enter', 'relay.forward', 'relay.forward']);
});

test('Q40 a call that is sent after its connection has closed leaves with its answer', async () => {
  const { link, paths } = notingLink();
  const forwarding = createForwarding(link, replicas, async () => undefined);
  const closed = new AbortController();
  const connection = connectionOf(closed.signal);
  forwarding.onCaller(connection, caller);
  closed.abort();
  await forwarding.call(connection, query);
  expect(paths()).toEqual(['relay.enter', 'relay.forward', 'relay.leave']);
});

test('Q40 the calls of one http batch enter once, and leave with the last answer', async () => {
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let calls = 0;
  const { link, paths } = notingLink(async ({ path }) => {
    if (path === 'relay.forward') await gates[calls++]?.promise;
  });
  const forwarding = createForwarding(link, replicas, async () => undefined);
  const connection = connectionOf(undefined);
  forwarding.onCaller(connection, { ...caller, transport: 'http' });
  const batch = [forwarding.call(connection, query), forwarding.call(connection, query)];
  gates[0]?.resolve();
  await batch[0];
  expect(paths()).toEqual(['relay.enter', 'relay.forward', 'relay.forward']);
  gates[1]?.resolve();
  await batch[1];
  expect(paths()).toEqual(['relay.enter', 'relay.forward', 'relay.forward', 'relay.leave']);
});

test('Q42 what waits for a slow client of a forwarded stream is bounded in bytes', async () => {
  let isClosed = false;
  const iterator = createUpstreamIterator(() => (isClosed = true));
  // One alone may be large.
  iterator.push('large', 8_000_000);
  expect(await iterator.next()).toEqual({ done: false, value: 'large' });
  for (let value = 0; value < 2; value += 1) iterator.push(value, 500_000);
  expect(isClosed).toBe(false);
  iterator.push(2, 500_000);
  expect(isClosed).toBe(true);
  await expect(iterator.next()).rejects.toMatchObject({ refusal: { reason: 'OVERLOADED' } });
});

test('Q43 keys are asked for again by one round at a time, and one that was revoked meanwhile ends', async () => {
  let atOnce = 0;
  let most = 0;
  let revoked = false;
  const { link } = notingLink(async ({ input }) => {
    const { token } = input as { token: string };
    const isGone = revoked && token === 'csk_7';
    most = Math.max(most, (atOnce += 1));
    await new Promise((resolve) => setImmediate(resolve));
    atOnce -= 1;
    if (isGone) throw new RefusalError('UNAUTHORIZED', 'revoked');
    return { id: `key:${token}`, grants: {} };
  });
  const keys = createUpstreamKeys(link, () => 0);
  const ended: string[] = [];
  keys.onRevoked((ids) => ended.push(...ids));
  for (let number = 0; number < 100; number += 1) await keys.identify(`csk_${number}`);
  expect(most).toBe(1);
  const first = keys.recheck();
  revoked = true;
  const rounds = [first, keys.recheck(), keys.recheck()];
  await Promise.all(rounds);
  expect(ended).toEqual(['csk_7']);
  // A hundred ways there and back one after the other would take too long; a hundred at once are too many.
  expect(most).toBeGreaterThan(1);
  expect(most).toBeLessThanOrEqual(32);
  keys.stop();
});

test('Q43 a key whose owner connects many times at once is asked for once, and counts while upstream does not answer', async () => {
  let asks = 0;
  let time = 0;
  let fails = false;
  const { link } = notingLink(async () => {
    asks += 1;
    await new Promise((resolve) => setImmediate(resolve));
    if (fails) throw new RefusalError('UNAVAILABLE', 'not in time');
    return { id: 'key:one', grants: {} };
  });
  const keys = createUpstreamKeys(link, () => time);
  await Promise.all(Array.from({ length: 20 }, () => keys.identify('csk_one')));
  expect(asks).toBe(1);
  fails = true;
  time = 60_000;
  expect(await keys.identify('csk_one')).toMatchObject({ id: 'key:one' });
  await expect(keys.identify('csk_other')).rejects.toThrow('not in time');
  keys.stop();
});
