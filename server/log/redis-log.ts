import type { SealedEntry } from '../core/stream/log-record.ts';
import { asError } from '../core/errors.ts';
import type { AppendResult, Clock, LockOutcome, OpenedLog, OrderedLog, PresenceExchange } from '../engine/ports.ts';
import { nextTail } from '../core/stream/hash-chain.ts';
import { createArchiving, LEASE_MS } from './redis/archiving.ts';
import { parseRedisAddress } from './redis/address.ts';
import { connectRedis } from './redis/connection.ts';
import { createGuardedRun } from './redis/guarded-run.ts';
import { createHeadCheck } from './redis/head-check.ts';
import { createTrackedCampaigns, type TrackedCampaign } from './redis/tracked-campaigns.ts';
import { campaignKeys, hashTagOf, identityKey, probeKey, type CampaignKeys } from './redis/keys.ts';
import { createLogHealth, describeRedisFailure, type OnHealthChange } from './redis/log-health.ts';
import { createJobLocks } from './redis/locks/job-locks.ts';
import { changeLockTable, receiveLockTable, type LockTableCopy } from './redis/locks/lock-changes.ts';
import { timeArgument, toLockReading } from './redis/replies/lock-rows.ts';
import { toEntries, toPublication } from './redis/replies/publications.ts';
import { asList, asText, asVersion, UnexpectedReplyError } from './redis/replies/values.ts';
import type { RedisFindings } from './redis/log-health.ts';
import { checkRedis, checkRunningRedis, isNodeOfCluster } from './redis/requirements.ts';
import { createRunForEach } from './redis/run-for-each.ts';
import { createViewerCounts } from './redis/viewer-counts.ts';
import { APPEND, CLEAR, FORGET, HEADS, LEAVE, OPEN, REMOVE, SEED } from './redis/scripts/campaign-log.ts';
import { LOCKS, READ_LOCKS } from './redis/scripts/locks.ts';
import { PRESENCE, READ_PRESENCE } from './redis/scripts/presence.ts';

/** Whether a text is an address that {@link createRedisLog} takes. */
export function isRedisAddress(text: string): boolean {
  return parseRedisAddress(text) !== undefined;
}

export interface RedisLogOptions {
  /**
   * `redis://…` or `rediss://…`: a Redis, or any node of a cluster; several nodes, separated by commas; or
   * `redis+sentinel://host:26379,host:26379/<name of the primary>`.
   */
  readonly url: string;
  /** `CAMPAIGN_NAMESPACE`: prefixes every key. */
  readonly namespace: string;
  readonly clock: Clock;
  /** Names this instance in leases. Default: a random token. */
  readonly instance?: string;
  /** How long a command may go unanswered, in milliseconds. Default 2,000. */
  readonly commandTimeoutMs?: number;
  /** How many durable entries of a campaign stay in the log, to repair gaps. Default 256. */
  readonly keepDurable?: number;
  /** How often heads are compared with what was received, in milliseconds. Default 1,000. */
  readonly checkIntervalMs?: number;
  /** How often the settings of the running Redis are checked, in milliseconds. Default 5,000. */
  readonly settingsIntervalMs?: number;
  /** A connection failed, or something unexpected came over it. */
  onError?(error: Error): void;
  /** Reading or writing begins to fail, fails for another cause, or works again; or a setting endangers entries. */
  readonly onHealthChange?: OnHealthChange;
}

export interface RedisLog extends OrderedLog {
  /**
   * Resolves once both connections are ready, with what this Redis lacks to be a log; never where there is no Redis.
   *
   * @throws Error where waiting changes nothing: a wrong password, a missing right, a certificate that is not trusted
   */
  ready(): Promise<RedisFindings>;
  /**
   * The identity of this log: the same for all instances that share it, another one after it was flushed or replaced.
   * Known once `ready` has resolved.
   */
  readonly identity: string | undefined;
  /** Resolves once both connections have answered; what was published before has been received by then. */
  ping(): Promise<void>;
}

const STOPPED = 'The log has been stopped.';
/** Hash tags on which writing is tried again in one check. */
const MAX_PROBES = 8;
const PROBE_TTL_MS = 5_000;
/** How long what an instance says of who is where stays, in milliseconds; it is repeated every three seconds. */
const PRESENCE_LIFETIME_MS = 10_000;
/** Entries in one read of a gap. */
const MAX_ENTRIES_PER_READ = 10_000;

/**
 * The log of many instances, in Redis. One script appends to a campaign (compare-and-append: see `APPEND`) and
 * publishes to every instance that hosts it. Publications can be lost, the last one before a silence too: the heads of
 * all hosted campaigns are compared once a second and after every reconnect, and what is missing is read from the
 * stream. The protocol and its invariants are in this folder's README.
 *
 * @example
 *   const log = createRedisLog({ url: 'redis://127.0.0.1:6379', namespace: 'campaign_state', clock: systemClock });
 *   const { refusals, warnings } = await log.ready();
 */
export function createRedisLog(options: RedisLogOptions): RedisLog {
  const { namespace, clock, keepDurable = 256, checkIntervalMs = 1_000, settingsIntervalMs = 5_000 } = options;
  const instance = options.instance ?? clock.token();
  const address = parseRedisAddress(options.url);
  if (!address) throw new Error('The address of the Redis log cannot be parsed.');
  const hosted = createTrackedCampaigns((id) => campaignKeys(namespace, id, address.database), clock);
  const permanentFailure = Promise.withResolvers<never>();
  permanentFailure.promise.catch(() => undefined);
  let identity: string | undefined;
  let clockOffset = 0;
  let stopped = false;

  const reportFailure = (cause: unknown): void => {
    if (!stopped) options.onError?.(asError(cause));
  };

  const connection = connectRedis({
    address,
    ...(options.commandTimeoutMs !== undefined && { commandTimeoutMs: options.commandTimeoutMs }),
    now: () => clock.now(),
    onClockOffset: (milliseconds) => (clockOffset = milliseconds),
    onError(error) {
      if (stopped) return;
      health.onConnectionFailure(error);
      const { cause, message } = describeRedisFailure(error);
      if (cause === 'forbidden' || cause === 'certificate')
        permanentFailure.reject(new Error(message, { cause: error }));
      reportFailure(error);
    },
    onMessage: (channel, message) => onPublication(channel, message),
    onSubscriberReady: () => void resubscribe(),
  });

  const { subscriber } = connection;
  const isCluster = (): boolean => connection.commands.isCluster;
  const health = createLogHealth(isCluster, options.onHealthChange);
  const run = createGuardedRun({ connection, health, isStopped: () => stopped });

  const keysOf = (campaignId: string): CampaignKeys =>
    hosted.get(campaignId)?.keys ?? campaignKeys(namespace, campaignId, address.database);

  const runForEach = createRunForEach(run, isCluster);
  const jobLocks = createJobLocks({ namespace, database: address.database, run, subscriber });
  const viewerCounts = createViewerCounts({
    namespace,
    instance,
    now: () => clock.now() - clockOffset,
    commands: () => connection.commands,
  });
  const archiving = createArchiving({
    namespace,
    instance,
    clock,
    keepDurable,
    hosted,
    run,
    runForEach,
    keysOf,
    publish: (channel, message) => connection.commands.spublish(channel, message),
  });

  const receiveEntry = (campaign: TrackedCampaign, sealed: SealedEntry): void => {
    hosted.receiveEntry(campaign, sealed);
    const { version } = sealed.record;
    if (version > campaign.durable) archiving.onEntry(campaign.campaignId, version);
  };

  /** Reads the lock table where a publication of it was missed. */
  const readLocks = async (campaign: TrackedCampaign): Promise<void> => {
    const reply = asList('READ_LOCKS', await run(READ_LOCKS, [campaign.keys.meta], [String(campaign.generation)]));
    // An empty reply: the log holds the campaign under another generation, which the head check tells.
    if (reply.length > 0) hosted.publishLocks(campaign, toLockReading('READ_LOCKS', reply).table);
  };

  let hearPresence: Parameters<PresenceExchange['onPublished']>[0] = () => undefined;
  const onPresence = (campaignId: string, from: string, text: string): void => {
    if (from !== instance) hearPresence(campaignId, from, text === '' ? undefined : text);
  };

  const lockTableOf = (campaign: TrackedCampaign): LockTableCopy => ({
    key: campaign.keys.meta,
    channel: campaign.keys.channel,
    generation: campaign.generation,
    table: () => campaign.locks,
    publish: (table) => hosted.publishLocks(campaign, table),
    read: () => readLocks(campaign),
  });

  const onJobPublication = (message: string): void => {
    const publication = toPublication(message);
    if (publication.kind === 'locks') jobLocks.receive(publication.publication).catch(reportFailure);
  };

  const onPublication = (channel: string, message: string): void => {
    const campaign = hosted.byChannel(channel);
    try {
      if (!campaign) {
        if (jobLocks.channels().includes(channel)) onJobPublication(message);
        return;
      }
      const publication = toPublication(message);
      if (publication.kind === 'durable') hosted.receiveDurable(campaign, publication.epoch, publication.version);
      else if (publication.kind === 'entry') receiveEntry(campaign, publication.sealed);
      else if (publication.kind === 'presence') onPresence(campaign.campaignId, publication.instance, publication.text);
      else if (publication.kind === 'locks')
        receiveLockTable(lockTableOf(campaign), publication.publication).catch(reportFailure);
      else if (publication.kind === 'released') archiving.onReleased(campaign.campaignId, campaign.version);
      else if (campaign.opened && (publication.kind === 'lost' || publication.generation > campaign.generation))
        campaign.listener({ kind: 'reset' });
    } catch (error) {
      reportFailure(error);
    }
  };

  /** Waits for all of them; a failure of one is reported, and keeps none from its work. */
  const settle = async (...works: Promise<void>[]): Promise<void> => {
    for (const outcome of await Promise.allSettled(works))
      if (outcome.status === 'rejected') reportFailure(outcome.reason);
  };

  const subscribeMissing = async (): Promise<void> => {
    await Promise.all(
      [...hosted.channels(), ...jobLocks.channels()]
        .filter((channel) => !subscriber.isSubscribed(channel))
        .map((channel) => subscriber.subscribe(channel)),
    );
  };

  /** After a reconnect: subscribes anew, then reads what was published in between. The next check would do the same. */
  const resubscribe = async (): Promise<void> => {
    await settle(subscribeMissing());
    await settle(checkHeads(), jobLocks.check());
  };

  const read = async (campaignId: string, afterVersion: number, limit: number): Promise<SealedEntry[]> => {
    if (stopped) throw new Error(STOPPED);
    const count = Math.min(limit, MAX_ENTRIES_PER_READ);
    return toEntries(
      'XRANGE',
      await connection.commands.xrange(keysOf(campaignId).log, `(${afterVersion}-0`, '+', 'COUNT', count),
    );
  };

  const checkHeads = createHeadCheck({
    hosted,
    subscriber,
    runForEach,
    read: (campaignId, afterVersion) => read(campaignId, afterVersion, MAX_ENTRIES_PER_READ),
    receiveEntry,
    readLocks,
  });

  /** Writes where writing has failed: otherwise it would count as failing until somebody changes a campaign. */
  const probeWrites = async (): Promise<void> => {
    for (const failing of health.failingWrites().slice(0, MAX_PROBES)) {
      const hashTag = failing === '' ? hashTagOf(identityKey(namespace)) : failing;
      try {
        await connection.commands.set(probeKey(hashTag), '1', 'PX', PROBE_TTL_MS);
        health.onSuccess('writing', hashTag);
      } catch (error) {
        health.onFailure('writing', failing, error);
      }
    }
  };

  /** Finds the identity of the log, or gives it one. */
  const findIdentity = async (): Promise<string> => {
    const key = identityKey(namespace);
    const present = await connection.commands.get(key);
    if (present !== null) return present;
    await connection.commands.set(key, identity ?? clock.token(), 'NX');
    return (await connection.commands.get(key)) ?? '';
  };

  const checkSettings = async (): Promise<void> => {
    health.onSettings(await checkRunningRedis(connection.commands));
    const found = await findIdentity();
    if (found !== '') identity = found;
  };

  let settingsCheckedAt = clock.now();
  let cancelCheck = clock.after(checkIntervalMs, () => void check());
  const check = async (): Promise<void> => {
    const now = clock.now();
    const settingsDue = identity !== undefined && now - settingsCheckedAt >= settingsIntervalMs;
    if (settingsDue) settingsCheckedAt = now;
    await settle(
      subscribeMissing(),
      checkHeads(),
      jobLocks.check(),
      archiving.findOrphans(),
      probeWrites(),
      viewerCounts.publish(),
    );
    // What a full or read-only Redis answers here is reported by the probe.
    if (settingsDue && !stopped) await checkSettings().catch(() => undefined);
    // Jitter, so that instances which started together do not check together for ever.
    if (!stopped) cancelCheck = clock.after(checkIntervalMs * (0.75 + clock.random() / 2), () => void check());
  };

  return {
    async open(campaignId, generation, archived, listener): Promise<OpenedLog> {
      // Subscribe first, read second: what comes in between is received twice, and nothing is missed.
      const campaign = hosted.add(campaignId, generation, archived.version, listener);
      const { meta, log, dirty, channel } = campaign.keys;
      await subscriber.subscribe(channel);
      const { epoch, version: archivedVersion, tail: archivedTail } = archived;
      const args = [String(generation), String(archivedVersion), archivedTail, epoch, campaignId, channel];
      const reply = asList('OPEN', await run(OPEN, [meta, log, dirty], args));
      switch (reply[0]) {
        case 'absent':
          return { kind: 'absent' };
        case 'trimmed':
          return { kind: 'stale-archive' };
        case 'opened': {
          const [, version, tail, durable, list, lockList] = reply;
          const entries = toEntries('OPEN', list);
          const head = { epoch: archived.epoch, version: asVersion('OPEN', version), tail: asText('OPEN', tail) };
          const durableVersion = Math.max(archived.version, asVersion('OPEN', durable));
          hosted.advance(campaign, head.version, durableVersion, entries[0]?.record.at);
          campaign.opened = true;
          const { table } = toLockReading('OPEN', lockList);
          if (table.revision > campaign.locks.revision) campaign.locks = table;
          return { kind: 'opened', head, durableVersion, entries, locks: campaign.locks };
        }
        default:
          throw new UnexpectedReplyError('OPEN', reply);
      }
    },

    async seed(campaignId, generation, { epoch, version, tail }) {
      const { meta, log, dirty, channel } = keysOf(campaignId);
      await run(SEED, [meta, log, dirty], [String(generation), epoch, String(version), tail, campaignId, channel]);
    },

    async remainder(campaignId, archived) {
      const entries: SealedEntry[] = [];
      let { tail } = archived;
      for (const sealed of await read(campaignId, archived.version, MAX_ENTRIES_PER_READ)) {
        tail = nextTail(tail, sealed.bytes);
        if (sealed.tail !== tail || sealed.record.version !== archived.version + entries.length + 1) break;
        entries.push(sealed);
      }
      return entries;
    },

    async close(campaignId, { leave }) {
      const campaign = hosted.get(campaignId);
      if (!campaign) return false;
      hosted.remove(campaign);
      archiving.onClosed(campaignId);
      const { meta, log, channel } = campaign.keys;
      await subscriber.unsubscribe(channel);
      return leave && (await run(LEAVE, [meta, log], [String(campaign.generation), channel])) === 1;
    },

    async remove(campaignId, generation, { epoch, version, tail }) {
      const { meta, log, dirty } = keysOf(campaignId);
      const args = [String(generation), epoch, String(version), tail, campaignId];
      return (await run(REMOVE, [meta, log, dirty], args)) === 1;
    },

    async clear(campaignId, generation) {
      const { meta, log, dirty, presence, channel } = keysOf(campaignId);
      const args = [String(generation), String(generation + 1), campaignId, channel];
      await run(CLEAR, [meta, log, dirty, presence], args);
      await viewerCounts.forget(campaignId);
    },

    async forget(campaignId, version) {
      const { meta, log } = keysOf(campaignId);
      return (await run(FORGET, [meta, log], [String(version), `${version + 1}-0`])) === 1;
    },

    async append(campaignId, expected, entries, locks): Promise<AppendResult> {
      const campaign = hosted.get(campaignId);
      if (!campaign) {
        if (stopped) throw new Error(STOPPED);
        return { kind: 'lost' };
      }
      const { meta, log, dirty, channel } = campaign.keys;
      const { epoch, version, tail: expectedTail } = expected;
      const args = [
        String(campaign.generation),
        String(version),
        expectedTail,
        campaignId,
        channel,
        instance,
        String(LEASE_MS),
        epoch,
        locks === undefined ? '' : String(locks.revision),
        timeArgument(locks?.notBefore),
        timeArgument(locks?.notAfter),
      ];
      for (const { record, bytes, tail } of entries) args.push(String(record.version), bytes, tail);
      const [kind, detail] = asList('APPEND', await run(APPEND, [meta, log, dirty], args));
      switch (kind) {
        case 'lost':
          return { kind: 'lost' };
        case 'conflict':
          return { kind: 'conflict', entries: toEntries('APPEND', detail) };
        case 'locks': {
          const reading = toLockReading('APPEND', detail);
          hosted.publishLocks(campaign, reading.table);
          return { kind: 'locks', reading };
        }
        case 'appended':
          archiving.onAppended(campaignId, entries.at(-1)?.record.version ?? version, detail);
          return { kind: 'appended' };
        default:
          throw new UnexpectedReplyError('APPEND', kind);
      }
    },

    async changeLocks(campaignId, change): Promise<LockOutcome> {
      const campaign = hosted.get(campaignId);
      if (!campaign) {
        if (stopped) throw new Error(STOPPED);
        return { kind: 'lost' };
      }
      return changeLockTable(run, LOCKS, lockTableOf(campaign), change);
    },

    jobLocks: jobLocks.locks,

    read,

    pending: archiving.pending,
    markDurable: archiving.markDurable,
    onPending: archiving.onPending,
    handOver: archiving.handOver,
    backlog() {
      const { entries, oldestAt } = hosted.backlog();
      const { oldestOrphanAt } = archiving;
      if (oldestOrphanAt === undefined) return { entries, oldestAt };
      // Redis' clock: on this instance's own, the orphan came later by the offset.
      return { entries, oldestAt: Math.min(oldestAt ?? Number.POSITIVE_INFINITY, oldestOrphanAt + clockOffset) };
    },

    health: health.health,
    get identity() {
      return identity;
    },
    get clockOffset() {
      return clockOffset;
    },

    shared: true,
    viewers: viewerCounts.viewers,
    presence: {
      async publish(campaignId, text) {
        const { presence, channel } = keysOf(campaignId);
        await run(PRESENCE, [presence], [instance, text ?? '', String(PRESENCE_LIFETIME_MS), channel]);
      },
      async read(campaignId) {
        const said = asList('READ_PRESENCE', await run(READ_PRESENCE, [keysOf(campaignId).presence], []));
        const texts = said.map((text) => asText('READ_PRESENCE', text));
        const pairs = texts.flatMap((from, index): [string, string][] =>
          index % 2 === 0 ? [[from, texts[index + 1] ?? '']] : [],
        );
        return new Map(pairs.filter(([from]) => from !== instance));
      },
      onPublished(listener) {
        hearPresence = listener;
      },
    },

    stop() {
      stopped = true;
      cancelCheck();
      hosted.clear();
      archiving.stop();
      connection.close();
      return Promise.resolve();
    },

    async ready() {
      await Promise.race([connection.ready(), permanentFailure.promise]);
      if (await isNodeOfCluster(connection.commands)) {
        connection.followCluster();
        await connection.ready();
      }
      const findings = await checkRedis(connection.commands);
      if (findings.refusals.length > 0) return findings;
      await Promise.race([subscriber.ready(), permanentFailure.promise]);
      identity = await findIdentity();
      return findings;
    },

    async ping() {
      const { meta, log } = campaignKeys(namespace, 'ping');
      await Promise.all([run(HEADS, [meta, log], []), subscriber.ping()]);
    },
  };
}
