import { asError } from '../core/errors.ts';
import type { AppendResult, Clock, OpenedLog, OrderedLog, SealedEntry } from '../engine/ports.ts';
import { nextTail } from '../engine/campaign/hash-chain.ts';
import { createArchiving, LEASE_MS } from './redis/archiving.ts';
import { connectRedis } from './redis/connection.ts';
import { createHeadCheck } from './redis/head-check.ts';
import { createTrackedCampaigns, type TrackedCampaign } from './redis/tracked-campaigns.ts';
import { campaignKeys, type CampaignKeys } from './redis/keys.ts';
import { asList, asText, asVersion, toEntries, toPublication, UnexpectedReply } from './redis/replies.ts';
import { checkRedis } from './redis/requirements.ts';
import { createRunForEach } from './redis/run-for-each.ts';
import { runScript, type RunScript } from './redis/run-script.ts';
import { APPEND, HEADS, LEAVE, OPEN, SEED } from './redis/scripts.ts';

export interface RedisLogOptions {
  /** `redis://…`; several, separated by commas, are nodes of one cluster. */
  url: string;
  /** `CAMPAIGN_NAMESPACE`: prefixes every key. */
  namespace: string;
  clock: Clock;
  /** Names this instance in leases. Default: a random token. */
  instance?: string;
  /** How long a command may go unanswered, in milliseconds. Default 2,000. */
  commandTimeout?: number;
  /** Durable entries that stay in the log, to repair gaps. Default 256. */
  keepDurable?: number;
  /** How often heads are compared with what was heard, in milliseconds. Default 1,000. */
  checkEvery?: number;
  /** A connection failed, or something unexpected came over it. */
  onError?(error: Error): void;
}

export interface RedisLog extends OrderedLog {
  /**
   * Resolves once both connections are there, with what this Redis lacks to be a log; waits for ever where there is
   * none.
   */
  ready(): Promise<{ refusals: string[]; warnings: string[] }>;
  /** Whether both connections answer; what was published before has then been heard. */
  ping(): Promise<void>;
}

/** Entries in one reading of a gap. */
const READ_AT_ONCE = 10_000;

/**
 * The log of many instances. Redis orders each campaign's entries by one script, which compares generation, run, epoch,
 * version and tail, appends all or nothing, and publishes to everyone who hosts the campaign. Publications can be lost,
 * the last one before a silence too: all hosted heads are compared once a second and after every reconnect, and what is
 * missing is read from the stream. The protocol and its invariants are in this folder's README.
 */
export function createRedisLog(options: RedisLogOptions): RedisLog {
  const { namespace, clock, keepDurable = 256, checkEvery = 1_000 } = options;
  const instance = options.instance ?? clock.token();
  const hosted = createTrackedCampaigns(namespace, clock);
  let failing = false;
  let clockOffset = 0;
  let stopped = false;

  const fail = (cause: unknown): void => {
    if (stopped) return;
    failing = true;
    options.onError?.(asError(cause));
  };

  const { commands, subscriber, close } = connectRedis({
    url: options.url,
    ...(options.commandTimeout !== undefined && { commandTimeout: options.commandTimeout }),
    now: () => clock.now(),
    onClockOffset: (milliseconds) => (clockOffset = milliseconds),
    onError: fail,
    onMessage: (channel, message) => hear(channel, message),
    onSubscriberReady: () => void resubscribe(),
  });

  const run: RunScript = async (script, keys, args) => {
    if (stopped) throw new Error('the log has been stopped');
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

  const tellEntry = (campaign: TrackedCampaign, sealed: SealedEntry): void => {
    hosted.tellEntry(campaign, sealed);
    const { version } = sealed.record;
    if (version > campaign.durable) archiving.heard(campaign.campaignId, version);
  };

  const hear = (channel: string, message: string): void => {
    const campaign = hosted.onChannel(channel);
    if (!campaign) return;
    try {
      const publication = toPublication(message);
      if (publication.kind === 'durable') hosted.tellDurable(campaign, publication.epoch, publication.version);
      else if (publication.kind === 'entry') tellEntry(campaign, publication.sealed);
      else if (publication.kind === 'released') archiving.released(campaign.campaignId, campaign.version);
      else if (campaign.opened && publication.generation > campaign.generation) campaign.listener({ kind: 'reset' });
    } catch (error) {
      fail(error);
    }
  };

  /** Each does what it can; where one fails, the others are not kept from it. */
  const settle = async (...works: Promise<void>[]): Promise<void> => {
    for (const outcome of await Promise.allSettled(works)) if (outcome.status === 'rejected') fail(outcome.reason);
  };

  const listen = async (): Promise<void> => {
    await Promise.all(
      hosted
        .channels()
        .filter((channel) => !subscriber.hears(channel))
        .map((channel) => subscriber.subscribe(channel)),
    );
  };

  /**
   * After a reconnect: subscribes anew, then reads what was published in between. The check does the same, a little
   * later.
   */
  const resubscribe = async (): Promise<void> => {
    await settle(listen());
    await settle(checkHeads());
  };

  const read = async (campaignId: string, afterVersion: number, limit: number): Promise<SealedEntry[]> => {
    if (stopped) throw new Error('the log has been stopped');
    const count = Math.min(limit, READ_AT_ONCE);
    return toEntries(
      'XRANGE',
      await commands.xrange(keysOf(campaignId).log, `(${afterVersion}-0`, '+', 'COUNT', count),
    );
  };

  const checkHeads = createHeadCheck({
    hosted,
    subscriber,
    runForEach,
    read: (campaignId, afterVersion) => read(campaignId, afterVersion, READ_AT_ONCE),
    tellEntry,
  });

  let cancelCheck = clock.after(checkEvery, () => void check());
  const check = async (): Promise<void> => {
    await settle(listen(), checkHeads(), archiving.findOrphans());
    // Spread, so that instances which started together do not ask together for ever.
    if (!stopped) cancelCheck = clock.after(checkEvery * (0.75 + clock.random() / 2), () => void check());
  };

  return {
    async open(campaignId, generation, archived, listener): Promise<OpenedLog> {
      // Subscribe first, read second: what comes in between is heard twice, and nothing is missed.
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
          hosted.move(campaign, head.version, durableVersion, entries[0]?.record.at);
          campaign.opened = true;
          return { kind: 'opened', head, durableVersion, entries };
        }
        default:
          throw new UnexpectedReply('OPEN', reply);
      }
    },

    async seed(campaignId, generation, { epoch, version, tail }) {
      const { meta, log, dirty, channel } = keysOf(campaignId);
      await run(SEED, [meta, log, dirty], [String(generation), epoch, String(version), tail, campaignId, channel]);
    },

    async remainder(campaignId, archived) {
      const entries: SealedEntry[] = [];
      let { tail } = archived;
      for (const sealed of await read(campaignId, archived.version, READ_AT_ONCE)) {
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
      archiving.release(campaignId);
      const { meta, log, channel } = campaign.keys;
      await subscriber.unsubscribe(channel);
      return leave && (await run(LEAVE, [meta, log], [String(campaign.generation), channel])) === 1;
    },

    async append(campaignId, expected, entries): Promise<AppendResult> {
      const campaign = hosted.get(campaignId);
      if (!campaign) {
        if (stopped) throw new Error('the log has been stopped');
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
          archiving.appended(campaignId, entries.at(-1)?.record.version ?? version, detail);
          return { kind: 'appended' };
        default:
          throw new UnexpectedReply('APPEND', kind);
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
