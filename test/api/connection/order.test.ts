import { callTRPCProcedure } from '@trpc/server';
import { describe, expect, test } from 'vitest';
import type { Context } from '../../../server/api/connection/context.ts';
import { createOrderLane } from '../../../server/api/connection/order-lane.ts';
import type { JsonValue } from '../../../server/core/json.ts';
import { appRouter } from '../../../server/api/procedures/router.ts';
import type { CampaignService } from '../../../server/index.ts';
import { wsClient } from '../support/clients.ts';
import { connectionEnvironment, connectionOf } from '../support/connection-environment.ts';
import { CAMPAIGN, startServer } from '../support/server.ts';

/** The context of one connection, as the server makes it, without a socket. */
function contextFor(service: CampaignService): Context {
  const connection = connectionOf(connectionEnvironment(), { id: 'ada', grants: { '*': 'admin' } }, 'ws');
  const identity = { id: 'grace', grants: { '*': 'admin' } } as const;
  return {
    service,
    connection,
    accessKeys: undefined,
    snapshots: undefined,
    audit: undefined,
    instance: 'test',
    version: '0',
    openConnections: { ws: 0, sse: 0 },
    correlationId: undefined,
    authenticate: async () => identity,
    report: () => {},
    directCalls: true,
    relaySettings: { via: [], rights: {}, publicRead: false, persistent: false },
    relayed: () => undefined,
    upstream: undefined,
  };
}

interface Gate {
  open(): void;
  readonly opened: Promise<void>;
}

function gate(): Gate {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { open: resolve, opened: promise };
}

/** A call whose input takes as long to arrive as the gate is shut. */
function call(ctx: Context, path: string, input: unknown, ready: Promise<void> = Promise.resolve()): Promise<unknown> {
  const getRawInput = async (): Promise<unknown> => {
    await ready;
    return input;
  };
  return callTRPCProcedure({
    router: appRouter,
    path,
    type: 'mutation',
    ctx,
    getRawInput,
    signal: undefined,
    batchIndex: 0,
  });
}

const update = (title: JsonValue) => ({ campaignId: CAMPAIGN, updates: { title } });
const order = (receipts: PromiseSettledResult<unknown>[]): unknown[] =>
  receipts.map((outcome) =>
    outcome.status === 'fulfilled' && hasVersion(outcome.value) ? outcome.value.version : 'refused',
  );

function hasVersion(value: unknown): value is { version: number } {
  return typeof value === 'object' && value !== null && 'version' in value;
}

describe('P7 mutations of one connection', () => {
  test('P7 reach the engine in order of arrival, though the input of the first takes longest (G7)', async () => {
    const { service } = await startServer();
    const ctx = contextFor(service);
    const slow = gate();
    const calls = [call(ctx, 'campaign.update', update('first'), slow.opened)];
    for (let index = 2; index <= 5; index += 1) calls.push(call(ctx, 'campaign.update', update(`number ${index}`)));
    // Whatever could overtake has had its chance by then.
    await new Promise((resolve) => setTimeout(resolve, 20));
    slow.open();
    expect(order(await Promise.allSettled(calls))).toEqual([2, 3, 4, 5, 6]);
  });

  test('P7 do not wait for other connections', async () => {
    const { service } = await startServer();
    const slow = gate();
    const first = call(contextFor(service), 'campaign.update', update('first'), slow.opened);
    expect(await call(contextFor(service), 'campaign.update', update('second'))).toMatchObject({ version: 2 });
    slow.open();
    expect(await first).toMatchObject({ version: 3 });
  });

  test('P7 do not delay later ones when they are refused early', async () => {
    const { service } = await startServer();
    const ctx = contextFor(service);
    const slow = gate();
    const calls = [
      call(ctx, 'campaign.update', { campaignId: 'No' }, slow.opened),
      call(ctx, 'campaign.update', update('second')),
      call(ctx, 'campaign.update', 'no object'),
      call(ctx, 'campaign.update', update(5)),
      call(ctx, 'campaign.update', update('fifth')),
    ];
    slow.open();
    expect(order(await Promise.allSettled(calls))).toEqual(['refused', 2, 'refused', 'refused', 3]);
  });

  test('P8 wait for a session.authenticate that was sent before them', async () => {
    const { service } = await startServer();
    const ctx = contextFor(service);
    const slow = gate();
    const authenticated = call(ctx, 'session.authenticate', { token: 't' }, slow.opened);
    const updated = call(ctx, 'campaign.update', update('by grace'));
    slow.open();
    await Promise.all([authenticated, updated]);
    const caller = { identity: ctx.connection.identity(), correlationId: 'c' };
    expect((await service.history(caller, CAMPAIGN, { limit: 1 })).items).toMatchObject([{ actor: { id: 'grace' } }]);
  });

  test('P8 are decided with the rights at their position: session.authenticate waits for those sent before it', async () => {
    const { service } = await startServer();
    const ctx = contextFor(service);
    const slow = gate();
    const updated = call(ctx, 'campaign.update', update('by ada'), slow.opened);
    const authenticated = call(ctx, 'session.authenticate', { token: 't' });
    await new Promise((resolve) => setTimeout(resolve, 20));
    slow.open();
    await Promise.all([updated, authenticated]);
    const caller = { identity: ctx.connection.identity(), correlationId: 'c' };
    expect((await service.history(caller, CAMPAIGN, { limit: 1 })).items).toMatchObject([{ actor: { id: 'ada' } }]);
  });

  test('P7 over a real ws, in one frame and in many', async () => {
    const { url } = await startServer();
    const { campaign } = wsClient(url);
    const calls = Array.from({ length: 300 }, (_, index) => {
      if (index % 3 === 0) return campaign.update.mutate(update(`T${index}`));
      if (index % 3 === 1)
        return campaign.updateFeatures.mutate({ campaignId: CAMPAIGN, features: [`f${index}`], action: 'add' });
      return campaign.batch.mutate({
        campaignId: CAMPAIGN,
        commands: [{ type: 'update', updates: { description: `d${index}` } }],
      });
    });
    expect(order(await Promise.allSettled(calls))).toEqual(calls.map((_, index) => index + 2));
  });
});

describe('P7 the order lane', () => {
  test('P7 passes a ticket once all earlier ones are released, in any order', async () => {
    const lane = createOrderLane();
    const tickets = Array.from({ length: 4 }, () => lane.take());
    const passed: number[] = [];
    const turns = tickets.map(async (ticket, index) => {
      await ticket.turn();
      passed.push(index);
    });
    tickets[2]?.release();
    tickets[1]?.release();
    await Promise.resolve();
    expect(passed).not.toContain(3);
    tickets[0]?.release();
    await Promise.all(turns);
    expect(passed.at(-1)).toBe(3);
  });

  test('P7 has no wait without earlier tickets, also after use', () => {
    const lane = createOrderLane();
    const first = lane.take();
    expect(first.turn()).toBeUndefined();
    first.release();
    first.release();
    expect(lane.take().turn()).toBeUndefined();
    expect(lane.take().turn()).toBeInstanceOf(Promise);
  });
});
