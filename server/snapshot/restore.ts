import { hash } from 'node:crypto';
import type { AuditStore } from '../core/audit-store.ts';
import type { AdoptedHistory, HistoryStore, StoredCheckpoint, StoredEntry } from '../core/history-store.ts';
import { RefusalError } from '../core/errors.ts';
import { jsonText } from '../core/document/document-tree.ts';
import { treeOf } from '../core/stream/apply.ts';
import type { ProvenRedaction } from '../core/stream/redaction.ts';
import { lineageUpTo } from '../core/stream/lineage.ts';
import { formatPosition, versionOnTimeline, type Position, type VersionName } from '../core/stream/position.ts';
import type { Archive, Clock, OrderedLog } from '../engine/ports.ts';
import type { ProvenEntry, SnapshotCampaign } from './read-snapshot.ts';
import type { ClaimedBase } from './history-proof.ts';
import { readSnapshot } from './read-snapshot.ts';

/** What of a file is restored, and how. */
export interface RestoreOptions {
  /** Only this campaign of the file. Default: all of them. */
  readonly campaignId?: string | undefined;
  /** The id that it gets; with `campaignId` alone. Default: its own. */
  readonly as?: string | undefined;
  /** Whether campaigns that are there are replaced. Default: they are a reason to restore nothing. */
  readonly over?: boolean | undefined;
  /** The end of what is restored: a version or a position, with `campaignId` alone, or a time. Default: all of it. */
  readonly at?: RestorePoint | undefined;
  /** Whether it only says what it would do. */
  readonly dryRun?: boolean | undefined;
}

export type RestorePoint =
  | { readonly version: VersionName }
  /** Epoch milliseconds. */
  | { readonly time: number };

/** What became of a campaign of the file. */
export interface RestoredCampaign {
  /** Its id in the file. */
  readonly campaignId: string;
  /** The id that it has now. */
  readonly as: string;
  /**
   * `present`: an attempt before this one, that was not ended, has restored it; `absent`: it was not there at that
   * time, and is not restored.
   */
  readonly outcome: 'created' | 'replaced' | 'present' | 'absent';
  /** Versions that it has now. */
  readonly version: number;
  /** Where it stands now: in a new epoch. Missing in a dry run, and where it is absent. */
  readonly position?: Position;
  /** Where it stood before it was replaced. */
  readonly replaced?: Position;
  /** How often its entries were redacted, by the file's word or by what the target knows; missing where never. */
  readonly redactions?: number;
}

/** The outcome of a restore. */
export interface RestoreReport {
  readonly dryRun: boolean;
  /** The snapshot's time, in epoch milliseconds. */
  readonly createdAt: number;
  readonly campaigns: RestoredCampaign[];
  /** Campaigns that the file says are not in it, because their rows did not fit together, and why. */
  readonly damaged: { readonly campaignId: string; readonly problem: string }[];
}

/** How far a restore is. */
export interface RestoreProgress {
  readonly phase: 'reading' | 'adopting';
  readonly campaigns: number;
  readonly entries: number;
  /** What the file's first line says of it, or the plan; 0 before the line was read. */
  readonly expectedCampaigns: number;
  readonly expectedEntries: number;
}

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

/** Characters of entries that are staged with one statement. */
const STAGE_CHARACTERS = 512 * 1024;

/**
 * Campaigns, and their versions, that are put in their place with one transaction: enough that its round trips and its
 * commit do not count, and a fraction of a second, for which changes of what is replaced have to wait.
 */
const ADOPTED_AT_ONCE = { campaigns: 100, versions: 5_000 } as const;

/** Transactions of which the next is under way while the log is told of the one before. */
const ADOPTIONS_AHEAD = 1;

/** Versions between two checkpoints of a restored history. */
const CHECKPOINT_VERSIONS = 100;

/** Redactions that are read with one statement. */
const REDACTIONS_AT_ONCE = 1_000;

/** Ids that are looked up with one statement. */
const IDS_AT_ONCE = 500;

/** How long what a restore has left is kept, in milliseconds. */
const ABANDONED_AFTER_MS = 60 * 60 * 1_000;

/** A campaign of the file that is to be restored, and how far. */
interface Planned {
  readonly campaignId: string;
  readonly adopted: Omit<AdoptedHistory, 'over' | 'generation' | 'base'> & { readonly base: ClaimedBase | undefined };
  readonly generation: number;
}

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
 * @throws RefusalError where the options ask for what the file has not, or a campaign is there already
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
  const staging = createStaging(async (entries, checkpoints) => {
    if (!dryRun) await store.stage(restoreId, entries, checkpoints, clock.now());
  });
  let open: OpenCampaign | undefined;

  const advance = (change: Partial<RestoreProgress>): void => {
    progress = { ...progress, ...change };
    onProgress(progress);
  };

  const read = async (): Promise<void> => {
    const redactions = await knownRedactions(store);
    for await (const item of readSnapshot(source, (tail) => redactions.get(tail) ?? [])) {
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
    // The error is why nothing is restored; rows that cannot be dropped now are dropped by a later restore.
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
    const adoption = await store.adopt(restoreId, histories);
    // Created since it was looked for.
    if (adoption.kind === 'exists') throw exists(adoption.campaignId);
    if (adoption.kind === 'deleting') throw beingDeleted(adoption.campaignId);
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

/** Neighbours of the plan, by what is put in its place with one transaction. */
function inGroups(planned: readonly Planned[], atOnce: Required<RestoreTarget>['atOnce']): Planned[][] {
  const groups: Planned[][] = [];
  let versions = 0;
  for (const one of planned) {
    const { version } = one.adopted.head;
    const last = groups.at(-1);
    if (last && last.length < atOnce.campaigns && versions + version <= atOnce.versions) {
      last.push(one);
      versions += version;
    } else {
      groups.push([one]);
      versions = version;
    }
  }
  return groups;
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

/** A campaign of the file whose entries come. */
interface OpenCampaign {
  readonly campaign: SnapshotCampaign;
  /** The id that it gets. */
  readonly as: string;
  /** Whether an entry is not beyond the end of what is restored. */
  includes(entry: ProvenEntry): boolean;
  /** The last one that is. */
  last: ProvenEntry | undefined;
  /** What is redacted of them. */
  readonly redactions: ProvenRedaction[];
}

function openCampaign(campaign: SnapshotCampaign, { as = campaign.campaignId, at }: RestoreOptions): OpenCampaign {
  const includes = at === undefined ? () => true : includedAt(campaign, at);
  return { campaign, as, includes, last: undefined, redactions: [] };
}

function includedAt({ campaignId, head, lineage }: SnapshotCampaign, at: RestorePoint): OpenCampaign['includes'] {
  if ('time' in at) return ({ record }) => record.at <= at.time;
  const version = versionOnTimeline(at.version, head, lineage);
  if (version === undefined || version > head.version || version < 1) {
    const { epoch } = head;
    const message = `at: the file has no ${at.version} of ${campaignId}; it ends at ${formatPosition(epoch, head.version)}`;
    throw new RefusalError('NOT_FOUND', message, { path: ['at'] });
  }
  return ({ record }) => record.version <= version;
}

/** Whether an entry belongs to what is restored, and follows on it. */
function isNext({ campaign, includes, last }: OpenCampaign, entry: ProvenEntry): boolean {
  return entry.record.version === (last?.record.version ?? campaign.base?.version ?? 0) + 1 && includes(entry);
}

/** Beginning of the time that the generation of a restored campaign is counted from, in epoch milliseconds. */
const GENERATIONS_SINCE = Date.UTC(2026, 0, 1);

function planOf({ campaign, as, redactions }: OpenCampaign, last: ProvenEntry, clock: RestoreTarget['clock']): Planned {
  const { record, tail, content } = last;
  const { version } = record;
  const { epoch: parent, lineage } = lineageUpTo(version, campaign.head, campaign.lineage);
  const epoch = clock.token();
  // By one each time that a campaign enters the log, which an idle one does every ten minutes at most, generations stay
  // behind the minutes since 2026; so this one is above whatever a Redis that outlived its Postgres may still hold.
  const generation = Math.max(campaign.generation, Math.floor((clock.now() - GENERATIONS_SINCE) / 60_000));
  return {
    campaignId: campaign.campaignId,
    generation,
    adopted: {
      campaignId: as,
      head: { epoch, version, tail },
      createdAt: campaign.createdAt,
      archivedAt: content.archivedAt,
      updatedAt: record.at,
      updatedBy: record.actor.id,
      base: campaign.base,
      ...(redactions.length > 0 && { redactions }),
      lineage: [...lineage, { epoch, parent, fromVersion: version }],
    },
  };
}

/** Collects what is staged, and hands it on in parts: one is under way while the next is collected. */
function createStaging(
  stage: (entries: readonly StoredEntry[], checkpoints: readonly StoredCheckpoint[]) => Promise<void>,
) {
  let entries: StoredEntry[] = [];
  let checkpoints: StoredCheckpoint[] = [];
  let characters = 0;

  let underWay: Promise<void> = Promise.resolve();

  /** Hands on what was collected, once the part before it is staged. */
  const handOn = async (): Promise<void> => {
    await underWay;
    if (entries.length === 0 && checkpoints.length === 0) return;
    underWay = stage(entries, checkpoints);
    // Its error is that of the next call.
    underWay.catch(() => undefined);
    entries = [];
    checkpoints = [];
    characters = 0;
  };

  const addState = (campaignId: string, { record: { version }, content }: ProvenEntry): void => {
    const state = jsonText(treeOf(content));
    characters += state.length;
    checkpoints.push({ campaignId, version, state });
  };

  return {
    /** Stages all that was added. */
    async flush(): Promise<void> {
      await handOn();
      await underWay;
    },
    /** Resolves when nothing is under way, whatever became of it. */
    async rest(): Promise<void> {
      await underWay.catch(() => undefined);
    },
    /** Adds the checkpoint that a history begins with. */
    addBase(campaignId: string, { version, state }: ClaimedBase): void {
      const text = JSON.stringify(state);
      characters += text.length;
      checkpoints.push({ campaignId, version, state: text });
    },
    /** Adds the state after an entry, unless that was added with it. */
    addState(campaignId: string, entry: ProvenEntry): void {
      if (entry.record.version % CHECKPOINT_VERSIONS !== 0) addState(campaignId, entry);
    },
    async add(campaignId: string, entry: ProvenEntry): Promise<void> {
      const { record, bytes, tail, repeatsId } = entry;
      const { version, epoch, type, at, mutationId } = record;
      entries.push({ campaignId, version, epoch, type, at, mutationId: repeatsId ? null : mutationId, bytes, tail });
      characters += bytes.length;
      if (version % CHECKPOINT_VERSIONS === 0) addState(campaignId, entry);
      if (characters >= STAGE_CHARACTERS) await handOn();
    },
  };
}

/**
 * All redactions that this storage knows, by the tail of their entry: a file of before has the values that have gone
 * here, and does not bring them back.
 */
async function knownRedactions(
  store: Pick<AuditStore, 'redactionsAfter'>,
): Promise<ReadonlyMap<string, readonly ProvenRedaction[]>> {
  const known = new Map<string, ProvenRedaction[]>();
  for (let after = 0; ;) {
    const page = await store.redactionsAfter(after, REDACTIONS_AT_ONCE);
    const last = page.at(-1);
    if (!last) return known;
    for (const { version, tail, redaction, hash } of page) {
      const ofEntry = known.get(tail) ?? [];
      known.set(tail, ofEntry);
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

/** The same file with the same options is the same restore, so that one that was killed can go on. */
function restoreIdOf(snapshotId: string, { campaignId, as, over, at }: RestoreOptions): string {
  return hash('sha256', JSON.stringify([snapshotId, campaignId, as, over === true, at]), 'base64url').slice(0, 22);
}

function checkOptions({ campaignId, as, at }: RestoreOptions): void {
  if (campaignId !== undefined) return;
  const needs = as !== undefined ? 'as' : at && 'version' in at ? 'at' : undefined;
  if (needs === undefined) return;
  const message = `${needs}: one campaign has to be named for it, by campaignId`;
  throw new RefusalError('INVALID', message, { path: [needs] });
}

function notInFile(
  { campaignId = '' }: RestoreOptions,
  absent: readonly string[],
  [damaged]: readonly { problem: string }[],
): Error {
  const why =
    absent.length > 0
      ? 'was not there at that time'
      : damaged
        ? `is not in the file: ${damaged.problem}`
        : 'is not in the file';
  return new RefusalError('NOT_FOUND', `campaignId: ${campaignId} ${why}`, { path: ['campaignId'] });
}

/** What is asked for was compacted away before the snapshot was taken. */
function beginsLater({ campaignId, base }: SnapshotCampaign): RefusalError {
  const message = `at: the file has ${campaignId} from version ${(base?.version ?? 0) + 1} on; older entries were compacted away`;
  return new RefusalError('NOT_FOUND', message, { path: ['at'] });
}

function beingDeleted(campaignId: string): RefusalError {
  const message = `campaignId: ${campaignId} is being deleted; restore again when that is over`;
  return new RefusalError('UNAVAILABLE', message, { path: ['campaignId'], retryAfterMs: 1_000 });
}

function exists(campaignId: string): RefusalError {
  const message = `campaignId: ${campaignId} exists already; restore over it, or as another id`;
  return new RefusalError('CONFLICT', message, { path: ['campaignId'] });
}
