import { describe, expect, it } from 'vitest';
import type { EventRows, PaintRow } from '../../../server/core/analytics/unit-rows.ts';
import { createEventWriter } from '../../../server/engine/analytics/event-writer.ts';
import { gate } from '../../support/gate.ts';
import { simulatedClock } from '../../support/simulated-clock.ts';

const paint = (page: string): PaintRow => ({
  campaignId: 'summer',
  epoch: 'e1',
  version: 1,
  page,
  at: 0,
  delayMs: 1,
  share: 1,
});

const rows = (...pages: string[]): EventRows => ({ exposures: [], goals: [], paints: pages.map(paint) });

/** A writer, and the pages of each transaction with the millisecond in which it began. */
function world() {
  const clock = simulatedClock();
  const begunAt = clock.now();
  const database = gate();
  let setBack = 0;
  const transactions: { readonly at: number; readonly pages: readonly string[] }[] = [];
  const writer = createEventWriter({
    store: {
      async recordEvents({ paints }) {
        transactions.push({ at: clock.now() - begunAt, pages: paints.map(({ page }) => page) });
        await database.pass();
      },
    },
    clock: { ...clock, now: () => clock.now() - setBack },
    observer: {},
    maxWaiting: 2_000,
  });
  return { clock, database, transactions, writer, setClockBack: (milliseconds: number) => (setBack = milliseconds) };
}

describe('the writer of events', () => {
  it('E66 writes what comes after a pause at once, and what comes then in a transaction for each 50 ms', async () => {
    const { clock, transactions, writer } = world();
    const written: Promise<void>[] = [];
    for (let millisecond = 0; millisecond < 120; millisecond += 1) {
      written.push(writer.write(rows(`at ${millisecond}`)));
      await clock.advance(1);
    }
    await clock.until(Promise.all(written));
    expect(transactions.map(({ at, pages }) => [at, pages.length])).toEqual([
      [0, 1],
      [50, 49],
      [100, 50],
      [150, 20],
    ]);
    expect(transactions.flatMap(({ pages }) => pages)).toEqual(written.map((_, index) => `at ${index}`));
    expect([writer.waiting, clock.timers]).toEqual([0, 0]);
    await clock.advance(1_000);
    await writer.write(rows('after a pause'));
    expect(transactions.at(-1)).toEqual({ at: 1_150, pages: ['after a pause'] });
  });

  it('E66 what is full waits for nobody, nor does what is left when the server ends', async () => {
    const { clock, database, transactions, writer } = world();
    await writer.write(rows('first'));
    const many = Array.from({ length: 499 }, (_, index) => `page ${index}`);
    const most = writer.write(rows(...many));
    await clock.settle();
    expect(transactions).toHaveLength(1);
    await Promise.all([most, writer.write(rows('the last'))]);
    expect(transactions.map(({ at, pages }) => [at, pages.length])).toEqual([
      [0, 1],
      [0, 500],
    ]);
    const late = writer.write(rows('late'));
    database.shut();
    const end = writer.stop();
    await clock.settle();
    expect(transactions.at(-1)).toEqual({ at: 0, pages: ['late'] });
    database.open();
    await Promise.all([late, end]);
    expect(clock.timers).toBe(0);
  });

  it.each([
    { why: 'what is full', rows: 500 },
    { why: 'the end', rows: 1 },
  ])('E66 nor does $why, when the transaction before it is done', async ({ why, rows: count }) => {
    const { clock, database, transactions, writer } = world();
    database.shut();
    const first = writer.write(rows('first'));
    await clock.settle();
    const next = writer.write(rows(...Array.from({ length: count }, (_, index) => `page ${index}`)));
    const end = why === 'the end' ? writer.stop() : undefined;
    database.open();
    await Promise.all([first, next, end]);
    expect(transactions.map(({ at, pages }) => [at, pages.length])).toEqual([
      [0, 1],
      [0, count],
    ]);
  });

  it('E66 gathers what comes beside a slow transaction, and is held up by no clock that is set back', async () => {
    const { clock, database, transactions, writer, setClockBack } = world();
    database.shut();
    const first = writer.write(rows('first'));
    await clock.advance(80);
    const meanwhile = [writer.write(rows('second')), writer.write(rows('third'))];
    database.open();
    await Promise.all([first, ...meanwhile]);
    setClockBack(3_600_000);
    await clock.until(writer.write(rows('an hour before')));
    expect(transactions).toEqual([
      { at: 0, pages: ['first'] },
      { at: 80, pages: ['second', 'third'] },
      { at: 130, pages: ['an hour before'] },
    ]);
  });
});
