import {
  applyLockChange,
  emptyJobTable,
  emptyLockTable,
  holds,
  type LockTable,
} from '../../server/core/locks/lock-table.ts';
import type { Head, SealedEntry } from '../../server/core/stream/log-record.ts';
import {
  HEALTHY_LOG,
  type AppendResult,
  type Clock,
  type LockOutcome,
  type LogEvent,
  type OpenedLog,
  type OrderedLog,
  type PendingEntries,
} from '../../server/engine/ports.ts';
import { nextTail } from '../../server/core/stream/hash-chain.ts';

/** One campaign in the shared log, as Redis would hold it. */
interface StoredCampaign {
  generation: number;
  /** The run of the process that it was seeded in. */
  run: number;
  head: Head;
  durable: number;
  /** Contiguous, the last one is at `head.version`. */
  entries: readonly SealedEntry[];
  lease: { instance: string; until: number } | undefined;
  /** Since when it is not durable. */
  dirtySince: number | undefined;
  locks: LockTable;
}

/** One instance, as the others and the log itself know it. */
interface Listener {
  hosts(campaignId: string): boolean;
  hear(publication: Publication): void;
}

type Publication = { kind: 'jobs'; table: LockTable } | CampaignPublication;

type CampaignPublication = { campaignId: string } & (
  | { kind: 'entry'; sealed: SealedEntry }
  | { kind: 'durable'; epoch: string; version: number }
  | { kind: 'seeded'; generation: number }
  | { kind: 'lost' }
  | { kind: 'locks'; table: LockTable }
  | { kind: 'presence'; instance: string; text: string | undefined }
);

/**
 * The log that several instances share: a model of the Redis log, with the same rules, that can lose what a Redis can
 * lose.
 */
export interface SharedLogStore {
  /** Everything is gone, and the process runs on. */
  flush(): void;
  /** The streams are deleted, and what is known of each campaign's head stays. */
  loseEntries(): void;
  /** The process starts again, with all it had. */
  restart(): void;
  /** What it holds now, as a replica that falls behind from here on. */
  replicate(): void;
  /** The replica takes the place of the process, if there is one. */
  promote(): void;
  readonly campaigns: Map<string, StoredCampaign>;
  readonly listeners: Set<Listener>;
  /** What tells the viewers of a campaign on each instance. */
  readonly viewers: Map<string, (campaignId: string) => number>;
  /** What each instance has said of who is at a campaign. */
  readonly presence: Map<string, Map<string, string>>;
  /** The lock table of jobs, and the run of the process that it was made in. */
  jobs: { readonly run: number; readonly table: LockTable } | undefined;
  run: number;
  /** Compares nothing but versions: a mistake. */
  readonly careless: boolean;
}

export function createSharedLogStore(careless = false): SharedLogStore {
  let replica: { campaigns: [string, StoredCampaign][]; jobs: SharedLogStore['jobs'] } | undefined;
  const store: SharedLogStore = {
    campaigns: new Map(),
    listeners: new Set(),
    viewers: new Map(),
    presence: new Map(),
    jobs: undefined,
    run: 1,
    careless,
    flush() {
      store.campaigns.clear();
      store.jobs = undefined;
    },
    loseEntries() {
      for (const [campaignId, campaign] of store.campaigns)
        store.campaigns.set(campaignId, { ...campaign, entries: [] });
    },
    restart() {
      store.run += 1;
    },
    replicate() {
      replica = { campaigns: [...store.campaigns], jobs: store.jobs };
    },
    promote() {
      if (!replica) return;
      store.campaigns.clear();
      for (const [campaignId, campaign] of replica.campaigns) store.campaigns.set(campaignId, campaign);
      store.jobs = replica.jobs;
      store.run += 1;
      replica = undefined;
    },
  };
  return store;
}

export interface SharedLogOptions {
  clock: Clock;
  instance: string;
  /** Durable entries that stay, to repair gaps. Default 4. */
  keepDurable?: number;
  /** How often heads are compared with what was published, in milliseconds. Default 1,000. */
  checkIntervalMs?: number;
  /** How long a publication is on its way, in milliseconds, or `undefined` where it is lost. Default: at once. */
  publicationDelay?(): number | undefined;
  /** The log's clock. Default: the instance's own. */
  logNow?(): number;
}

interface Hosted {
  generation: number;
  version: number;
  durable: number;
  lockRevision: number;
  opened: boolean;
  listener: (event: LogEvent) => void;
}

const LEASE_MS = 5_000;
const ORPHANED_MS = 3_000;

/** One instance's connection to the shared log. */
export function connectSharedLog(store: SharedLogStore, options: SharedLogOptions): OrderedLog {
  const { clock, instance, keepDurable = 4, checkIntervalMs = 1_000, publicationDelay = () => 0 } = options;
  const logNow = options.logNow ?? clock.now;
  const hosted = new Map<string, Hosted>();
  const toArchive = new Set<string>();
  const wakers = new Set<() => void>();
  let stopped = false;
  let lastArrival = 0;

  const alive = (): void => {
    if (stopped) throw new Error('the log has been stopped');
  };
  const stored = (campaignId: string): StoredCampaign | undefined => {
    const campaign = store.campaigns.get(campaignId);
    return campaign?.run === store.run || store.careless ? campaign : undefined;
  };
  const after = (
    { head, entries }: StoredCampaign,
    version: number,
    limit = Number.POSITIVE_INFINITY,
  ): readonly SealedEntry[] => {
    const first = head.version - entries.length;
    return entries.slice(Math.max(0, version - first), Math.max(0, version - first) + limit);
  };
  const passes = (campaign: StoredCampaign, { epoch, version, tail }: Head): boolean => {
    if (campaign.head.epoch !== epoch || version > campaign.head.version) return false;
    if (store.careless) return true;
    if (version === campaign.head.version) return tail === campaign.head.tail;
    const at = campaign.entries[version - 1 - (campaign.head.version - campaign.entries.length)];
    return at === undefined || at.tail === tail;
  };
  /** Whether it still holds what is not durable. */
  const isWhole = ({ head, durable, entries }: StoredCampaign): boolean =>
    store.careless || entries.length >= head.version - durable;
  const publish = (publication: Publication): void => {
    for (const listener of store.listeners) listener.hear(publication);
  };
  const archiveSoon = (campaignId: string): void => {
    toArchive.add(campaignId);
    for (const wake of wakers) wake();
  };
  const tellEntry = (campaignId: string, campaign: Hosted, sealed: SealedEntry): void => {
    campaign.version = Math.max(campaign.version, sealed.record.version);
    campaign.listener({ kind: 'entry', sealed });
    if (stored(campaignId)?.lease?.instance === instance) archiveSoon(campaignId);
  };
  const tellDurable = (campaign: Hosted, epoch: string, version: number): void => {
    if (version <= campaign.durable) return;
    campaign.durable = version;
    campaign.listener({ kind: 'durable', epoch, version });
  };

  const tellLocks = (campaign: Hosted, table: LockTable): void => {
    if (table.revision <= campaign.lockRevision) return;
    campaign.lockRevision = table.revision;
    campaign.listener({ kind: 'locks', table });
  };

  let jobRevision = 0;
  let isJobTableUsed = false;
  let onJobTable: (table: LockTable) => void = () => undefined;
  const tellJobs = (table: LockTable): void => {
    if (!isJobTableUsed || table.revision <= jobRevision) return;
    jobRevision = table.revision;
    onJobTable(table);
  };
  const jobTable = (seen: number): LockTable => {
    if (store.jobs?.run !== store.run || store.jobs.table.revision < seen)
      store.jobs = { run: store.run, table: emptyJobTable(logNow(), Math.max(seen, store.jobs?.table.revision ?? 0)) };
    return store.jobs.table;
  };

  let hearPresence: Parameters<OrderedLog['presence']['onPublished']>[0] = () => undefined;
  const listener: Listener = {
    hosts: (campaignId) => hosted.has(campaignId),
    hear(publication) {
      const delay = publicationDelay();
      if (delay === undefined) return;
      // One connection carries them all, in order.
      lastArrival = Math.max(lastArrival, clock.now() + delay);
      clock.after(lastArrival - clock.now(), () => {
        if (publication.kind === 'jobs') return stopped ? undefined : tellJobs(publication.table);
        const campaign = hosted.get(publication.campaignId);
        if (!campaign || stopped) return;
        if (publication.kind === 'entry') tellEntry(publication.campaignId, campaign, publication.sealed);
        else if (publication.kind === 'durable') tellDurable(campaign, publication.epoch, publication.version);
        else if (publication.kind === 'presence') {
          if (publication.instance !== instance)
            hearPresence(publication.campaignId, publication.instance, publication.text);
        } else if (publication.kind === 'locks') tellLocks(campaign, publication.table);
        else if (campaign.opened && (publication.kind === 'lost' || publication.generation > campaign.generation))
          campaign.listener({ kind: 'reset' });
      });
    },
  };
  store.listeners.add(listener);

  const check = (): void => {
    if (stopped) return;
    for (const [campaignId, campaign] of hosted) {
      if (!campaign.opened) continue;
      const there = stored(campaignId);
      if (there?.generation !== campaign.generation || there.head.version < campaign.version || !isWhole(there)) {
        campaign.listener({ kind: 'reset' });
        continue;
      }
      for (const sealed of after(there, campaign.version)) tellEntry(campaignId, campaign, sealed);
      if (campaign.version < there.head.version) {
        campaign.listener({ kind: 'reset' });
        continue;
      }
      tellDurable(campaign, there.head.epoch, there.durable);
      tellLocks(campaign, there.locks);
    }
    if (isJobTableUsed) tellJobs(jobTable(jobRevision));
    for (const [campaignId, { dirtySince }] of store.campaigns) {
      if (dirtySince !== undefined && dirtySince <= clock.now() - ORPHANED_MS) archiveSoon(campaignId);
    }
    cancelCheck = clock.after(checkIntervalMs, check);
  };
  let cancelCheck = clock.after(checkIntervalMs, check);

  const backlogOf = ({ version, durable }: Hosted): number => Math.max(0, version - durable);

  return {
    async open(campaignId, generation, archived, heard): Promise<OpenedLog> {
      alive();
      const campaign: Hosted = {
        generation,
        version: archived.version,
        durable: archived.version,
        lockRevision: 0,
        opened: false,
        listener: heard,
      };
      hosted.set(campaignId, campaign);
      const there = stored(campaignId);
      if (!there || !isWhole(there)) publish({ campaignId, kind: 'lost' });
      if (there?.generation !== generation || !passes(there, archived)) return { kind: 'absent' };
      const entries = after(there, archived.version);
      if (entries.length !== there.head.version - archived.version) return { kind: 'stale-archive' };
      campaign.opened = true;
      campaign.version = there.head.version;
      campaign.durable = Math.max(archived.version, there.durable);
      campaign.lockRevision = there.locks.revision;
      if (archived.version > there.durable) {
        const dirtySince = entries.length > 0 ? there.dirtySince : undefined;
        store.campaigns.set(campaignId, { ...there, durable: archived.version, dirtySince });
        publish({ campaignId, kind: 'durable', epoch: archived.epoch, version: archived.version });
      }
      return {
        kind: 'opened',
        head: there.head,
        durableVersion: campaign.durable,
        entries: [...entries],
        locks: there.locks,
      };
    },

    async seed(campaignId, generation, head) {
      alive();
      const there = store.campaigns.get(campaignId);
      if (there && there.generation >= generation) return;
      store.campaigns.set(campaignId, {
        generation,
        run: store.run,
        head,
        durable: head.version,
        entries: [],
        lease: undefined,
        dirtySince: undefined,
        locks: emptyLockTable(generation),
      });
      publish({ campaignId, kind: 'seeded', generation });
    },

    async remainder(campaignId, archived) {
      alive();
      const there = store.campaigns.get(campaignId);
      const line: SealedEntry[] = [];
      let { tail } = archived;
      for (const sealed of there ? after(there, archived.version) : []) {
        tail = nextTail(tail, sealed.bytes);
        if (sealed.tail !== tail || sealed.record.version !== archived.version + line.length + 1) break;
        line.push(sealed);
      }
      return line;
    },

    async close(campaignId, { leave }) {
      alive();
      const campaign = hosted.get(campaignId);
      hosted.delete(campaignId);
      const there = store.campaigns.get(campaignId);
      if (!campaign || !leave || there?.generation !== campaign.generation || there.durable < there.head.version)
        return false;
      if (there.locks.rows.some(({ expiresAt }) => expiresAt > logNow())) return false;
      const others = [...store.listeners].some((other) => other !== listener && other.hosts(campaignId));
      if (!others) store.campaigns.delete(campaignId);
      return !others;
    },

    async remove(campaignId, generation, head) {
      alive();
      const there = stored(campaignId);
      const isThere = there?.generation === generation && there.head.version === head.version && passes(there, head);
      if (!isThere || there.durable < there.head.version) return false;
      store.campaigns.delete(campaignId);
      return true;
    },

    async clear(campaignId, generation) {
      alive();
      const there = store.campaigns.get(campaignId);
      if (there && there.generation > generation) return;
      store.campaigns.delete(campaignId);
      store.presence.delete(campaignId);
      publish({ campaignId, kind: 'seeded', generation: generation + 1 });
    },

    async forget(campaignId, version) {
      alive();
      const there = stored(campaignId);
      if (there && there.durable < version) return false;
      if (there) there.entries = after(there, version).slice();
      return true;
    },

    async append(campaignId, expected, entries, locks): Promise<AppendResult> {
      alive();
      const campaign = hosted.get(campaignId);
      const there = stored(campaignId);
      if (!campaign || there?.generation !== campaign.generation || !isWhole(there) || !passes(there, expected))
        return { kind: 'lost' };
      if (there.head.version !== expected.version) {
        const missing = after(there, expected.version);
        return missing.length > 0 ? { kind: 'conflict', entries: [...missing] } : { kind: 'lost' };
      }
      if (locks && !holds(locks, there.locks, logNow()))
        return { kind: 'locks', reading: { table: there.locks, now: logNow() } };
      const last = entries.at(-1);
      if (!last) return { kind: 'appended' };
      const now = clock.now();
      const free = !there.lease || there.lease.instance === instance || there.lease.until < now;
      store.campaigns.set(campaignId, {
        ...there,
        entries: [...there.entries, ...entries],
        head: { epoch: expected.epoch, version: last.record.version, tail: last.tail },
        lease: free ? { instance, until: now + LEASE_MS } : there.lease,
        dirtySince: there.dirtySince ?? now,
      });
      for (const sealed of entries) publish({ campaignId, kind: 'entry', sealed });
      if (free) archiveSoon(campaignId);
      return { kind: 'appended' };
    },

    async changeLocks(campaignId, change): Promise<LockOutcome> {
      alive();
      const campaign = hosted.get(campaignId);
      const there = stored(campaignId);
      if (!campaign || there?.generation !== campaign.generation) return { kind: 'lost' };
      const now = logNow();
      if (!holds(change.condition, there.locks, now)) return { kind: 'stale', reading: { table: there.locks, now } };
      const table = applyLockChange(there.locks, change, now);
      if (table !== there.locks) {
        store.campaigns.set(campaignId, { ...there, locks: table });
        publish({ campaignId, kind: 'locks', table });
      }
      return { kind: 'changed', reading: { table, now } };
    },

    jobLocks: {
      async change(change) {
        alive();
        isJobTableUsed = true;
        const there = jobTable(change.condition.revision);
        const now = logNow();
        if (!holds(change.condition, there, now)) {
          tellJobs(there);
          return { kind: 'stale', reading: { table: there, now } };
        }
        const table = applyLockChange(there, change, now);
        store.jobs = { run: store.run, table };
        if (table !== there) publish({ kind: 'jobs', table });
        tellJobs(table);
        return { kind: 'changed', reading: { table, now } };
      },
      onTable(heard) {
        onJobTable = heard;
      },
    },

    async read(campaignId, afterVersion, limit) {
      alive();
      const there = store.campaigns.get(campaignId);
      return there ? [...after(there, afterVersion, limit)] : [];
    },

    async pending(limit, except) {
      alive();
      const found: PendingEntries[] = [];
      const ids = [...toArchive].filter((campaignId) => !except?.has(campaignId));
      let room = limit;
      for (const campaignId of ids) {
        const there = store.campaigns.get(campaignId);
        const now = clock.now();
        if (!there || (there.lease && there.lease.instance !== instance && there.lease.until >= now)) {
          toArchive.delete(campaignId);
          continue;
        }
        store.campaigns.set(campaignId, { ...there, lease: { instance, until: now + LEASE_MS } });
        const entries = after(there, there.durable);
        if (entries.length === 0) toArchive.delete(campaignId);
        const part = entries.slice(0, room);
        room -= part.length;
        if (part.length > 0) found.push({ campaignId, entries: part });
      }
      return found.sort((a, b) => (a.entries[0]?.record.at ?? 0) - (b.entries[0]?.record.at ?? 0));
    },

    async markDurable(campaignId, epoch, version) {
      alive();
      const there = store.campaigns.get(campaignId);
      const upTo = there ? Math.min(version, there.head.version) : 0;
      if (there?.head.epoch === epoch && upTo > there.durable) {
        const first = there.head.version - there.entries.length;
        const spare = Math.max(0, upTo - keepDurable - first);
        const done = upTo === there.head.version;
        store.campaigns.set(campaignId, {
          ...there,
          durable: upTo,
          entries: there.entries.slice(spare),
          dirtySince: done ? undefined : clock.now(),
        });
        publish({ campaignId, kind: 'durable', epoch, version: upTo });
      }
      if (toArchive.delete(campaignId)) toArchive.add(campaignId);
    },

    onPending(wake) {
      wakers.add(wake);
    },

    backlog() {
      const entries = [...hosted.values()].reduce((sum, campaign) => sum + backlogOf(campaign), 0);
      const waiting = [...hosted].flatMap(([campaignId, { durable }]) => {
        const there = store.campaigns.get(campaignId);
        return there ? after(there, durable, 1).map(({ record }) => record.at) : [];
      });
      return { entries, oldestAt: waiting.length > 0 ? Math.min(...waiting) : undefined };
    },

    health: HEALTHY_LOG,
    clockOffset: 0,
    handOver: () => Promise.resolve(),
    shared: true,
    presence: {
      async publish(campaignId, text) {
        alive();
        const said = store.presence.get(campaignId) ?? new Map<string, string>();
        store.presence.set(campaignId, said);
        if (text === undefined) said.delete(instance);
        else said.set(instance, text);
        publish({ campaignId, kind: 'presence', instance, text });
      },
      read: async (campaignId) =>
        new Map([...(store.presence.get(campaignId) ?? [])].filter(([other]) => other !== instance)),
      onPublished(heard) {
        hearPresence = heard;
      },
    },
    viewers: {
      provide: (countOf) => void store.viewers.set(instance, countOf),
      async elsewhere(campaignIds) {
        alive();
        const others = [...store.viewers].filter(([other]) => other !== instance);
        return new Map(campaignIds.map((id) => [id, others.reduce((sum, [, countOf]) => sum + countOf(id), 0)]));
      },
    },

    async stop() {
      stopped = true;
      cancelCheck();
      store.listeners.delete(listener);
      store.viewers.delete(instance);
      hosted.clear();
      wakers.clear();
    },
  };
}
