import { describe, expect, test, vi } from 'vitest';
import {
  FairTurns,
  TURN_POINTS,
  TURN_POINTS_ALONE,
  type InboundSource,
} from '../../../server/api/connection/fair-turns.ts';
import { connectionEnvironment, connectionOf } from '../support/connection-environment.ts';
import { rawSocket, wsClient } from '../support/clients.ts';
import { answers, gets, large } from '../support/large-campaign.ts';
import { CAMPAIGN, startGuarded, startServer, tokenFor, until } from '../support/server.ts';

describe('P21 fair turns', () => {
  test('P21 a caller starts so many points of work in one turn, over all of its connections', async () => {
    const turns = new FairTurns();
    const started: number[] = [];
    const source = (payer: string, messagePrice: number): InboundSource & { left: number } => ({
      isOpen: true,
      payer,
      messagePrice,
      left: 1_000,
      waitMs: () => 0,
      startNext(points) {
        const messages = Math.max(1, Math.floor(points / messagePrice));
        started.push(messages * messagePrice);
        this.left -= messages;
        return this.left > 0;
      },
    });
    const [one, two, grace] = [source('ada', 8), source('ada', 8), source('grace', 1)];
    let direct = 0;
    while (turns.tryStart(one, 1) || turns.tryStart(two, 1)) direct += 8;
    expect(direct).toBeLessThanOrEqual(TURN_POINTS);
    expect(turns.tryStart(grace, 1)).toBe(true);
    turns.wait(one);
    await until(() => started.length >= 10);
    expect(Math.max(...started)).toBeLessThanOrEqual(TURN_POINTS);
    one.left = 0;
  });

  test('P21 a caller beside whom nobody works starts more in one turn, until somebody comes', async () => {
    let now = 0;
    const turns = new FairTurns(() => now);
    const source = (payer: string): InboundSource => ({
      isOpen: true,
      payer,
      messagePrice: 1,
      waitMs: () => 0,
      startNext: () => false,
    });
    const [ada, grace] = [source('ada'), source('grace')];
    const startAll = async (): Promise<number> => {
      let started = 0;
      while (turns.tryStart(ada, 1)) started += 1;
      await new Promise((resolve) => setImmediate(resolve));
      return started;
    };
    expect(await startAll()).toBe(TURN_POINTS);
    now = 250;
    expect(await startAll()).toBe(TURN_POINTS_ALONE);
    turns.tryStart(grace, 1);
    expect(await startAll()).toBe(TURN_POINTS);
    now = 499;
    expect(await startAll()).toBe(TURN_POINTS);
    now = 500;
    expect(await startAll()).toBe(TURN_POINTS_ALONE);
  });

  test('H41 what has ended waits for no turn and no budget any more', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const turns = new FairTurns();
      const started: string[] = [];
      const source = (payer: string, waitMs: number): InboundSource => ({
        isOpen: true,
        payer,
        messagePrice: 1,
        waitMs: () => waitMs,
        startNext() {
          started.push(payer);
          return false;
        },
      });
      const [owing, waiting, other] = [source('ada', 60_000), source('ada', 0), source('grace', 0)];
      const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
      // Another call of a request that waits already.
      for (let call = 0; call < 2; call += 1) {
        turns.wait(owing);
        await turn();
        expect(vi.getTimerCount()).toBe(1);
      }
      turns.leave(owing);
      expect(vi.getTimerCount()).toBe(0);
      turns.wait(waiting);
      turns.wait(other);
      turns.leave(waiting);
      for (let count = 0; count < 3; count += 1) await turn();
      expect(started).toEqual(['grace']);
    } finally {
      vi.useRealTimers();
    }
  });

  test('H41 nor for its budget: a call of a request that has ended is refused', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const connection = connectionOf(connectionEnvironment(1_000), { id: 'ada', grants: { '*': 'viewer' } }, 'http');
      let waits: Promise<void> | undefined;
      while (!waits) waits = connection.startCall(8);
      const refused = expect(waits).rejects.toMatchObject({ refusal: { reason: 'UNAVAILABLE' } });
      connection.charge(1_000_000);
      await new Promise((resolve) => setImmediate(resolve));
      expect(vi.getTimerCount()).toBe(1);
      connection.leave();
      await refused;
      expect(vi.getTimerCount()).toBe(0);
      expect(() => connection.startCall(8)).toThrow('before its call was begun');
    } finally {
      vi.useRealTimers();
    }
  });

  test('P21 a frame of many calls leaves turns to others, and is answered whole', async () => {
    const { url } = await startGuarded({ callLimit: 0, campaigns: large });
    const raw = await rawSocket(url, { headers: { authorization: `Bearer ${await tokenFor({ '*': 'viewer' })}` } });
    const other = wsClient(url, { token: await tokenFor({ '*': 'editor' }, { sub: 'grace' }) });
    await other.campaign.get.query({ campaignId: CAMPAIGN });
    raw.send(gets(150));
    await raw.answer(1);
    await other.campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title: 'New' } });
    expect(answers(raw)).toBeLessThan(150);
    await raw.answer(150);
    expect(new Set(raw.messages.map((message) => (message as { id: number }).id)).size).toBe(150);
  });

  test('H40 large batches of several connections, which arrive together, are parsed a message at a time', async () => {
    const { url } = await startGuarded({ callLimit: 0 });
    const headers = { authorization: `Bearer ${await tokenFor({ '*': 'editor' })}` };
    const sockets = await Promise.all(Array.from({ length: 4 }, () => rawSocket(url, { headers })));
    const parse = vi.spyOn(JSON, 'parse');
    const parsedInTurn: number[] = [];
    let longest = 0;
    let isWatching = true;
    const look = (): void => {
      const large = parse.mock.calls.filter(
        ([text]) => typeof text === 'string' && text.includes('"method":"mutation"'),
      );
      longest = Math.max(longest, ...large.map(([text]) => text.length));
      parse.mockClear();
      parsedInTurn.push(large.length);
      if (isWatching) setImmediate(look);
    };
    look();
    const text = 'x'.repeat(60_000);
    const frame = Array.from({ length: 10 }, (_, id) => ({
      id: id + 1,
      method: 'mutation',
      params: {
        path: 'campaign.update',
        input: { campaignId: CAMPAIGN, updates: { [`text${id}`]: text }, dryRun: true },
      },
    }));
    for (const raw of sockets) raw.send(frame);
    for (const raw of sockets) expect((await raw.answer(10)).result).toMatchObject({ type: 'data' });
    // The turn of the last answer is counted at its end.
    await new Promise((resolve) => setImmediate(resolve));
    isWatching = false;
    parse.mockRestore();
    expect(parsedInTurn.reduce((sum, count) => sum + count, 0)).toBe(40);
    expect(Math.max(...parsedInTurn)).toBe(1);
    expect(longest).toBeLessThan(61_000);
    // What cannot be parsed, and what holds nothing, is answered as ever, and the connection goes on.
    const [raw] = sockets;
    raw?.socket.send(`[${' '.repeat(40_000)}]`);
    raw?.socket.send(`[${'1,'.repeat(20_000)}`);
    raw?.send({ id: 99, method: 'query', params: { path: 'system.info' } });
    expect((await raw?.answer(99))?.result).toMatchObject({ type: 'data' });
    // White space before a batch hides nothing.
    raw?.socket.send(` ${JSON.stringify(frame)}`);
    expect((await raw?.answer(10))?.result).toMatchObject({ type: 'data' });
  });

  test('P21 a subscription and its stop in one frame leave nothing behind', async () => {
    const { url, service } = await startServer();
    const raw = await rawSocket(url);
    const pairs = Array.from({ length: 60 }, (_, index) => [
      { id: index, method: 'subscription', params: { path: 'campaign.watch', input: { campaignId: CAMPAIGN } } },
      { id: index, method: 'subscription.stop' },
    ]).flat();
    raw.send(pairs);
    await raw.answer(59, ({ result }) => result?.type === 'stopped');
    await until(() => service.stats().subscribers === 0);
  });
});
