import type { SealedEntry } from '../../../server/core/stream/log-record.ts';
import { describe, expect, it } from 'vitest';
import { NOTHING } from '../../../server/core/stream/apply.ts';
import type { Archive, OrderedLog } from '../../../server/engine/ports.ts';
import { type CampaignHistory } from '../../archive/campaign-history.ts';
import { archiverBench } from './archiver-bench.ts';

/** What the archive holds is the history up to that version, whole. */
async function expectArchived(archive: Archive, history: CampaignHistory, version: number): Promise<void> {
  const stored = await archive.load(history.campaignId, 1_000);
  expect(stored?.recent.map(({ bytes }) => bytes)).toEqual(history.entries.slice(0, version).map(({ bytes }) => bytes));
  expect(stored?.state).toEqual((history.contents[version] ?? NOTHING).state);
}

describe('the archiver', () => {
  it('M120 commits entries of many campaigns in one transaction; entries that come meanwhile form the next one', async () => {
    const world = archiverBench();
    const histories = await Promise.all(['a', 'b', 'c'].map((id) => world.campaign(id)));
    for (const history of histories) await world.append(history, 2);
    await world.clock.advance(10);
    expect(world.commits.length).toBeLessThan(3);
    expect(world.commits.flat().sort()).toEqual(['a+2', 'b+2', 'c+2']);
    for (const history of histories) await expectArchived(world.archive, history, 3);
    expect(world.durable('a')).toBe(3);
    await world.archiver.stop();
  });

  it('M121 takes at most one batch at a time, and every campaign gets its turn', async () => {
    const world = archiverBench({ batchEntries: 10 });
    world.faults.away = true;
    const [busy, quiet] = await Promise.all([world.campaign('busy'), world.campaign('quiet')]);
    await world.append(busy, 35);
    await world.append(quiet, 1);
    await world.clock.settle();
    world.faults.away = false;
    await world.clock.advance(10_000);
    expect(world.commits).toEqual([['busy+10'], ['quiet+1', 'busy+9'], ['busy+10'], ['busy+6']]);
    await expectArchived(world.archive, busy, 36);
  });

  it('M122 retries with an exponential backoff up to a cap, with jitter; new entries do not shorten it', async () => {
    const world = archiverBench();
    const history = await world.campaign('a');
    world.faults.away = true;
    await world.append(history, 1);
    for (let n = 0; n < 300; n += 1) {
      await world.clock.advance(200);
      await world.append(history, 1);
    }
    const pauses = world.said.failed.filter((pause) => pause > 0);
    expect(pauses.length).toBeLessThan(20);
    pauses.forEach((pause, index) => {
      const whole = Math.min(100 * 2 ** index, 10_000);
      expect(pause).toBeGreaterThanOrEqual(whole / 2);
      expect(pause).toBeLessThanOrEqual(whole);
    });
    expect(new Set(pauses.slice(-4)).size).toBe(4);
    expect(world.archiver.failing).toBe(true);
    world.faults.away = false;
    await world.clock.advance(10_000);
    expect(world.archiver.failing).toBe(false);
    expect(world.durable('a')).toBe(302);
    await expectArchived(world.archive, history, 302);
  });

  it('G8 M123 the watermark does not pass a batch that failed', async () => {
    const world = archiverBench({ batchEntries: 5 });
    const history = await world.campaign('a');
    world.faults.commit = ([part]) => ((part?.expected.version ?? 0) >= 11 ? 'refused' : undefined);
    await world.append(history, 30);
    await world.clock.advance(60_000);
    expect(world.durable('a')).toBe(11);
    await expectArchived(world.archive, history, 11);
    delete world.faults.commit;
    await world.clock.advance(20_000);
    expect(world.durable('a')).toBe(31);
  });

  it('M124 data that the archive refuses stalls only its own campaign', async () => {
    const world = archiverBench();
    const [good, bad] = await Promise.all([world.campaign('good'), world.campaign('bad')]);
    world.faults.commit = (parts) => (parts.some(({ campaignId }) => campaignId === 'bad') ? 'refused' : undefined);
    await world.append(good, 1);
    await world.append(bad, 1);
    await world.clock.advance(5_000);
    await world.append(good, 1);
    await world.clock.advance(5_000);
    expect(world.durable('good')).toBe(3);
    expect(world.durable('bad')).toBe(1);
    expect(new Set(world.said.stalled)).toEqual(new Set(['bad']));
    expect(world.said.stalled.length).toBeLessThan(12);
    expect(world.archiver.failing).toBe(true);
    delete world.faults.commit;
    await world.clock.advance(20_000);
    expect(world.durable('bad')).toBe(2);
    expect(world.archiver.failing).toBe(false);
    await expectArchived(world.archive, bad, 2);
  });

  it('M125 a campaign that cannot be read back stalls only itself', async () => {
    const world = archiverBench();
    const [good, bad] = await Promise.all([world.campaign('good'), world.campaign('bad')]);
    world.faults.load = (campaignId) => campaignId === 'bad';
    await world.append(bad, 1);
    await world.append(good, 1);
    await world.clock.advance(5_000);
    expect(world.durable('good')).toBe(2);
    expect(new Set(world.said.stalled)).toEqual(new Set(['bad']));
    delete world.faults.load;
    await world.clock.advance(20_000);
    expect(world.durable('bad')).toBe(2);
  });

  it('M126 an unknown outcome of the commit is resolved by reading: nothing twice, nothing missing', async () => {
    const world = archiverBench();
    const history = await world.campaign('a');
    let lost = 2;
    world.faults.commit = () => ((lost -= 1) >= 0 ? 'unheard' : undefined);
    await world.append(history, 3);
    await world.clock.advance(5_000);
    expect(world.durable('a')).toBe(4);
    await expectArchived(world.archive, history, 4);
    await world.append(history, 1);
    await world.clock.advance(1_000);
    await expectArchived(world.archive, history, 5);
    expect(world.archiver.failing).toBe(false);
  });

  it('M127 a stalled campaign that was committed after all is no failure, and costs no round', async () => {
    const world = archiverBench();
    const history = await world.campaign('a');
    // The commit happens, its answer is lost, and the next try is refused: it stalls, though the archive has it.
    const fates = ['unheard', 'refused'] as const;
    let tries = 0;
    world.faults.commit = () => fates[tries++];
    await world.append(history, 1);
    await world.clock.advance(60_000);
    expect(world.said.stalled).toEqual(['a']);
    expect(world.durable('a')).toBe(2);
    expect(world.archiver.failing).toBe(false);
    expect(world.clock.timers).toBe(0);
  });

  it('M128 two archivers on one log and one archive do no harm', async () => {
    const world = archiverBench({ batchEntries: 7 });
    const second = world.second();
    const histories = await Promise.all(['a', 'b'].map((id) => world.campaign(id)));
    for (let n = 0; n < 20; n += 1) for (const history of histories) await world.append(history, 3);
    await world.clock.advance(20_000);
    for (const history of histories) {
      expect(world.durable(history.campaignId)).toBe(61);
      await expectArchived(world.archive, history, 61);
    }
    expect([world.archiver.failing, second.failing]).toEqual([false, false]);
    await Promise.all([world.archiver.stop(), second.stop()]);
  });

  it("G8 M129 entries of another timeline than the archive's are never marked durable", async () => {
    const world = archiverBench();
    const history = await world.campaign('a');
    await world.archive.enterLog('a', { epoch: history.epoch, version: 1, generation: 1 }, 'another');
    await world.append(history, 2);
    await world.clock.advance(10_000);
    expect(world.durable('a')).toBe(1);
    expect(world.said.stalled[0]).toBe('a');
    await expectArchived(world.archive, history, 1);
  });

  it('G6 M130 the checkpoint is the same from the campaign in memory, from the last commit and from the archive', async () => {
    const states: string[] = [];
    for (const path of ['memory', 'last commit', 'archive'] as const) {
      let history: CampaignHistory | undefined;
      const world = archiverBench({
        hosting: {
          peek() {
            const last = history?.entries.at(-1);
            const content = history?.contents.at(-1);
            if (path !== 'memory' || !history || !last || !content) return undefined;
            const head = { epoch: history.epoch, version: last.record.version, tail: last.tail };
            return { live: { head, content, documentBytes: 0, unsaved: [] } };
          },
        },
      });
      let loads = 0;
      world.faults.load = () => {
        loads += 1;
        return false;
      };
      history = await world.campaign('a');
      await world.append(history, 2);
      await world.clock.advance(10);
      // A second archiver knows nothing of the first one's commits.
      if (path === 'archive') {
        await world.archiver.stop();
        world.second();
      }
      loads = 0;
      await world.append(history, 3);
      await world.clock.advance(10);
      expect(loads).toBe(path === 'archive' ? 1 : 0);
      await expectArchived(world.archive, history, 6);
      states.push(JSON.stringify((await world.archive.load('a', 0))?.state));
    }
    expect(new Set(states).size).toBe(1);
  });

  it('M131 flush returns whether everything was committed in time', async () => {
    const world = archiverBench();
    const history = await world.campaign('a');
    const isDone = (): boolean => world.log.backlog().entries === 0;
    expect(await world.archiver.flush(0, isDone)).toBe(true);
    world.faults.away = true;
    await world.append(history, 1);
    await world.clock.advance(60_000);
    expect(await world.clock.until(world.archiver.flush(500, isDone))).toBe(false);
    world.faults.away = false;
    // It does not wait for the end of the pause.
    expect(await world.clock.until(world.archiver.flush(10, isDone))).toBe(true);
    await world.archiver.stop();
    expect(world.clock.timers).toBe(0);
  });

  it('M135 a watermark that the log is slow to take does not delay those of other campaigns', async () => {
    const world = archiverBench();
    const { promise, resolve } = Promise.withResolvers<void>();
    const markDurable: OrderedLog['markDurable'] = async (campaignId, epoch, version) => {
      if (campaignId === 'slow') await promise;
      await world.log.markDurable(campaignId, epoch, version);
    };
    await world.archiver.stop();
    const histories = await Promise.all(['slow', 'a', 'b'].map((id) => world.campaign(id)));
    for (const history of histories) await world.append(history, 1);
    const archiver = world.second({ log: { ...world.log, markDurable } });
    await world.clock.settle();
    expect(['slow', 'a', 'b'].map(world.durable)).toEqual([1, 2, 2]);
    resolve();
    await world.clock.settle();
    expect(world.durable('slow')).toBe(2);
    await archiver.stop();
  });

  it('G8 M205 a head of the archive is believed by its tail alone: one that was set ahead by hand makes nothing durable', async () => {
    const { clock, store, archiver, said, campaign, append, durable } = archiverBench();
    const history = await campaign('a');
    await append(history, 3);
    const row = store.campaigns.get('a');
    if (!row) throw new Error('the campaign is in the archive');
    row.head = { ...row.head, version: row.head.version + 1_000 };
    await clock.advance(20_000);
    expect(durable('a')).toBe(1);
    expect(new Set(said.stalled)).toEqual(new Set(['a']));
    expect(archiver.failing).toBe(true);
    row.head = { ...row.head, version: 1 };
    await clock.advance(20_000);
    expect(durable('a')).toBe(4);
    expect(archiver.failing).toBe(false);
    await archiver.stop();
  });

  it('G5 M206 commits that the archive has lost are committed again from what the log keeps', async () => {
    const { clock, archive, store, archiver, campaign, append, durable } = archiverBench({ keepDurable: 16 });
    const history = await campaign('a');
    const before = structuredClone(store.campaigns.get('a'));
    await append(history, 4);
    await clock.advance(100);
    expect(durable('a')).toBe(5);
    // A replica that was behind is promoted.
    if (before) store.campaigns.set('a', before);
    await append(history, 2);
    await clock.advance(1_000);
    expect(durable('a')).toBe(7);
    await expectArchived(archive, history, 7);
    expect(archiver.failing).toBe(false);
    await archiver.stop();
  });

  it('G5 M207 entries that the log has lost are committed from memory, once their tails prove them', async () => {
    const held: SealedEntry[] = [];
    const { clock, archive, log, archiver, campaign, append, durable, faults } = archiverBench({
      hosting: {
        peek: () => ({
          live: { head: { epoch: '', version: 0, tail: '' }, content: NOTHING, documentBytes: 0, unsaved: held },
        }),
      },
    });
    const history = await campaign('a');
    faults.away = true;
    await append(history, 4);
    await clock.advance(10);
    const pending = log.pending.bind(log);
    // The log has only what came last.
    log.pending = async (limit, except) =>
      (await pending(limit, except)).map((part) => ({ ...part, entries: part.entries.slice(-1) }));
    log.remainder = () => Promise.resolve([]);
    faults.away = false;
    await clock.advance(20_000);
    expect(durable('a')).toBe(1);
    held.push(...history.entries.slice(1));
    await clock.advance(20_000);
    expect(durable('a')).toBe(5);
    await expectArchived(archive, history, 5);
    await archiver.stop();
  });
});
