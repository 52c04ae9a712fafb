import { describe, expect, it } from 'vitest';
import { NOTHING } from '../../../server/core/stream/apply.ts';
import { simulatedClock } from '../../support/simulated-clock.ts';
import { archiverBench } from './archiver-bench.ts';

/** A campaign in memory whose document has 100 KiB. */
const large = {
  live: { head: { epoch: '', version: 0, tail: '' }, content: NOTHING, documentBytes: 100 * 1_024, unsaved: [] },
};

describe('the pace of the archiver', () => {
  it('M132 while no caller waits for it, entries within five milliseconds share a commit, and later ones are not delayed', async () => {
    const world = archiverBench();
    const history = await world.campaign('a');
    await world.append(history, 1);
    await world.clock.settle();
    expect(world.commits).toEqual([['a+1']]);
    for (let n = 0; n < 4; n += 1) {
      await world.append(history, 1);
      await world.clock.advance(1);
    }
    expect(world.commits).toEqual([['a+1']]);
    await world.clock.advance(1);
    expect(world.commits).toEqual([['a+1'], ['a+4']]);
    await world.clock.advance(5);
    await world.append(history, 1);
    await world.clock.settle();
    expect(world.commits).toEqual([['a+1'], ['a+4'], ['a+1']]);
    await world.archiver.stop();
  });

  it('M139 a commit that takes long is followed by as long a pause, at most 200 ms from its beginning, unless a caller waits', async () => {
    const world = archiverBench();
    const history = await world.campaign('a');
    const begunAfter = async (commitMs: number): Promise<number> => {
      world.faults.commitMs = commitMs;
      await world.clock.advance(1_000);
      world.commits.length = 0;
      await world.append(history, 1);
      await world.clock.settle();
      await world.append(history, 1);
      let after = 0;
      for (; world.commits.length < 2; after += 1) await world.clock.advance(1);
      return after;
    };
    expect(await begunAfter(40)).toBe(80);
    expect(await begunAfter(1)).toBe(5);
    expect(await begunAfter(150)).toBe(200);
    world.faults.commitMs = 40;
    await world.clock.advance(1_000);
    await world.append(history, 1);
    await world.clock.settle();
    world.commits.length = 0;
    await world.append(history, 1);
    world.archiver.flushNow('a');
    await world.clock.advance(40);
    expect(world.commits).toEqual([['a+1']]);
    await world.clock.advance(1_000);
    await world.archiver.stop();
  });

  it('M228 a large document is committed once in a millisecond for each KiB of it, and keeps no other one waiting', async () => {
    const world = archiverBench({
      hosting: { peek: (id) => (id === 'large' ? large : undefined) },
    });
    const { archiver, clock, commits } = world;
    const [wide, small] = [await world.campaign('large'), await world.campaign('small')];
    await clock.advance(1_000);
    await world.append(wide, 1);
    await clock.settle();
    expect(commits).toEqual([['large+1']]);
    for (let n = 0; n < 9; n += 1) {
      await world.append(wide, 1);
      await world.append(small, 1);
      await clock.advance(10);
    }
    expect(commits.slice(1)).toEqual(Array.from({ length: 9 }, () => ['small+1']));
    await clock.advance(9);
    expect(commits).toHaveLength(10);
    await clock.advance(1);
    expect(commits.at(-1)).toEqual(['large+9']);
    await world.append(wide, 1);
    await clock.advance(50);
    expect(commits).toHaveLength(11);
    // Somebody waits for another one, which changes nothing; then for this one.
    archiver.flushNow('small');
    await clock.settle();
    expect(commits).toHaveLength(11);
    archiver.flushNow('large');
    await clock.settle();
    expect(commits.at(-1)).toEqual(['large+1']);
    await archiver.stop();
  });

  it('M228 also where its caller begins to wait while the commit before is under way, and where all is to be saved', async () => {
    const world = archiverBench({ hosting: { peek: () => large } });
    const { archiver, clock, commits } = world;
    const wide = await world.campaign('large');
    await clock.advance(1_000);
    world.faults.commitMs = 20;
    await world.append(wide, 1);
    await clock.settle();
    await world.append(wide, 1);
    archiver.flushNow('large');
    await clock.advance(20);
    expect(commits).toEqual([['large+1'], ['large+1']]);
    await clock.advance(20);
    await world.append(wide, 1);
    await clock.advance(50);
    expect(commits).toHaveLength(2);
    const flushed = archiver.flush(1_000, () => world.durable('large') === 4);
    await clock.settle();
    expect(commits).toHaveLength(3);
    await clock.advance(25);
    expect(await flushed).toBe(true);
    await archiver.stop();
  });

  it('M228 what is behind is committed as fast as can be', async () => {
    const world = archiverBench({
      batchEntries: 10,
      hosting: { peek: () => large },
    });
    const wide = await world.campaign('large');
    await world.clock.advance(1_000);
    await world.append(wide, 35);
    await world.clock.settle();
    expect(world.commits).toEqual([['large+10'], ['large+10'], ['large+10'], ['large+5']]);
    await world.archiver.stop();
  });

  it('M228 what a shutdown saves does not wait either, also where it begins while a commit is under way', async () => {
    const world = archiverBench({ hosting: { peek: () => large } });
    const history = await world.campaign('large');
    await world.clock.advance(1_000);
    world.faults.commitMs = 20;
    await world.append(history, 1);
    await world.clock.settle();
    await world.append(history, 1);
    const flushed = world.archiver.flush(1_000, () => world.durable('large') === 3);
    await world.clock.advance(80);
    expect(world.durable('large')).toBe(3);
    expect(await flushed).toBe(true);
    await world.archiver.stop();
  });

  it('M133 a caller that waits for a commit is not delayed by the pacing', async () => {
    const world = archiverBench();
    const history = await world.campaign('a');
    for (let n = 1; n <= 3; n += 1) {
      await world.append(history, 1);
      world.archiver.flushNow('a');
      await world.clock.settle();
      expect(world.commits).toEqual(Array.from({ length: n }, () => ['a+1']));
    }
    await world.archiver.stop();
  });

  it('M134 a commit begins at the end of the turn, after the answers, unless a caller waits for it', async () => {
    const turns: (() => void)[] = [];
    const world = archiverBench({ clock: { ...simulatedClock(), turn: (callback) => void turns.push(callback) } });
    const history = await world.campaign('a');
    await world.clock.settle();
    await world.append(history, 1);
    await world.clock.settle();
    expect(world.commits).toEqual([]);
    for (const turn of turns.splice(0)) turn();
    await world.clock.settle();
    expect(world.commits).toEqual([['a+1']]);
    await world.append(history, 1);
    world.archiver.flushNow('a');
    await world.clock.settle();
    expect(world.commits).toEqual([['a+1'], ['a+1']]);
    await world.archiver.stop();
  });
});
