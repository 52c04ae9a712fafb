import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fullJitter, reconnectDelay } from '../../../client-sdk/src/link/backoff.ts';
import {
  describe as describeLink,
  IDLE,
  next,
  type LinkEvent,
  type LinkState,
} from '../../../client-sdk/src/link/connection-state.ts';
import { CampaignError } from '../../../client-sdk/src/errors.ts';
import { fold, positionOf, type Mirror } from '../../../client-sdk/src/sync/mirror.ts';
import { shareStructure } from '../../../client-sdk/src/sync/structural-sharing.ts';
import { mergeHistory } from '../../../client-sdk/src/react/history.ts';
import type { Entry } from '../../../server/core/stream/entry.ts';
import type { JsonObject } from '../../../server/core/json.ts';
import type { WatchEvent } from '../../../server/core/stream/events.ts';

function entry(version: number, change: JsonObject = { counter: version }): Entry {
  const actor = { id: 'someone', role: 'editor' } as const;
  return {
    version,
    type: 'update',
    change,
    actor,
    mutationId: `m${version}`,
    correlationId: 'c',
    at: version,
    format: 1,
  };
}

const SNAPSHOT: WatchEvent = {
  type: 'snapshot',
  position: 'e1:5',
  durableVersion: 3,
  state: { slug: 's', title: 'S' },
  reason: 'start',
};

function folded(mirror: Mirror | undefined, ...events: WatchEvent[]): Mirror {
  return events.reduce<Mirror | undefined>((before, event) => {
    const result = fold(before, event);
    if (result.kind === 'gap') throw new Error('a gap');
    return result.mirror;
  }, mirror) as Mirror;
}

test('K31 the mirror folds a snapshot, contiguous entries and the watermark', () => {
  const mirror = folded(undefined, SNAPSHOT, {
    type: 'entries',
    epoch: 'e1',
    entries: [entry(6), entry(7, { title: 'T' })],
  });
  expect(positionOf(mirror)).toBe('e1:7');
  expect(mirror.content.state).toEqual({ slug: 's', title: 'T', counter: 6 });
  expect(mirror.recent.map(({ version }) => version)).toEqual([6, 7]);
  expect(folded(mirror, { type: 'durable', position: 'e1:6' }).durableVersion).toBe(6);
  expect(folded(mirror, { type: 'durable', position: 'e1:2' }).durableVersion).toBe(3);
});

test('K31 the mirror refuses a hole, and entries before any snapshot; what it has seen it does not fold twice', () => {
  const mirror = folded(undefined, SNAPSHOT);
  expect(fold(mirror, { type: 'entries', epoch: 'e1', entries: [entry(7)] })).toEqual({ kind: 'gap' });
  expect(fold(mirror, { type: 'entries', epoch: 'e1', entries: [entry(6), entry(8)] })).toEqual({ kind: 'gap' });
  expect(fold(undefined, { type: 'entries', epoch: 'e1', entries: [entry(1)] })).toEqual({ kind: 'gap' });
  expect(fold(undefined, { type: 'durable', position: 'e1:1' })).toEqual({ kind: 'gap' });
  expect(folded(mirror, { type: 'entries', epoch: 'e1', entries: [entry(5), entry(6)] }).version).toBe(6);
});

test('K31 the mirror goes on under the epoch in which the server resumed it', () => {
  const mirror = folded(undefined, SNAPSHOT);
  expect(positionOf(folded(mirror, { type: 'entries', epoch: 'e2', entries: [entry(6)] }))).toBe('e2:6');
  // Nothing has happened since: the watermark alone says so.
  expect(folded(mirror, { type: 'durable', position: 'e2:5' })).toMatchObject({
    epoch: 'e2',
    version: 5,
    durableVersion: 5,
  });
});

test('K31 an archived campaign is known to be, and again not to be', () => {
  const archived = folded(undefined, SNAPSHOT, {
    type: 'entries',
    epoch: 'e1',
    entries: [{ version: 6, type: 'archive', change: {}, at: 99 }],
  });
  expect(archived.content.archivedAt).toBe(99);
  const restored = folded(archived, {
    type: 'entries',
    epoch: 'e1',
    entries: [{ version: 7, type: 'restore', change: {}, at: 100 }],
  });
  expect(restored.content.archivedAt).toBeUndefined();
});

test('K32 shared structure equals the new value, and equal parts are the old objects', () => {
  const json = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      fc.constantFrom(1, 'a', true, null),
      fc.array(tie('value'), { maxLength: 3 }),
      tie('object'),
    ),
    object: fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('value'), { maxKeys: 3 }),
  }));
  fc.assert(
    fc.property(json.object, json.object, (before, after) => {
      const previous = before as JsonObject;
      const shared = shareStructure(previous, structuredClone(after) as JsonObject);
      expect(shared).toEqual(after);
      for (const key of Object.keys(shared)) {
        const [mine, old] = [shared[key], previous[key]];
        if (typeof mine === 'object' && JSON.stringify(mine) === JSON.stringify(old)) expect(mine).toBe(old);
      }
      expect(shareStructure(previous, structuredClone(previous))).toBe(previous);
    }),
  );
});

const lost = (now: number): LinkEvent => ({
  type: 'lost',
  error: new CampaignError({ reason: 'UNAVAILABLE', message: 'lost' }),
  now,
  delay: (attempt) => 100 * 2 ** attempt,
});
const refusal = new CampaignError({ reason: 'UNAUTHORIZED', message: 'no' });
const play = (events: readonly LinkEvent[], from: LinkState = IDLE) => events.reduce(next, from);

test('K23 the link is connecting, connected, reconnecting, and trusted only once it has stood', () => {
  expect(describeLink(IDLE, true)).toMatchObject({ status: 'connecting', attempt: 0 });
  expect(describeLink(play([{ type: 'dial' }]), true).status).toBe('connecting');
  const fresh = play([{ type: 'dial' }, { type: 'opened' }]);
  expect(describeLink(fresh, true).status).toBe('connected');
  const first = play([lost(1_000)], fresh);
  expect(describeLink(first, true)).toMatchObject({ status: 'reconnecting', attempt: 1, retryAt: 1_100 });
  // Accepted and closed again, three times: the delay grows.
  const again: LinkEvent[] = [{ type: 'dial' }, { type: 'opened' }, lost(0)];
  expect(play([...again, ...again], first)).toMatchObject({ kind: 'waiting', attempt: 3, retryAt: 400 });
  const stood = play([{ type: 'dial' }, { type: 'opened' }, { type: 'settled' }], first);
  expect(play([lost(0)], stood)).toMatchObject({ attempt: 1, retryAt: 100 });
});

test('K22 K23 without a network and without a link it is offline; a link that stands is believed', () => {
  expect(describeLink(play([{ type: 'dial' }, lost(0)]), false).status).toBe('offline');
  expect(describeLink(play([{ type: 'dial' }, { type: 'opened' }]), false).status).toBe('connected');
});

test('K23 a refused token ends attempts until there is another; closed is for good', () => {
  const refused = play([{ type: 'dial' }, { type: 'opened' }, { type: 'unauthorized', error: refusal }, lost(0)]);
  expect(describeLink(refused, true)).toMatchObject({ status: 'needs-auth', error: refusal });
  expect(play([{ type: 'released' }], refused)).toBe(refused);
  expect(play([{ type: 'authenticated' }], refused)).toEqual(IDLE);
  const closed = play([{ type: 'closed', error: undefined }]);
  expect(play([{ type: 'dial' }, { type: 'opened' }, { type: 'authenticated' }, lost(0)], closed)).toBe(closed);
});

test('K21 delays are between the floor and a bound that doubles up to a cap', () => {
  fc.assert(
    fc.property(fc.nat(60), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (attempt, random) => {
      const delay = fullJitter(attempt, random, { floor: 100, base: 600, cap: 15_000 });
      expect(delay).toBeGreaterThanOrEqual(100);
      expect(delay).toBeLessThanOrEqual(Math.min(15_000, 600 * 2 ** attempt));
    }),
  );
});

test('K21 a server that is not there is asked every few seconds, one that is busy less often, and after a minute either seldom', () => {
  /** The longest and the mean wait, in seconds. */
  const waits = (attempt: number, absent: boolean) =>
    [0.999_99, 0.5].map((random) => Math.round(reconnectDelay(attempt, absent, random) / 1_000));
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
  for (const absent of [true, false]) expect(waits(30, absent)).toEqual([30, 15]);
  const firstThirty = Array.from({ length: 30 }, (_, attempt) => reconnectDelay(attempt, true, 0.5)).reduce(
    (sum, wait) => sum + wait,
    0,
  );
  expect(Math.round(firstThirty / 10_000)).toBe(6);
});

test('K22 what failed before the network or the page was back does not count', () => {
  const failed = Array.from({ length: 40 }, (): LinkEvent[] => [{ type: 'dial' }, lost(0)]).flat();
  const back = play([...failed, { type: 'hurried' }]);
  expect(describeLink(back, true)).toMatchObject({ status: 'reconnecting', attempt: 1 });
  expect(describeLink(play([{ type: 'dial' }, lost(0)], back), true)).toMatchObject({ attempt: 2 });
  expect(describeLink(play([...failed, { type: 'dial' }, { type: 'hurried' }]), true)).toMatchObject({
    status: 'reconnecting',
    attempt: 1,
  });
  // One that let us in and is still to be trusted failed by itself.
  const fresh = play([...failed, { type: 'dial' }, { type: 'opened' }]);
  expect(play([{ type: 'hurried' }], fresh)).toBe(fresh);
});

test('K45 pages and live entries are one list; a hole between them is seen', () => {
  const pages = [{ items: [entry(5), entry(4)] }, { items: [entry(3)] }];
  expect(mergeHistory(pages, [entry(5), entry(6), entry(7)]).entries.map(({ version }) => version)).toEqual([
    7, 6, 5, 4, 3,
  ]);
  expect(mergeHistory(pages, [entry(7)])).toMatchObject({ hole: true });
  expect(mergeHistory([], [])).toEqual({ entries: [], hole: false });
});
