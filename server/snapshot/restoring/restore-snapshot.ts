import type { AuditStore } from '../../core/audit-store.ts';
import type { HistoryStore } from '../../core/history-store.ts';
import { formatPosition, type Position } from '../../core/stream/position.ts';
import type { ProvenRedaction } from '../../core/stream/redaction.ts';
import type { Archive, Clock, OrderedLog } from '../../engine/ports.ts';
import type { ClaimedBase } from '../history-proof.ts';
import { readSnapshot } from '../read-snapshot.ts';
import { ABANDONED_AFTER_MS } from './abandoned-restores.ts';
import { checkOptions, restoreIdOf, type RestoreOptions } from './restore-options.ts';
import { inGroups, isNext, openCampaign, planOf, type OpenCampaign, type Planned } from './restore-plan.ts';
import { beginsLater, beingDeleted, exists, notInFile, overtaken } from './restore-refusals.ts';
import type { RestoredCampaign, RestoreProgress, RestoreReport } from './restore-report.ts';
import { createStaging } from './restore-staging.ts';

/** What a restore works on. */
export interface RestoreTarget {
  readonly store: HistoryStore & Pick<AuditStore, 'redactionsAfter'> & Pick<Archive, 'heads' | 'load'>;
  readonly log: Pick<OrderedLog, 'seed'>;
  readonly clock: Pick<Clock, 'now' | 'token'>;
  /** Called with each campaign once it is in its place: what was known of an earlier one of its id is over. */
  readonly onAdopted?:
    | ((campaign: {
        campaignId: string;
        version: number;
        tail: string;
        base?: ClaimedBase | undefined;
        redactions: readonly ProvenRedaction[];
      }) => Promise<unknown>)
    | undefined;
  /** What is put in its place with one transaction, at most: default 100 campaigns, or one beyond 5,000 versions. */
  readonly atOnce?: { readonly campaigns: number; readonly versions: number };
}

/**
 * Campaigns, and their versions, that are put in their place with one transaction: enough that its round trips and its
 * commit do not count, and a fraction of a second, for which changes of what is replaced have to wait.
 */
const ADOPTED_AT_ONCE = { campaigns: 100, versions: 5_000 } as const;

/** Transactions of which the next is under way while the log is told of the one before. */
const ADOPTIONS_AHEAD = 1;

/** Redactions that are read with one statement. */
const REDACTIONS_AT_ONCE = 1_000;

/** Ids that are looked up with one statement. */
const IDS_AT_ONCE = 500;

/**
 * Restores a snapshot file. All of it is staged first, and proven on the way; only when its last line has been read,
 * and nothing stands in the way, are the campaigns put in their places, some at a time by one transaction. Damage
 * therefore touches nothing, and so does a campaign that is there already without `over`.
 *
 * It can be killed at any point and run again with the same file and the same options: what has been put in place
 * stays, the rest is done again.
 *
 * Each restored campaign goes on in a new epoch from its last version, under a generation of the log above all that
 * came before, so that every instance and every client that has seen another continuation is told of it (G1, G2).
 *
 * @throws SnapshotError where the file is damaged
 * @throws RefusalError where the options ask for what the file has not, a campaign is there already, or something of
 *   what is restored was redacted since the file began to be read
 */
export async function restoreSnapshot(
  source: AsyncIterable<Uint8Array>,
  options: RestoreOptions,
  { store, log, clock, onAdopted = () => Promise.resolve(), atOnce = ADOPTED_AT_ONCE }: RestoreTarget,
  onProgress: (progress: RestoreProgress) => void = () => undefined,
): Promise<RestoreReport> {
  const { dryRun = false, over = false } = options;
  checkOptions(options);
  const planned: Planned[] = [];
  const absent: string[] = [];
  const damaged: { campaignId: string; problem: string }[] = [];
  let progress: RestoreProgress = {
    phase: 'reading',
    campaigns: 0,
    entries: 0,
    expectedCampaigns: 0,
    expectedEntries: 0,
  };
  let restoreId = '';
  let createdAt = 0;
  let done = new Set<string>();
  /** The last redaction that is heeded. */
  let redactedUntil = 0;
  const staging = createStaging(async (entries, checkpoints) => {
    if (dryRun) return;
    if (!(await store.stage(restoreId, entries, checkpoints, clock.now()))) throw overtaken();
  });
  let open: OpenCampaign | undefined;

  const advance = (change: Partial<RestoreProgress>): void => {
    progress = { ...progress, ...change };
    onProgress(progress);
  };

  const read = async (): Promise<void> => {
    const { byTail, last } = await knownRedactions(store);
    redactedUntil = last;
    for await (const item of readSnapshot(source, (tail) => byTail.get(tail) ?? [])) {
      switch (item.kind) {
        case 'snapshot': {
          const { id, campaigns, entries } = item.snapshot;
          ({ createdAt } = item.snapshot);
          advance({ expectedCampaigns: campaigns, expectedEntries: entries });
          restoreId = restoreIdOf(id, options);
          const now = clock.now();
          if (!dryRun) done = new Set(await store.beginRestore(restoreId, now, now - ABANDONED_AFTER_MS));
          break;
        }
        case 'campaign':
          if (options.campaignId === undefined || options.campaignId === item.campaign.campaignId) {
            open = openCampaign(item.campaign, options);
            const { base } = item.campaign;
            if (base && !done.has(open.as)) staging.addBase(open.as, base);
          }
          break;
        case 'entry':
          if (open?.campaign === item.campaign && isNext(open, item.entry)) {
            open.last = item.entry;
            open.redactions.push(...item.entry.redactions);
            if (!done.has(open.as)) await staging.add(open.as, item.entry);
          }
          break;
        case 'complete':
          if (open?.campaign === item.campaign) {
            if (!open.last && open.campaign.base) throw beginsLater(open.campaign);
            if (!open.last) absent.push(open.campaign.campaignId);
            else {
              if (!done.has(open.as)) staging.addState(open.as, open.last);
              planned.push(planOf(open, open.last, clock));
            }
            open = undefined;
          }
          advance({
            campaigns: progress.campaigns + 1,
            entries: progress.entries + item.campaign.head.version,
          });
          break;
        case 'dropped':
          open = undefined;
          break;
        case 'damaged':
          if (options.campaignId === undefined || options.campaignId === item.campaignId) damaged.push(item);
          break;
        case 'end':
          await staging.flush();
      }
    }
  };

  /** Where those of the planned campaigns stand that are there, if that is no reason to restore nothing. */
  const check = async (): Promise<Map<string, Position>> => {
    if (options.campaignId !== undefined && planned.length === 0) throw notInFile(options, absent, damaged);
    const ids = planned.map(({ adopted }) => adopted.campaignId);
    const present = await presentHeads(store, ids);
    const inTheWay = over ? undefined : ids.find((id) => present.has(id) && !done.has(id));
    if (inTheWay !== undefined) throw exists(inTheWay);
    return present;
  };

  /** Drops what is staged. What an earlier attempt has put in its place stays known. */
  const discard = async (): Promise<void> => {
    if (dryRun || restoreId === '') return;
    if (done.size === 0) await store.endRestore(restoreId);
    else await store.beginRestore(restoreId, clock.now(), 0);
  };

  let present: Map<string, Position>;
  try {
    await read();
    present = await check();
  } catch (error) {
    await staging.rest();
    // The error is why nothing is restored; rows that cannot be dropped now are dropped as abandoned.
    await discard().catch(() => undefined);
    throw error;
  }

  const campaigns: RestoredCampaign[] = absent.map((campaignId) => ({
    campaignId,
    as: campaignId,
    outcome: 'absent',
    version: 0,
  }));
  const expectedEntries = planned.reduce((sum, { adopted }) => sum + adopted.head.version, 0);
  advance({ phase: 'adopting', campaigns: 0, entries: 0, expectedCampaigns: planned.length, expectedEntries });
  /** Puts some of them in their place; returns the generation of each. */
  const adopt = async (some: readonly Planned[]): Promise<ReadonlyMap<string, number>> => {
    const missing = dryRun ? [] : some.filter(({ adopted }) => !done.has(adopted.campaignId));
    if (missing.length === 0) return new Map();
    const histories = missing.map(({ adopted, generation }) => ({ ...adopted, generation, over }));
    // It goes on, however long this takes: what is staged is not dropped as abandoned.
    if (!(await store.stage(restoreId, [], [], clock.now()))) throw overtaken();
    const adoption = await store.adopt(restoreId, histories, redactedUntil);
    // Created since it was looked for.
    if (adoption.kind === 'exists') throw exists(adoption.campaignId);
    if (adoption.kind === 'deleting') throw beingDeleted(adoption.campaignId);
    if (adoption.kind === 'stale') {
      await store.beginRestore(restoreId, clock.now(), 0).catch(() => undefined);
      throw overtaken();
    }
    return new Map(histories.map(({ campaignId }, index) => [campaignId, adoption.generations[index] ?? 0]));
  };

  /** Tells log and server of one that is in its place. */
  const tell = async ({ campaignId: as, head }: Planned['adopted'], generation: number | undefined): Promise<void> => {
    if (dryRun) return;
    if (generation === undefined) await seedAgain(store, log, as);
    else await log.seed(as, generation, head);
  };

  for await (const [some, generations] of inOrder(inGroups(planned, atOnce), adopt)) {
    await Promise.all(some.map(({ adopted }) => tell(adopted, generations.get(adopted.campaignId))));
    for (const { campaignId, adopted } of some) {
      const { campaignId: as, head } = adopted;
      const { version } = head;
      const replaced = present.get(as);
      const { base, redactions = [] } = adopted;
      if (!dryRun) await onAdopted({ campaignId: as, version, tail: head.tail, base, redactions });
      const left = redactions.length > 0 && { redactions: redactions.length };
      if (done.has(as)) {
        campaigns.push({
          campaignId,
          as,
          outcome: 'present',
          version,
          ...left,
          ...(replaced && { position: replaced }),
        });
      } else {
        campaigns.push({
          campaignId,
          as,
          outcome: replaced ? 'replaced' : 'created',
          version,
          ...left,
          ...(!dryRun && { position: formatPosition(head.epoch, version) }),
          ...(replaced && { replaced }),
        });
      }
      advance({ campaigns: progress.campaigns + 1, entries: progress.entries + version });
    }
  }
  if (!dryRun) await store.endRestore(restoreId);
  return { dryRun, createdAt, campaigns, damaged: damaged.map(({ campaignId, problem }) => ({ campaignId, problem })) };
}

/**
 * What work comes to for each, in order. The next is begun before an outcome is given out; none is left under way, also
 * where one fails, or nobody takes the next.
 */
async function* inOrder<T, R>(
  items: readonly T[],
  work: (item: T) => Promise<R>,
): AsyncGenerator<readonly [T, R], void, undefined> {
  const underWay: Promise<R>[] = [];
  try {
    for (let next = 0; next < items.length; next += 1) {
      for (const item of items.slice(next + underWay.length, next + 1 + ADOPTIONS_AHEAD)) {
        const outcome = work(item);
        outcome.catch(() => undefined);
        underWay.push(outcome);
      }
      const outcome = underWay.shift();
      const item = items[next];
      if (outcome && item !== undefined) yield [item, await outcome];
    }
  } finally {
    await Promise.allSettled(underWay);
  }
}

/**
 * All redactions that this storage knows, by the tail of their entry: a file of before has the values that have gone
 * here, and does not bring them back. With the ordinal of the last.
 */
async function knownRedactions(
  store: Pick<AuditStore, 'redactionsAfter'>,
): Promise<{ readonly byTail: ReadonlyMap<string, readonly ProvenRedaction[]>; readonly last: number }> {
  const byTail = new Map<string, ProvenRedaction[]>();
  for (let after = 0; ;) {
    const page = await store.redactionsAfter(after, REDACTIONS_AT_ONCE);
    const last = page.at(-1);
    if (!last) return { byTail, last: after };
    for (const { version, tail, redaction, hash } of page) {
      const ofEntry = byTail.get(tail) ?? [];
      byTail.set(tail, ofEntry);
      ofEntry.push({ version, tail, redaction, hash });
    }
    after = last.ordinal;
  }
}

/** Where those of the campaigns stand that are there. */
async function presentHeads(store: Pick<Archive, 'heads'>, ids: readonly string[]): Promise<Map<string, Position>> {
  const present = new Map<string, Position>();
  for (let from = 0; from < ids.length; from += IDS_AT_ONCE) {
    for (const { campaignId, head } of await store.heads(ids.slice(from, from + IDS_AT_ONCE)))
      present.set(campaignId, formatPosition(head.epoch, head.version));
  }
  return present;
}

/** Tells the log of a campaign that was adopted by an attempt which may have ended before it could. */
async function seedAgain(store: Pick<Archive, 'load'>, log: RestoreTarget['log'], campaignId: string): Promise<void> {
  const campaign = await store.load(campaignId, 0);
  // One that has left the log in order must not come back into it behind the archive's back.
  if (campaign?.membership.active === true) await log.seed(campaignId, campaign.membership.generation, campaign.head);
}
