import { asError } from '../core/errors.ts';
import type { AppendResult, Clock, OpenedLog, OrderedLog, PendingEntries, SealedEntry } from '../engine/ports.ts';
import { nextTail } from '../engine/seal.ts';
import { connectRedis } from './redis/connection.ts';
import { createHostedCampaigns, type HostedCampaign } from './redis/hosted-campaigns.ts';
import { campaignKeys, dirtyKey, PARTITIONS, partitionOf, type CampaignKeys } from './redis/keys.ts';
import { asList, asText, asVersion, toEntries, toPublication, UnexpectedReply } from './redis/replies.ts';
import { checkRedis } from './redis/requirements.ts';
import { runScript } from './redis/run-script.ts';
import { APPEND, DURABLE, HEADS, LEAVE, OPEN, ORPHANS, SEED, TAKE } from './redis/scripts.ts';

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
  /** Resolves once both connections are there, with what this Redis lacks to be a log; waits for ever where there is none. */
  ready(): Promise<{ refusals: string[]; warnings: string[] }>;
  /** Whether both connections answer; what was published before has then been heard. */
  ping(): Promise<void>;
}

/** How long an instance archives a campaign alone, once it has appended to it, in milliseconds: longer than a commit takes. */
const LEASE_MS = 5_000;
/** Campaigns that wait for so long are archived by whoever sees them, in milliseconds. */
const ORPHANED_MS = 3_000;
/** Campaigns read at once for the archiver: enough for a full batch of small changes. */
const TAKE_AT_ONCE = 200;
/** Entries in one reading of a gap. */
const READ_AT_ONCE = 10_000;

/**
 * The log of many instances. Redis orders each campaign's entries by one script, which compares generation, run, epoch, version and
 * tail, appends all or nothing, and publishes to everyone who hosts the campaign. Publications can be lost, the last one before a
 * silence too: all hosted heads are compared once a second and after every reconnect, and what is missing is read from the stream.
 * The protocol and its invariants are in this folder's README.
 */
export function createRedisLog(options: RedisLogOptions): RedisLog {
  const { namespace, clock, keepDurable = 256, checkEvery = 1_000 } = options;
  const instance = options.instance ?? clock.token();
  const hosted = createHostedCampaigns(namespace, clock);
  /** Campaigns that this instance archives, because it appended to them or found them waiting. */
  const toArchive = new Set<string>();
  /** Until when this instance archives a campaign alone, by its own clock: a hint, the lease itself is in Redis. */
  const leases = new Map<string, number>();
  const wakers = new Set<() => void>();
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

  const run = async (script: string, keys: readonly string[], args: readonly string[]): Promise<unknown> => {
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

  const keysOf = (campaignId: string): CampaignKeys => hosted.get(campaignId)?.keys ?? campaignKeys(namespace, campaignId);

  const archiveSoon = (campaignId: string): void => {
    toArchive.add(campaignId);
    for (const wake of wakers) wake();
  };

  const tellEntry = (campaign: HostedCampaign, sealed: SealedEntry): void => {
    hosted.tellEntry(campaign, sealed);
    // Written by another instance, which leaves the archiving to us for as long as we hold the lease.
    if ((leases.get(campaign.campaignId) ?? 0) > clock.now()) archiveSoon(campaign.campaignId);
  };

  const hear = (channel: string, message: string): void => {
    const campaign = hosted.onChannel(channel);
    if (!campaign) return;
    try {
      const publication = toPublication(message);
      if (publication.kind === 'durable') hosted.tellDurable(campaign, publication.epoch, publication.version);
      else if (publication.kind === 'entry') tellEntry(campaign, publication.sealed);
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
    await Promise.all(hosted.channels().filter((channel) => !subscriber.hears(channel)).map((channel) => subscriber.subscribe(channel)));
  };

  /** After a reconnect: subscribes anew, then reads what was published in between. The check does the same, a little later. */
  const resubscribe = async (): Promise<void> => {
    await settle(listen());
    await settle(checkHeads());
  };

  const read = async (campaignId: string, afterVersion: number, limit: number): Promise<SealedEntry[]> => {
    if (stopped) throw new Error('the log has been stopped');
    const count = Math.min(limit, READ_AT_ONCE);
    return toEntries('XRANGE', await commands.xrange(keysOf(campaignId).log, `(${afterVersion}-0`, '+', 'COUNT', count));
  };

  const checkHead = async (campaign: HostedCampaign, heard: number, head: readonly unknown[]): Promise<void> => {
    if (hosted.get(campaign.campaignId) !== campaign || !campaign.opened) return;
    const [generation, version, epoch, durable] = head;
    if (generation === undefined || asVersion('HEADS', generation) !== campaign.generation || asVersion('HEADS', version) < heard) {
      campaign.listener({ kind: 'reset' });
      return;
    }
    if (asVersion('HEADS', version) > campaign.version) {
      for (const sealed of await read(campaign.campaignId, campaign.version, READ_AT_ONCE)) tellEntry(campaign, sealed);
      // A publication was lost, or the channel has moved to another node of the cluster.
      await subscriber.subscribe(campaign.keys.channel);
    }
    hosted.tellDurable(campaign, asText('HEADS', epoch), asVersion('HEADS', durable));
  };

  /** Compares what was heard with what is there, a partition at a time. */
  const checkHeads = async (): Promise<void> => {
    const checked = hosted.all().map((campaign) => ({ campaign, heard: campaign.version }));
    const partitions = Map.groupBy(checked, ({ campaign }) => partitionOf(campaign.campaignId));
    await Promise.all(
      [...partitions.values()].map(async (members) => {
        const keys = members.map(({ campaign }) => campaign.keys.meta);
        const heads = asList('HEADS', await run(HEADS, keys, []));
        await Promise.all(members.map(({ campaign, heard }, index) => checkHead(campaign, heard, asList('HEADS', heads[index]))));
      }),
    );
  };

  /** Campaigns whose archiver has gone wait in their partition; whoever looks first takes them over. */
  const findOrphans = async (): Promise<void> => {
    const age = String(ORPHANED_MS);
    const partitions = Array.from({ length: PARTITIONS }, (_, partition) => dirtyKey(namespace, partition));
    const found = await Promise.all(partitions.map((dirty) => run(ORPHANS, [dirty], [age, String(TAKE_AT_ONCE)])));
    for (const id of found.flatMap((reply) => asList('ORPHANS', reply))) archiveSoon(asText('ORPHANS', id));
  };

  let cancelCheck = clock.after(checkEvery, () => void check());
  const check = async (): Promise<void> => {
    await settle(listen(), checkHeads(), findOrphans());
    // Spread, so that instances which started together do not ask together for ever.
    if (!stopped) cancelCheck = clock.after(checkEvery * (0.75 + clock.random() / 2), () => void check());
  };

  const take = async (campaignId: string, limit: number): Promise<PendingEntries> => {
    const { meta, log } = keysOf(campaignId);
    const [mine, entries] = asList('TAKE', await run(TAKE, [meta, log], [instance, String(LEASE_MS), String(limit)]));
    const pending = mine === 1 ? toEntries('TAKE', entries) : [];
    if (mine === 1 && (pending.length > 0 || hosted.get(campaignId))) leases.set(campaignId, clock.now() + LEASE_MS);
    else leases.delete(campaignId);
    return { campaignId, entries: pending };
  };

  return {
    async open(campaignId, generation, archived, listener): Promise<OpenedLog> {
      // Subscribe first, read second: what comes in between is heard twice, and nothing is missed.
      const campaign = hosted.add(campaignId, generation, archived.version, listener);
      const { meta, log, channel } = campaign.keys;
      await subscriber.subscribe(channel);
      const reply = asList('OPEN', await run(OPEN, [meta, log], [String(generation), String(archived.version), archived.tail, archived.epoch]));
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
      leases.delete(campaignId);
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
      const args = [String(campaign.generation), String(version), expectedTail, campaignId, channel, instance, String(LEASE_MS), epoch];
      for (const { record, bytes, tail } of entries) args.push(String(record.version), bytes, tail);
      const [kind, detail] = asList('APPEND', await run(APPEND, [meta, log, dirty], args));
      switch (kind) {
        case 'lost':
          return { kind: 'lost' };
        case 'conflict':
          return { kind: 'conflict', entries: toEntries('APPEND', detail) };
        case 'appended':
          if (detail === instance) {
            leases.set(campaignId, clock.now() + LEASE_MS);
            archiveSoon(campaignId);
          }
          return { kind: 'appended' };
        default:
          throw new UnexpectedReply('APPEND', kind);
      }
    },

    read,

    async pending(limit, except) {
      const ids = [...toArchive].filter((campaignId) => !except?.has(campaignId)).slice(0, TAKE_AT_ONCE);
      // Taken off first: what is appended from here on puts them back.
      for (const campaignId of ids) toArchive.delete(campaignId);
      const found: PendingEntries[] = [];
      let room = limit;
      try {
        const taken = (await Promise.all(ids.map((campaignId) => take(campaignId, limit)))).filter(({ entries }) => entries.length > 0);
        // By age: who has waited longest goes first, whatever has woken whom meanwhile.
        for (const { campaignId, entries } of taken.toSorted(byAge)) {
          toArchive.add(campaignId);
          const part = entries.slice(0, room);
          room -= part.length;
          if (part.length > 0) found.push({ campaignId, entries: part });
        }
        return found;
      } catch (error) {
        for (const campaignId of ids) toArchive.add(campaignId);
        throw error;
      }
    },

    async markDurable(campaignId, epoch, version) {
      const { meta, log, dirty, channel } = keysOf(campaignId);
      const keepFrom = `${Math.max(1, version - keepDurable + 1)}-0`;
      const moved = await run(DURABLE, [meta, log, dirty], [epoch, String(version), campaignId, channel, keepFrom]);
      // Whoever still waits goes to the end, so that one busy campaign cannot keep the archiver from the others.
      if (toArchive.delete(campaignId)) toArchive.add(campaignId);
      const campaign = hosted.get(campaignId);
      if (campaign && moved !== '') hosted.tellDurable(campaign, epoch, asVersion('DURABLE', moved));
    },

    onPending(wake) {
      wakers.add(wake);
    },

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
      wakers.clear();
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

function byAge(a: PendingEntries, b: PendingEntries): number {
  return (a.entries[0]?.record.at ?? 0) - (b.entries[0]?.record.at ?? 0);
}
