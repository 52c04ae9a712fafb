import type { Head, SealedEntry } from '../../../server/core/stream/log-record.ts';
import { expect } from 'vitest';
import { createMemoryArchive, createMemoryStore, type MemoryStore } from '../../../server/archive/memory-archive.ts';
import { createArchiver, type Archiver, type ArchiverOptions } from '../../../server/engine/archiving/archiver.ts';
import type { EngineObserver } from '../../../server/engine/observer.ts';
import type { Archive, CampaignCommit, OrderedLog } from '../../../server/engine/ports.ts';
import { createMemoryLog, type MemoryLogOptions } from '../../../server/log/memory-log.ts';
import { campaignHistory, type CampaignHistory } from '../../archive/campaign-history.ts';
import { simulatedClock, type SimulatedClock } from '../../support/simulated-clock.ts';

/**
 * What the archive does with the next commits: all of them fail, or those with a certain campaign; or the answer is
 * lost.
 */
interface Faults {
  /** Milliseconds that a commit takes. */
  commitMs?: number;
  commit?: (parts: readonly CampaignCommit[]) => 'refused' | 'unheard' | undefined;
  away?: boolean;
  load?: (campaignId: string) => boolean;
}

export interface ArchiverBench {
  clock: SimulatedClock;
  log: OrderedLog;
  /** Without faults. */
  archive: Archive;
  store: MemoryStore;
  archiver: Archiver;
  faults: Faults;
  commits: string[][];
  /** What an archiver told of itself. */
  said: { failed: number[]; stalled: string[] };
  /** A campaign in archive and log. */
  campaign(campaignId: string): Promise<CampaignHistory>;
  /** Puts so many entries of that campaign into the log. */
  append(history: CampaignHistory, count: number): Promise<void>;
  durable(campaignId: string): number;
  second(changes?: Partial<ArchiverOptions>): Archiver;
}

/** An archiver over a log and an archive in memory, on a clock that is told the time. */
export function archiverBench({
  keepDurable = 0,
  ...options
}: Partial<ArchiverOptions> & MemoryLogOptions = {}): ArchiverBench {
  const clock = simulatedClock();
  const log = createMemoryLog({ keepDurable });
  const store = createMemoryStore();
  const archive = createMemoryArchive({ store });
  const faults: Faults = {};
  const commits: string[][] = [];
  const durable = new Map<string, number>();
  const said = { failed: [] as number[], stalled: [] as string[] };
  const observer: EngineObserver = {
    commitFailed: ({ retryInMs }) => said.failed.push(retryInMs),
    stalled: ({ campaignId }) => said.stalled.push(campaignId),
  };
  const faulty: Archive = {
    ...archive,
    async commit(parts) {
      const fault = faults.away ? 'refused' : faults.commit?.(parts);
      if (fault === 'refused') throw new Error('refused');
      commits.push(parts.map(({ campaignId, entries }) => `${campaignId}+${entries.length}`));
      const { commitMs } = faults;
      if (commitMs !== undefined) await new Promise<void>((resolve) => void clock.after(commitMs, resolve));
      const outcomes = await archive.commit(parts);
      if (fault === 'unheard') throw new Error('unheard');
      return outcomes;
    },
    load: (campaignId, recent) =>
      faults.load?.(campaignId) ? Promise.reject(new Error('unreadable')) : archive.load(campaignId, recent),
    ping: () => (faults.away ? Promise.reject(new Error('away')) : archive.ping()),
  };
  const start = (changes: Partial<ArchiverOptions> = {}): Archiver =>
    createArchiver({
      log,
      archive: faulty,
      clock,
      observer,
      hosting: { peek: () => undefined },
      ...options,
      ...changes,
    });
  const heads = new Map<string, Head>();

  return {
    clock,
    log,
    archive,
    store,
    faults,
    commits,
    said,
    archiver: start(),
    second: start,
    durable: (campaignId) => durable.get(campaignId) ?? 1,
    async campaign(campaignId) {
      const history = campaignHistory(campaignId);
      await history.createIn(archive);
      const [first] = history.entries;
      const head: Head = { epoch: history.epoch, version: 1, tail: first?.tail ?? '' };
      heads.set(campaignId, head);
      await archive.enterLog(campaignId, { ...head, generation: 0 });
      await log.seed(campaignId, 1, head);
      await log.open(campaignId, 1, head, (event) => {
        if (event.kind === 'durable') durable.set(campaignId, event.version);
      });
      return history;
    },
    async append(history, count) {
      const { campaignId } = history;
      const entries: SealedEntry[] = [];
      for (let n = 0; n < count; n += 1)
        entries.push(history.add({ title: `${campaignId} ${history.entries.length}` }));
      const before = heads.get(campaignId);
      const last = entries.at(-1);
      if (!before || !last) throw new Error('there is nothing to append');
      expect(await log.append(campaignId, before, entries)).toEqual({ kind: 'appended' });
      heads.set(campaignId, { epoch: history.epoch, version: last.record.version, tail: last.tail });
    },
  };
}
