import { pathsConflict, type LockPath } from '../../../server/core/locks/lock-path.ts';
import type { LockCondition, UnstampedRow } from '../../../server/core/locks/lock-table.ts';
import type { SharedLogStore } from '../../support/shared-log.ts';
import type { LockMutant } from './run.ts';

const revisionOf = (store: SharedLogStore, campaignId: string, given: LockCondition): LockCondition => ({
  ...given,
  revision: store.campaigns.get(campaignId)?.locks.revision ?? given.revision,
});
const withoutEnd = (given: LockCondition): LockCondition => {
  const { notAfter: _, ...kept } = given;
  return kept;
};
const withoutBegin = (given: LockCondition): LockCondition => {
  const { notBefore: _, ...kept } = given;
  return kept;
};

/** Each breaks one rule of `log/README.md`, and must be found. */
export const LOCK_MUTANTS: readonly LockMutant[] = [
  {
    name: 'append without asking for the locks',
    log: (log) => ({ ...log, append: (campaignId, expected, entries) => log.append(campaignId, expected, entries) }),
  },
  {
    name: 'append under an older lock table',
    log: (log, store) => ({
      ...log,
      append: (campaignId, expected, entries, locks) =>
        log.append(campaignId, expected, entries, locks && revisionOf(store, campaignId, locks)),
    }),
  },
  {
    name: 'append after the end of its lock',
    log: (log) => ({
      ...log,
      append: (campaignId, expected, entries, locks) =>
        log.append(campaignId, expected, entries, locks && withoutEnd(locks)),
    }),
  },
  {
    name: 'append before the end of another lock',
    log: (log) => ({
      ...log,
      append: (campaignId, expected, entries, locks) =>
        log.append(campaignId, expected, entries, locks && withoutBegin(locks)),
    }),
  },
  {
    name: 'grant before the end of another lock',
    log: (log) => ({
      ...log,
      changeLocks: (campaignId, change) =>
        log.changeLocks(campaignId, { ...change, condition: withoutBegin(change.condition) }),
    }),
  },
  {
    name: 'change an older lock table',
    log: (log, store) => ({
      ...log,
      changeLocks: (campaignId, change) =>
        log.changeLocks(campaignId, { ...change, condition: revisionOf(store, campaignId, change.condition) }),
    }),
  },
  {
    name: 'keep the locks over the end of an epoch',
    log: (log, store) => ({
      ...log,
      async seed(campaignId, generation, head) {
        const rows = store.campaigns.get(campaignId)?.locks.rows ?? [];
        await log.seed(campaignId, generation, head);
        const seeded = store.campaigns.get(campaignId);
        if (seeded?.generation === generation && seeded.locks.rows.length === 0)
          store.campaigns.set(campaignId, { ...seeded, locks: { ...seeded.locks, rows } });
      },
    }),
  },
  { name: 'let the clocks of instances end a lease', instanceClocks: true },
  {
    name: 'give a turn for the whole of its ttl before anybody has taken it',
    log: (log) => ({
      ...log,
      changeLocks: (campaignId, change) =>
        log.changeLocks(campaignId, {
          ...change,
          set: change.set.map((row) => (row.state === 'held' ? { ...row, leaseMs: row.ttlMs } : row)),
        }),
    }),
  },
  {
    name: 'keep the places of an instance that has not taken a turn',
    log: (log, store) => ({
      ...log,
      changeLocks(campaignId, change) {
        const rows = store.campaigns.get(campaignId)?.locks.rows ?? [];
        const missed = new Set(rows.filter(({ isUnclaimed }) => isUnclaimed).map(({ at }) => at));
        const isPlace = (id: string): boolean =>
          rows.some(({ lockId, state, at }) => lockId === id && state === 'waiting' && missed.has(at));
        return log.changeLocks(campaignId, { ...change, removed: change.removed.filter((id) => !isPlace(id)) });
      },
    }),
  },
  {
    name: 'let a newcomer overtake who waits',
    log: (log, store) => ({
      ...log,
      changeLocks(campaignId, change) {
        const rows = store.campaigns.get(campaignId)?.locks.rows ?? [];
        const isFree = (path: LockPath): boolean =>
          !rows.some((row) => row.state === 'held' && pathsConflict(row.path, path));
        const set = change.set.map((row): UnstampedRow =>
          row.state === 'waiting' && isFree(row.path) && !rows.some(({ lockId }) => lockId === row.lockId)
            ? { ...row, state: 'held', leaseMs: row.ttlMs }
            : row,
        );
        return log.changeLocks(campaignId, { ...change, set });
      },
    }),
  },
  {
    name: 'give what becomes free to who came last',
    log: (log, store) => ({
      ...log,
      changeLocks(campaignId, change) {
        const waiting = (store.campaigns.get(campaignId)?.locks.rows ?? []).filter(({ state }) => state === 'waiting');
        const set = change.set.map((row): UnstampedRow => {
          if (row.state !== 'held' || !waiting.some(({ lockId }) => lockId === row.lockId)) return row;
          const last = waiting.findLast(({ path }) => path.length === row.path.length && pathsConflict(path, row.path));
          if (!last) return row;
          const { expiresAt: _, ...kept } = last;
          return { ...kept, state: 'held', fence: row.fence, leaseMs: last.ttlMs };
        });
        return log.changeLocks(campaignId, { ...change, set });
      },
    }),
  },
];
