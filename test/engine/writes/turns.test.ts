import { describe, expect, it } from 'vitest';
import { createMemoryStore } from '../../../server/archive/memory-archive.ts';
import type { Mutation, SimpleCommand } from '../../../server/core/commands/command.ts';
import { weightOf } from '../../../server/core/commands/weight.ts';
import type { Receipt } from '../../../server/core/stream/entry.ts';
import { createTurnBudget } from '../../../server/engine/campaign/turn-budget.ts';
import { CALLERS, CAMPAIGN, engineWorld, refusal, setTitle } from '../../support/engine-world.ts';
import { gate } from '../../support/gate.ts';
import { connectSharedLog, createSharedLogStore } from '../../support/shared-log.ts';
import { simulatedClock, type SimulatedClock } from '../../support/simulated-clock.ts';

const TURN_WEIGHT = 128;

/** A clock whose turns are those of the event loop, and are counted. */
function turningClock(): SimulatedClock & { readonly turns: number; whole<T>(work: Promise<T>): Promise<T> } {
  const clock = simulatedClock();
  let turns = 0;
  return {
    ...clock,
    get turns() {
      return turns;
    },
    turn: (callback) =>
      void setImmediate(() => {
        turns += 1;
        callback();
      }),
    async whole(work) {
      let settled = false;
      const done = (): void => void (settled = true);
      work.then(done, done);
      for (let n = 0; !settled && n < 10_000; n += 1) await clock.settle();
      return clock.until(work);
    },
  };
}

interface Appended {
  readonly turn: number;
  readonly campaignId: string;
  readonly weight: number;
  readonly entries: number;
}

/** An engine that keeps account of what was appended in which turn. */
function accountedWorld() {
  const clock = turningClock();
  const appended: Appended[] = [];
  const world = engineWorld({
    clock,
    aroundLog: (log) => ({
      ...log,
      append(campaignId, expected, entries) {
        const weight = entries.reduce((sum, { record }) => sum + weightOf(record.command as SimpleCommand), 0);
        appended.push({ turn: clock.turns, campaignId, weight, entries: entries.length });
        return log.append(campaignId, expected, entries);
      },
    }),
  });
  return { ...world, clock, appended };
}

function pushOf(name: string, count: number, commandsEach: number): Mutation[] {
  return Array.from({ length: count }, (_, n) => ({
    mutationId: `${name}${n}`,
    command: {
      type: 'batch' as const,
      commands: Array.from({ length: commandsEach }, (__, m) => setTitle(`${name} ${n} ${m}`) as SimpleCommand),
    },
  }));
}

describe('turns of the event loop', () => {
  it('M210 in one turn no more is decided than the budget allows, over all campaigns, and a batch counts as what it holds', async () => {
    const { manager, clock, create, appended } = accountedWorld();
    const names = ['a', 'b', 'c', 'd'];
    for (const name of names) await clock.whole(create(name));
    const pushes = names.map((name) => manager.push(CALLERS.editor, name, pushOf(name, 40, 20)));
    await clock.whole(Promise.all(pushes));
    const byTurn = Map.groupBy(appended, ({ turn }) => turn);
    for (const inTurn of byTurn.values())
      expect(inTurn.reduce((sum, { weight }) => sum + weight, 0)).toBeLessThanOrEqual(TURN_WEIGHT);
    expect(appended.reduce((sum, { weight }) => sum + weight, 0)).toBe(4 * 40 * 20);
  });

  it('M211 campaigns take turns: one that is pushed to all the time keeps none of the others waiting', async () => {
    const { manager, clock, create, appended } = accountedWorld();
    await clock.whole(create('hot'));
    await clock.whole(create('quiet'));
    appended.length = 0;
    const begun = clock.turns;
    const hot = Array.from({ length: 5 }, (_, n) => manager.push(CALLERS.editor, 'hot', pushOf(`p${n} `, 100, 20)));
    const quiet = manager.mutate(CALLERS.editor, 'quiet', setTitle('quiet'), {});
    await clock.whole(quiet);
    expect(clock.turns - begun).toBeLessThanOrEqual(3);
    expect(appended.filter(({ campaignId }) => campaignId === 'hot').length).toBeLessThanOrEqual(3);
    const outcomes = (await clock.whole(Promise.all(hot))).flat();
    expect(outcomes.every(({ ok }) => ok)).toBe(true);
    expect(outcomes).toHaveLength(500);
  });

  it('G7 M212 a push that weighs more than a turn is appended in parts, in order, and answered as one', async () => {
    const { manager, clock, create, appended } = accountedWorld();
    await clock.whole(create());
    appended.length = 0;
    const outcomes = await clock.whole(manager.push(CALLERS.editor, CAMPAIGN, pushOf('p', 10, 30)));
    const versions = outcomes.map((outcome) => (outcome.ok ? outcome.receipt.version : 0));
    expect(versions).toEqual(Array.from({ length: 10 }, (_, n) => n + 2));
    expect(appended.map(({ entries }) => entries)).toEqual([4, 4, 2]);
  });

  it('G7 M213 a failure between two parts of a push stops the rest of it, so that no retry is overtaken', async () => {
    let appends = 0;
    const world = engineWorld({
      turnWeight: 2,
      aroundLog: (log) => ({
        ...log,
        append: (...args) => ((appends += 1) === 2 ? Promise.reject(new Error('no connection')) : log.append(...args)),
      }),
      appendTimeoutMs: 10,
    });
    await world.create();
    const titles = (from: number) =>
      [0, 1, 2, 3, 4].slice(from).map((n) => ({ mutationId: `m${n}`, command: setTitle(`t${n}`) }));
    const push = refusal(world.manager.push(CALLERS.editor, CAMPAIGN, titles(0)));
    expect(await world.clock.until(push)).toMatchObject({ reason: 'UNAVAILABLE' });
    expect(await world.state()).toMatchObject({ title: 't1' });
    // Sent again, each is applied once, and in order.
    const again = await world.clock.until(world.manager.push(CALLERS.editor, CAMPAIGN, titles(0)));
    expect(again.map((outcome) => (outcome as { receipt: Receipt }).receipt.version)).toEqual([2, 3, 4, 5, 6]);
  });

  it('G7 M214 no part of a push is applied on a timeline that has lost an earlier part', async () => {
    const clock = simulatedClock();
    const [disk, log] = [createMemoryStore(), createSharedLogStore()];
    const appends = gate();
    let commits = true;
    let parts = 0;
    const here = engineWorld({
      clock,
      turnWeight: 1,
      memory: { store: disk, soleUser: false },
      aroundArchive: (archive) => ({
        ...archive,
        commit: (parts) => (commits ? archive.commit(parts) : Promise.reject(new Error('away'))),
      }),
      aroundLog() {
        const own = connectSharedLog(log, { clock, instance: 'here' });
        return {
          ...own,
          async append(campaignId, expected, entries) {
            await appends.pass();
            const result = await own.append(campaignId, expected, entries);
            // The first part is in the log; the second one waits.
            if (parts === 0) appends.shut();
            parts += 1;
            return result;
          },
        };
      },
    });
    const there = engineWorld({
      clock,
      memory: { store: disk, soleUser: false },
      aroundLog: () => connectSharedLog(log, { clock, instance: 'there' }),
    });
    const { position } = await here.create();
    await clock.advance(1_000);
    commits = false;
    const titles = ['one', 'two', 'three'].map((title) => ({ mutationId: title, command: setTitle(title) }));
    const push = here.manager.push(CALLERS.editor, CAMPAIGN, titles, position);
    await clock.settle();
    expect(appends.waiting).toBe(1);
    log.flush();
    expect(await there.title('theirs')).toMatchObject({ version: 2 });
    await clock.advance(1_000);
    appends.open();
    const refused = { ok: false, error: { reason: 'CONFLICT', retryable: true, path: ['seen'] } };
    expect(await clock.until(push)).toMatchObject([{ ok: true }, refused, refused]);
    expect(await there.state()).toMatchObject({ title: 'theirs' });
  });

  it('M219 the archive is asked once for each mutation of a push that is sent again, however many parts it has', async () => {
    const asked: string[] = [];
    const world = engineWorld({
      turnWeight: 1,
      idleTtl: 400,
      aroundArchive: (archive) => ({
        ...archive,
        load: (campaignId, recent) => archive.load(campaignId, Math.min(recent, 1)),
        findMutation(campaignId, mutationId) {
          asked.push(mutationId);
          return archive.findMutation(campaignId, mutationId);
        },
      }),
    });
    const { position } = await world.create();
    await world.title('later');
    await world.title('latest');
    await world.clock.advance(1_000);
    const push = Array.from({ length: 10 }, (_, n) => ({
      mutationId: `m${n}`,
      base: position,
      command: setTitle(`t${n}`),
    }));
    const outcomes = await world.clock.until(world.manager.push(CALLERS.editor, CAMPAIGN, push));
    expect(outcomes.every(({ ok }) => ok)).toBe(true);
    // Each under its own id and under that of its refusal.
    expect(asked).toHaveLength(20);
    expect(new Set(asked).size).toBe(20);
  });

  it('M215 a budget gives turns in the order in which they were asked for, and a turn alone to what is heavier', async () => {
    const begun: (() => void)[] = [];
    const budget = createTurnBudget({ turn: (callback) => void begun.push(callback) }, 10);
    const order: string[] = [];
    const spend = (name: string, weight: number): void => void budget.spend(weight).then(() => order.push(name));
    const settle = () => new Promise((resolve) => setImmediate(resolve));
    const turn = async (): Promise<void> => {
      for (const callback of begun.splice(0)) callback();
      await settle();
    };
    spend('a', 6);
    spend('b', 4);
    spend('c', 25);
    // It would fit beside the first two, and does not overtake the third.
    spend('d', 0);
    spend('e', 10);
    await settle();
    expect(order).toEqual(['a', 'b']);
    await turn();
    expect(order).toEqual(['a', 'b', 'c']);
    await turn();
    expect(order).toEqual(['a', 'b', 'c', 'd', 'e']);
    await turn();
    expect(begun).toHaveLength(0);
  });
});
