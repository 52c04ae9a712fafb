import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Archive } from '../../server/engine/ports.ts';
import type { ArchiveWorld } from './archive-world.ts';
import { campaignHistory, type CampaignHistory } from './campaign-history.ts';

/** The contract over starts and stops of the service. */
export function archiveRestarts(name: string, createWorld: () => Promise<ArchiveWorld>): void {
  describe(`the archive's restarts: ${name}`, () => {
    let world: ArchiveWorld;
    beforeEach(async () => {
      world = await createWorld();
    });
    afterEach(() => world.dispose());

    /** One start of the service: opens, does something, stops. */
    const run = async <T>(
      stop: { clean: boolean },
      use: (archive: Archive) => Promise<T>,
      soleUser = true,
    ): Promise<T> => {
      const archive = await world.open({ soleUser });
      try {
        return await use(archive);
      } finally {
        await archive.stop(stop);
      }
    };

    const enter = async (
      archive: Archive,
      { campaignId, epoch, entries }: CampaignHistory,
      generation: number,
    ): Promise<void> => {
      expect(await archive.enterLog(campaignId, { epoch, version: entries.length, generation })).toBe(true);
    };

    test('A25 everything is there after a restart; a clean stop of a sole user ends the memberships that it began, an unclean one does not', async () => {
      const history = campaignHistory('kept');
      const before = await run({ clean: true }, async (archive) => {
        await history.createIn(archive);
        await enter(archive, history, 0);
        history.add({ title: 'Two' });
        await archive.commit([history.commitAfter(1)]);
        return await archive.load('kept', 10);
      });
      expect(before?.membership).toEqual({ generation: 1, active: true });
      await run({ clean: false }, async (archive) => {
        expect(await archive.load('kept', 10)).toEqual({ ...before, membership: { generation: 1, active: false } });
        await enter(archive, history, 1);
      });
      await run({ clean: true }, async (archive) => {
        expect(await archive.load('kept', 10)).toEqual({ ...before, membership: { generation: 2, active: true } });
      });
    });

    test('A26 a membership that a crash left active stays active until its campaign enters again, whatever stops cleanly in between', async () => {
      const [crashed, used] = [campaignHistory('crashed'), campaignHistory('used')];
      await run({ clean: false }, async (archive) => {
        for (const history of [crashed, used]) {
          await history.createIn(archive);
          await enter(archive, history, 0);
        }
      });
      await run({ clean: true }, (archive) => enter(archive, used, 1));
      await run({ clean: true }, async (archive) => {
        expect((await archive.load('crashed', 0))?.membership).toEqual({ generation: 1, active: true });
        expect((await archive.load('used', 0))?.membership).toEqual({ generation: 2, active: false });
      });
    });

    test('A27 a sole user that was overtaken ends no membership of its successor', async (context) => {
      if (!world.shared) context.skip('it has one user only');
      const history = campaignHistory('overtaken');
      const first = await world.open({ soleUser: true });
      await history.createIn(first);
      await enter(first, history, 0);
      await run({ clean: true }, (second) => enter(second, history, 1), false);
      await first.stop({ clean: true });
      expect(await run({ clean: true }, (archive) => archive.load('overtaken', 0))).toMatchObject({
        membership: { generation: 2, active: true },
      });
    });

    test('A27 with other users, whose log goes on, a stop ends no membership', async (context) => {
      if (!world.shared) context.skip('it has one user only');
      const history = campaignHistory('shared');
      await run(
        { clean: true },
        async (archive) => {
          await history.createIn(archive);
          await enter(archive, history, 0);
        },
        false,
      );
      expect(await run({ clean: true }, (archive) => archive.load('shared', 0))).toMatchObject({
        membership: { generation: 1, active: true },
      });
    });
  });
}
