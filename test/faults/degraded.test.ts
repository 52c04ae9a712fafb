import { createTRPCClient, createWSClient, httpLink, wsLink } from '@trpc/client';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { readFailure } from '../../client-sdk/src/errors.ts';
import type { AppRouter } from '../../server/api/procedures/router.ts';
import type { WatchEvent } from '../../server/core/stream/events.ts';
import { streamMirror, type StreamMirror } from '../support/stream-mirror.ts';
import { readHeld } from './held.ts';
import type { Instance } from './instance.ts';
import { startWorld, type World } from './world.ts';

/** Changes that may wait for Postgres before more are refused. */
const MAX_BACKLOG = 40;
/** What one campaign may fill of it: a quarter is left for the others. */
const OWN_BACKLOG = (MAX_BACKLOG * 3) / 4;
const ID = 'degraded';
/** Another campaign: one alone may fill all of the backlog. */
const BESIDE = 'beside';
const WAIT = { timeout: 60_000, interval: 50 };

let world: World;
const closing: (() => unknown)[] = [];

beforeAll(async () => {
  world = await startWorld({ instances: 2, env: { CAMPAIGN_MAX_BACKLOG: String(MAX_BACKLOG) } });
  for (const campaignId of [ID, BESIDE])
    await call(instance(0)).create.mutate({ campaignId, state: { slug: campaignId, title: 'At the start' } });
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});
afterAll(() => world.close());

function instance(index: number): Instance {
  const found = world.instances[index];
  if (!found) throw new Error(`there is no instance ${index}`);
  return found;
}

const address = (of: Instance): string => `http://127.0.0.1:${of.port}`;

function call(to: Instance) {
  return createTRPCClient<AppRouter>({ links: [httpLink({ url: `${address(to)}/trpc` })] }).campaign;
}

const title = (to: Instance, text: string, mutationId: string) =>
  call(to).update.mutate({ campaignId: ID, updates: { title: text }, mutationId });

/** What a call is refused with. */
async function refusal(work: Promise<unknown>) {
  const failure = await work.then(() => undefined, readFailure);
  if (!failure) throw new Error('it was not refused');
  return failure.error;
}

function watch(on: Instance, campaignId = ID): StreamMirror {
  const mirror = streamMirror();
  const socket = createWSClient({
    url: `${address(on).replace('http', 'ws')}/trpc`,
    connectionParams: { contract: '1' },
  });
  const client = createTRPCClient<AppRouter>({ links: [wsLink({ client: socket })] });
  const subscription = client.campaign.watch.subscribe(
    { campaignId },
    // JSON of the same shape: only the type that tRPC gives it says less.
    { onData: ({ id, data }) => mirror.take({ resumeId: id, event: data as WatchEvent }) },
  );
  closing.push(() => {
    subscription.unsubscribe();
    return socket.close();
  });
  return mirror;
}

async function readiness(of: Instance) {
  const response = await fetch(`${address(of)}/readyz`);
  const body: { status: string; archive: { status: string; backlogEntries: number }; log: { status: string } } =
    JSON.parse(await response.text());
  return { code: response.status, ...body };
}

async function metric(of: Instance, name: string): Promise<number> {
  const text = await (await fetch(`${address(of)}/metrics`)).text();
  return Number(new RegExp(`^campaign_state_${name}(?:{[^}]*})? (\\S+)$`, 'm').exec(text)?.[1]);
}

const logged = (of: Instance, text: string): boolean => of.log.some((line) => line.includes(text));

describe('degraded modes', () => {
  it('G12 X30 Postgres down: live work goes on up to the backlog, then OVERLOADED; everything is saved afterwards', async () => {
    const [a, b] = [instance(0), instance(1)];
    const onB = watch(b);
    // In memory on both for as long as somebody looks, however slow the machine is.
    const beside = [watch(a, BESIDE), watch(b, BESIDE)];
    await title(a, 'before', 'before');
    await vi.waitFor(() => expect(onB.content.state.title).toBe('before'), WAIT);
    for (const mirror of beside) await vi.waitFor(() => expect(mirror.content.state.title).toBe('At the start'), WAIT);
    await world.postgres.kill();

    const accepted: string[] = [];
    let refused;
    for (let step = 0; !refused && step < 10 * MAX_BACKLOG; step += 1) {
      const id = `away-${step}`;
      refused = await title(a, id, id).then(
        () => void accepted.push(id),
        (thrown: unknown) => readFailure(thrown).error,
      );
    }
    expect(refused).toMatchObject({ reason: 'OVERLOADED', retryable: true, limit: OWN_BACKLOG, retryAfterMs: 1_000 });
    expect(accepted.length).toBeGreaterThanOrEqual(OWN_BACKLOG - 1);
    await vi.waitFor(() => expect(onB.content.state.title).toBe(accepted.at(-1)), WAIT);
    expect((await call(b).get.query({ campaignId: ID })).state.title).toBe(accepted.at(-1));
    // The other instance counts what it has received: it cannot be used to pass the limit.
    let isRefused = false;
    for (let step = 0; !isRefused && step < MAX_BACKLOG; step += 1) {
      const id = `past-${step}`;
      const failure = await title(b, id, id).then(() => void accepted.push(id), readFailure);
      if (failure) expect(failure.error).toMatchObject({ reason: 'OVERLOADED' });
      isRefused = failure !== undefined;
    }
    expect(isRefused).toBe(true);
    expect(accepted.length).toBeLessThanOrEqual(OWN_BACKLOG + 1);

    expect(await readiness(a)).toMatchObject({
      code: 200,
      status: 'degraded',
      archive: { status: 'failing' },
      log: { status: 'ok' },
    });
    expect(await metric(a, 'archive_failing')).toBe(1);
    expect(await metric(a, 'archive_lag_entries')).toBeGreaterThanOrEqual(OWN_BACKLOG - 1);
    expect(await metric(a, 'archive_lag_seconds')).toBeGreaterThan(0);
    expect(logged(a, 'batch could not be committed')).toBe(true);

    await world.postgres.restart();
    await vi.waitFor(async () => expect(await title(a, 'after', 'after')).toMatchObject({ changed: true }), WAIT);
    await vi.waitFor(async () => {
      const { version, durableVersion } = await call(b).get.query({ campaignId: ID });
      expect(durableVersion).toBe(version);
    }, WAIT);
    const held = (await readHeld(world.postgres.url, world.namespace, [ID])).at(0);
    expect(held?.entries.map(({ entry }) => entry.mutationId)).toEqual(
      expect.arrayContaining(['before', ...accepted, 'after']),
    );
    await vi.waitFor(async () => expect(await readiness(a)).toMatchObject({ code: 200, status: 'ready' }), WAIT);
    expect(await metric(a, 'archive_failing')).toBe(0);
    expect(onB.snapshots).toEqual(['start']);
  });

  it('G12 X31 Redis down: reads and live reads go on, mutations are UNAVAILABLE, and nothing diverges', async () => {
    const [a, b] = [instance(0), instance(1)];
    const onB = watch(b);
    await title(a, 'before Redis went', 'r-before');
    await vi.waitFor(() => expect(onB.content.state.title).toBe('before Redis went'), WAIT);
    await world.redis.kill();

    expect(await refusal(title(a, 'meanwhile', 'r-meanwhile'))).toMatchObject({
      reason: 'UNAVAILABLE',
      retryable: true,
      mutationId: 'r-meanwhile',
    });
    expect((await call(a).get.query({ campaignId: ID })).state.title).toBe('before Redis went');
    // A client that comes now is shown the campaign too.
    const late = watch(b);
    await vi.waitFor(() => expect(late.content.state.title).toBe('before Redis went'), WAIT);

    expect(await readiness(a)).toMatchObject({ code: 200, status: 'degraded', log: { status: 'failing' } });
    expect(await metric(a, 'log_failing')).toBe(1);
    expect(logged(a, 'Redis connection error')).toBe(true);

    await world.redis.restart();
    await vi.waitFor(
      async () => expect(await title(a, 'meanwhile', 'r-meanwhile')).toMatchObject({ changed: true }),
      WAIT,
    );
    await vi.waitFor(
      () => expect([onB.content.state.title, late.content.state.title]).toEqual(['meanwhile', 'meanwhile']),
      WAIT,
    );
    expect(onB.snapshots).toEqual(['start']);
    await vi.waitFor(async () => expect(await readiness(a)).toMatchObject({ code: 200, status: 'ready' }), WAIT);
    expect(await metric(a, 'log_failing')).toBe(0);
  });

  it('G9 X32 an instance that is stopped for a while holds nobody up, reports the event-loop stall, and catches up', async () => {
    const [a, b] = [instance(0), instance(1)];
    const onA = watch(a);
    await vi.waitFor(() => expect(onA.version).toBeGreaterThan(0), WAIT);
    const before = onA.version;
    a.pause();
    for (let step = 0; step < 5; step += 1) await title(b, `while it stood ${step}`, `s-${step}`);
    // The saving is taken over too: what was answered durable is in Postgres.
    const receipt = await call(b).update.mutate({
      campaignId: ID,
      updates: { title: 'saved' },
      mutationId: 's-durable',
      durability: 'durable',
    });
    expect(receipt).toMatchObject({ changed: true, durability: 'durable' });
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    a.resume();
    await vi.waitFor(() => expect(onA.content.state.title).toBe('saved'), WAIT);
    expect(onA.version).toBe(before + 6);
    await vi.waitFor(() => expect(logged(a, 'event loop stalled')).toBe(true), WAIT);
    expect(await metric(a, 'event_loop_stalls_total')).toBe(1);
    expect(await readiness(a)).toMatchObject({ code: 200 });
  });

  it('G12 X33 a slow Redis makes changes slow, is seen in a metric and in the log, and refuses nobody', async () => {
    const [a] = [instance(0)];
    a.redis.delay(700);
    try {
      const receipt = await title(a, 'slowly', 'slow');
      expect(receipt).toMatchObject({ changed: true });
    } finally {
      a.redis.restore();
    }
    expect(await metric(a, 'log_append_duration_seconds_sum')).toBeGreaterThan(1);
    await vi.waitFor(() => expect(logged(a, 'the log answers appends slowly')).toBe(true), WAIT);
    expect(await readiness(a)).toMatchObject({ code: 200 });
  });

  it('X34 clocks that are minutes apart order nothing: the times of entries never fall', async () => {
    const [a, b] = [instance(0), instance(1)];
    for (let step = 0; step < 6; step += 1) await title(step % 2 === 0 ? a : b, `clock ${step}`, `c-${step}`);
    const history = async (): Promise<readonly { at: number; mutationId: string }[]> =>
      (await call(a).history.query({ campaignId: ID, limit: 20 })).items;
    // The last change was answered by the other instance: this one may be told of it a moment later.
    await vi.waitFor(async () => expect((await history())[0]?.mutationId).toBe('c-5'), WAIT);
    const items = await history();
    const times = items.toReversed().map(({ at }) => at);
    expect(times).toEqual(times.toSorted((x, y) => x - y));
    expect(
      items
        .slice(0, 6)
        .toReversed()
        .map(({ mutationId }) => mutationId),
    ).toEqual(['c-0', 'c-1', 'c-2', 'c-3', 'c-4', 'c-5']);
  });
});
