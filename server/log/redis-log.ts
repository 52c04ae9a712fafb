import type { SealedEntry } from '../core/stream/log-record.ts';
import { asError } from '../core/errors.ts';
import type { AppendResult, Clock, OpenedLog, OrderedLog } from '../engine/ports.ts';
import { nextTail } from '../core/stream/hash-chain.ts';
import { createArchiving, LEASE_MS } from './redis/archiving.ts';
import { connectRedis } from './redis/connection.ts';
import { createHeadCheck } from './redis/head-check.ts';
import { createTrackedCampaigns, type TrackedCampaign } from './redis/tracked-campaigns.ts';
import { campaignKeys, type CampaignKeys } from './redis/keys.ts';
import { asList, asText, asVersion, toEntries, toPublication, UnexpectedReplyError } from './redis/replies.ts';
import { checkRedis, type RedisFindings } from './redis/requirements.ts';
import { createRunForEach } from './redis/run-for-each.ts';
import { runScript, type RunScript } from './redis/run-script.ts';
import { APPEND, HEADS, LEAVE, OPEN, SEED } from './redis/scripts.ts';

export interface RedisLogOptions {
  /** `redis://…`; several, separated by commas, are nodes of one cluster. */
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
  /** A connection failed, or something unexpected came over it. */
  onError?(error: Error): void;
}

export interface RedisLog extends OrderedLog {
  /**
   * Resolves once both connections are ready, with what this Redis lacks to be a log; never where there is no Redis.
   */
  ready(): Promise<RedisFindings>;
  /** Resolves once both connections have answered; what was published before has been received by then. */
  ping(): Promise<void>;
}

const STOPPED = 'The log has been stopped.';
/** Entries in one read of a gap. */
const MAX_ENTRIES_PER_READ = 10_000;

/**
 * The log of many instances, in Redis. One script appends to a campaign (compare-and-append: see `APPEND`) and publishes
 * to every instance that hosts it. Publications can be lost, the last one before a silence too: the heads of all hosted
 * campaigns are compared once a second and after every reconnect, and what is missing is read from the stream. The
 * protocol and its invariants are in this folder's README.
 *
 * @example
 *   const log = createRedisLog({ url: 'redis://127.0.0.1:6379', namespace: 'campaign_state', clock: systemClock });
 *   const { refusals, warnings } = await log.ready();
 */
export function createRedisLog(options: RedisLogOptions): RedisLog {
  const { namespace, clock, keepDurable = 256, checkIntervalMs = 1_000 } = options;
  const instance = options.instance ?? clock.token();
  const hosted = createTrackedCampaigns(namespace, clock);
  let failing = false;
  let clockOffset = 0;
  let stopped = false;

  const reportFailure = (cause: unknown): void => {
    if (stopped) return;
    failing = true;
    options.onError?.(asError(cause));
  };

  const { commands, subscriber, close } = connectRedis({
    url: options.url,
    ...(options.commandTimeoutMs !== undefined && { commandTimeoutMs: options.commandTimeoutMs }),
    now: () => clock.now(),
    onClockOffset: (milliseconds) => (clockOffset = milliseconds),
    onError: reportFailure,
    onMessage: (channel, message) => onPublication(channel, message),
    onSubscriberReady: () => void resubscribe(),
  });

  const run: RunScript = async (script, keys, args) => {
    if (stopped) throw new Error(STOPPED);
    try {
      const reply = await runScript(commands, script, keys, args);
      failing = false;
      return reply;
    } catch (error) {
      failing = true;
      throw error;
    }
  };

  const keysOf = (campaignId: string): CampaignKeys =>
    hosted.get(campaignId)?.keys ?? campaignKeys(namespace, campaignId);

  const runForEach = createRunForEach(run, commands.isCluster);
  const archiving = createArchiving({
    namespace,
    instance,
    clock,
    keepDurable,
    hosted,
    run,
    runForEach,
    keysOf,
    publish: (channel, message) => commands.spublish(channel, message),
  });

  const publishEntry = (campaign: TrackedCampaign, sealed: SealedEntry): void => {
    hosted.publishEntry(campaign, sealed);
    const { version } = sealed.record;
    if (version > campaign.durable) archiving.onEntry(campaign.campaignId, version);
  };

  const onPublication = (channel: string, message: string): void => {
    const campaign = hosted.onChannel(channel);
    if (!campaign) return;
    try {
      const publication = toPublication(message);
      if (publication.kind === 'durable') hosted.publishDurable(campaign, publication.epoch, publication.version);
      else if (publication.kind === 'entry') publishEntry(campaign, publication.sealed);
      else if (publication.kind === 'released') archiving.onReleased(campaign.campaignId, campaign.version);
      else if (campaign.opened && publication.generation > campaign.generation) campaign.listener({ kind: 'reset' });
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
      hosted
        .channels()
        .filter((channel) => !subscriber.isSubscribed(channel))
        .map((channel) => subscriber.subscribe(channel)),
    );
  };

  /** After a reconnect: subscribes anew, then reads what was published in between. The next check would do the same. */
  const resubscribe = async (): Promise<void> => {
    await settle(subscribeMissing());
    await settle(checkHeads());
  };

  const read = async (campaignId: string, afterVersion: number, limit: number): Promise<SealedEntry[]> => {
    if (stopped) throw new Error(STOPPED);
    const count = Math.min(limit, MAX_ENTRIES_PER_READ);
    return toEntries(
      'XRANGE',
      await commands.xrange(keysOf(campaignId).log, `(${afterVersion}-0`, '+', 'COUNT', count),
    );
  };

  const checkHeads = createHeadCheck({
    hosted,
    subscriber,
    runForEach,
    read: (campaignId, afterVersion) => read(campaignId, afterVersion, MAX_ENTRIES_PER_READ),
    publishEntry,
  });

  let cancelCheck = clock.after(checkIntervalMs, () => void check());
  const check = async (): Promise<void> => {
    await settle(subscribeMissing(), checkHeads(), archiving.findOrphans());
    // Jitter, so that instances which started together do not check together for ever.
    if (!stopped) cancelCheck = clock.after(checkIntervalMs * (0.75 + clock.random() / 2), () => void check());
  };

  return {
    async open(campaignId, generation, archived, listener): Promise<OpenedLog> {
      // Subscribe first, read second: what comes in between is received twice, and nothing is missed.
      const campaign = hosted.add(campaignId, generation, archived.version, listener);
      const { meta, log, channel } = campaign.keys;
      await subscriber.subscribe(channel);
      const reply = asList(
        'OPEN',
        await run(OPEN, [meta, log], [String(generation), String(archived.version), archived.tail, archived.epoch]),
      );
      switch (reply[0]) {
        case 'absent':
          return { kind: 'absent' };
        case 'trimmed':
          return { kind: 'stale-archive' };
        case 'opened': {
          const [, version, tail, durable, list] = reply;
          const entries = toEntries('OPEN', list);
          const head = { epoch: archived.epoch, version: asVersion('OPEN', version), tail: asText('OPEN', tail) };
          const durableVersion = Math.max(archived.version, asVersion('OPEN', durable));
          hosted.advance(campaign, head.version, durableVersion, entries[0]?.record.at);
          campaign.opened = true;
          return { kind: 'opened', head, durableVersion, entries };
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

    async append(campaignId, expected, entries): Promise<AppendResult> {
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
      ];
      for (const { record, bytes, tail } of entries) args.push(String(record.version), bytes, tail);
      const [kind, detail] = asList('APPEND', await run(APPEND, [meta, log, dirty], args));
      switch (kind) {
        case 'lost':
          return { kind: 'lost' };
        case 'conflict':
          return { kind: 'conflict', entries: toEntries('APPEND', detail) };
        case 'appended':
          archiving.onAppended(campaignId, entries.at(-1)?.record.version ?? version, detail);
          return { kind: 'appended' };
        default:
          throw new UnexpectedReplyError('APPEND', kind);
      }
    },

    read,

    pending: archiving.pending,
    markDurable: archiving.markDurable,
    onPending: archiving.onPending,
    handOver: archiving.handOver,
    backlog: () => hosted.backlog(),

    get failing() {
      return failing;
    },
    get clockOffset() {
      return clockOffset;
    },

    shared: true,

    stop() {
      stopped = true;
      cancelCheck();
      hosted.clear();
      archiving.stop();
      close();
      return Promise.resolve();
    },

    async ready() {
      if (commands.status !== 'ready') await new Promise<void>((resolve) => commands.once('ready', () => resolve()));
      await subscriber.ready();
      return checkRedis(commands);
    },

    async ping() {
      await Promise.all([run(HEADS, [campaignKeys(namespace, 'ping').meta], []), subscriber.ping()]);
    },
  };
}
