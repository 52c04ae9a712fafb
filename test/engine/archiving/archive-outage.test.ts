import { describe, expect, it } from 'vitest';
import { ArchiveError, createMemoryArchive, type ArchiveErrorKind } from '../../../server/archive/index.ts';
import { createArchiver } from '../../../server/engine/archiving/archiver.ts';
import { createManager } from '../../../server/engine/manager.ts';
import type { Archive } from '../../../server/engine/ports.ts';
import { createMemoryLog } from '../../../server/log/memory-log.ts';
import { campaignHistory } from '../../archive/campaign-history.ts';
import { simulatedClock } from '../../support/simulated-clock.ts';

describe('an archive that takes no writes', () => {
  it.each(['full', 'read-only', 'unreachable'] as const)(
    'M300 is %s: no campaign stalls, though the archive answers, and the failure says why until a commit passes',
    async (kind) => {
      const clock = simulatedClock();
      const log = createMemoryLog();
      const archive = createMemoryArchive();
      let outage: ArchiveErrorKind | undefined = kind;
      const refusing: Archive = {
        ...archive,
        commit: (parts) =>
          outage === undefined ? archive.commit(parts) : Promise.reject(new ArchiveError(outage, 'not now')),
      };
      const stalled: string[] = [];
      const archiver = createArchiver({
        log,
        archive: refusing,
        clock,
        observer: { stalled: ({ campaignId }) => stalled.push(campaignId) },
        hosting: { peek: () => undefined },
      });
      const histories = ['a', 'b'].map((id) => campaignHistory(id));
      for (const history of histories) {
        const { campaignId, epoch, entries } = history;
        await history.createIn(archive);
        await log.seed(campaignId, 1, { epoch, version: 1, tail: entries[0]?.tail ?? '' });
        const sealed = history.add({ title: 'Two' });
        await log.append(campaignId, { epoch, version: 1, tail: entries[0]?.tail ?? '' }, [sealed]);
      }
      await clock.advance(10_000);
      expect(stalled).toEqual([]);
      expect(archiver.failing).toBe(true);
      expect(archiver.failure).toMatchObject({ cause: kind, message: expect.stringContaining('not now') });
      outage = undefined;
      await clock.advance(20_000);
      expect(archiver.failure).toBeUndefined();
      const heads = await archive.heads(['a', 'b']);
      expect(heads.map(({ head }) => head.version)).toEqual([2, 2]);
      await archiver.stop();
    },
  );

  it('M301 an instance that does not archive says that the archive fails, once entries have waited for 15 s', async () => {
    const clock = simulatedClock();
    const log = createMemoryLog();
    let oldestAt: number | undefined;
    const manager = createManager({
      log: { ...log, backlog: () => ({ entries: oldestAt === undefined ? 0 : 1, oldestAt }) },
      archive: createMemoryArchive(),
      clock,
    });
    oldestAt = clock.now();
    await clock.advance(14_000);
    expect(manager.stats().archive).toMatchObject({ failing: false });
    await clock.advance(2_000);
    expect(manager.stats().archive).toMatchObject({ failing: true, failure: { cause: 'late' } });
    await manager.stop(0);
  });
});
