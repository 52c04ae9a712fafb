import type { Head, LogRecord, SealedEntry } from '../../server/core/stream/log-record.ts';
import { FIRST_TAIL, seal } from '../../server/core/stream/hash-chain.ts';

/** A head, and the entries that can follow on it, as an instance would make them. */
export interface CampaignEntries {
  readonly start: Head;
  /** The head after those entries. */
  headAfter: (entries: readonly SealedEntry[]) => Head;
  /** So many entries after that head; `mark` makes them differ from others at the same versions. */
  after: (head: Head, count: number, mark?: string) => SealedEntry[];
}

export function campaignEntries(campaignId: string, epoch = 'e1', version = 1): CampaignEntries {
  const start: Head = { epoch, version, tail: `${FIRST_TAIL}tail-${version}` };

  const headAfter = (entries: readonly SealedEntry[]): Head => {
    const last = entries.at(-1);
    return last ? { epoch: last.record.epoch, version: last.record.version, tail: last.tail } : start;
  };

  return {
    start,
    headAfter,
    after(head, count, mark = 'a') {
      const entries: SealedEntry[] = [];
      let { tail } = head;
      for (let step = 1; step <= count; step += 1) {
        const next = head.version + step;
        const change = { title: `${mark} ${next}` };
        const record: LogRecord = {
          version: next,
          type: 'update',
          change,
          actor: { id: 'ed', role: 'editor' },
          mutationId: `${campaignId}-${mark}-${next}`,
          correlationId: `c-${next}`,
          at: 1_700_000_000_000 + next,
          format: 1,
          epoch: head.epoch,
          command: { type: 'update', updates: change },
          fingerprint: `f-${mark}-${next}`,
        };
        const sealed = seal(record, tail);
        tail = sealed.tail;
        entries.push(sealed);
      }
      return entries;
    },
  };
}
