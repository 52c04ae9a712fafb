import type { AppendResult, Clock, LogEvent, OpenedLog, OrderedLog, PendingEntries, SealedEntry } from '../engine/ports.ts';
import { nextTail } from '../engine/seal.ts';
import { connectRedis } from './redis/connection.ts';
import { campaignKeys, dirtyKey, PARTITIONS, partitionOf, type CampaignKeys } from './redis/keys.ts';
import { asList, asText, asVersion, toEntries, toPublication, UnexpectedReply } from './redis/replies.ts';
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
  /** How often heads are compared with what was published, in milliseconds. Default 1,000. */
  checkEvery?: number;
  /** A connection failed, or something unexpected came over it. */
  onError?(error: Error): void;
}

export interface RedisLog extends OrderedLog {
  /** Resolves once both connections are there. */
  ready(): Promise<void>;
  /** Whether both connections answer; what was published before has then been heard. */
  ping(): Promise<void>;
}

/** What this instance knows of a campaign that it hosts. */
interface Hosted {
  keys: CampaignKeys;
  generation: number;
  /** The newest version that the listener has heard of, in whichever way. */
  version: number;
  durable: number;
  listener: (event: LogEvent) => void;
  /** Whether the log holds it as it was asked for; until then there is nothing to tell. */
  opened: boolean;
}

/** How long an instance archives a campaign alone, once it has appended to it, in milliseconds: longer than a commit takes. */
const LEASE_MS = 5_000;
/** Campaigns that wait for so long are archived by whoever sees them, in milliseconds. */
const ORPHANED_MS = 3_000;
/** Campaigns read at once for the archiver: enough for a full batch of small changes. */
const TAKE_AT_ONCE = 200;

/**
 * The log of many instances: Redis orders each campaign's entries by a script that compares `(generation, run, version, tail)` and
 * appends, all or nothing, and publishes them to everyone who hosts the campaign. Publications may be lost; a check of all hosted
 * heads, once a second and after every reconnect, finds what is missing and reads it from the stream.
 */
export function createRedisLog(options: RedisLogOptions): RedisLog {
  const { namespace, clock, keepDurable = 256, checkEvery = 1_000 } = options;
  const instance = options.instance ?? clock.token();
  const hosted = new Map<string, Hosted>();
  const byChannel = new Map<string, string>();
  /** Campaigns that this instance archives, because it appended to them or found them waiting. */
  const toArchive = new Set<string>();
  /** Until when this instance archives a campaign alone, by its own clock: a hint, the lease itself is in Redis. */
  const leases = new Map<string, number>();
  /** Hosted campaigns that are not durable, and since when, in that order. */
  const waitingSince = new Map<string, number>();
  const wakers = new Set<() => void>();
  let backlogEntries = 0;
  let failing = false;
  let stopped = false;

  const fail = (error: Error): void => {
    failing = true;
    options.onError?.(error);
  };

  const connection = connectRedis({
    url: options.url,
    ...(options.commandTimeout !== undefined && { commandTimeout: options.commandTimeout }),
    onError: fail,
    onSubscriberReady: () => void resubscribe(),
  });
  const { commands, subscriber } = connection;

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

  const wake = (): void => {
    for (const waker of wakers) waker();
  };

  /** Keeps count of what is not durable, as far as this instance hosts it. */
  const move = (campaignId: string, campaign: Hosted, version: number, durable: number, at = clock.now()): void => {
    const before = Math.max(0, campaign.version - campaign.durable);
    campaign.version = Math.max(campaign.version, version);
    campaign.durable = Math.max(campaign.durable, durable);
    const after = Math.max(0, campaign.version - campaign.durable);
    backlogEntries += after - before;
    if (after === 0) waitingSince.delete(campaignId);
    else if (!waitingSince.has(campaignId)) waitingSince.set(campaignId, at);
  };

  /** Every entry and watermark goes to the listener through these, so that the check knows what has been heard. */
  const tellEntry = (campaignId: string, campaign: Hosted, sealed: SealedEntry): void => {
    move(campaignId, campaign, sealed.record.version, campaign.durable, sealed.record.at);
    campaign.listener({ kind: 'entry', sealed });
    if ((leases.get(campaignId) ?? 0) > clock.now()) archiveSoon(campaignId);
  };

  const tellDurable = (campaignId: string, campaign: Hosted, epoch: string, version: number): void => {
    if (version <= campaign.durable) return;
    move(campaignId, campaign, campaign.version, version);
    campaign.listener({ kind: 'durable', epoch, version });
  };

  const unhost = (campaignId: string, campaign: Hosted): void => {
    backlogEntries -= Math.max(0, campaign.version - campaign.durable);
    waitingSince.delete(campaignId);
    hosted.delete(campaignId);
  };

  const archiveSoon = (campaignId: string): void => {
    toArchive.add(campaignId);
    wake();
  };

  subscriber.on('smessage', (channel: string, message: string) => {
    const campaignId = byChannel.get(channel);
    const campaign = campaignId === undefined ? undefined : hosted.get(campaignId);
    if (campaignId === undefined || !campaign) return;
    try {
      const publication = toPublication(message);
      if (publication.kind === 'durable') tellDurable(campaignId, campaign, publication.epoch, publication.version);
      else if (publication.kind === 'entry') tellEntry(campaignId, campaign, publication.sealed);
      else if (campaign.opened && publication.generation > campaign.generation) campaign.listener({ kind: 'reset' });
    } catch (error) {
      fail(asError(error));
    }
  });

  /** After a reconnect: subscribes anew, then reads what was published in between. */
  const resubscribe = async (): Promise<void> => {
    try {
      await Promise.all([...byChannel.keys()].map((channel) => subscriber.ssubscribe(channel)));
      await checkHeads();
    } catch (error) {
      // The check that runs every second does the same.
      fail(asError(error));
    }
  };

  const checkHead = async (campaignId: string, campaign: Hosted, heard: number, head: readonly unknown[]): Promise<void> => {
    if (hosted.get(campaignId) !== campaign || !campaign.opened) return;
    const [generation, version, epoch, durable] = head;
    if (generation === undefined || asVersion('HEADS', generation) !== campaign.generation || asVersion('HEADS', version) < heard) {
      campaign.listener({ kind: 'reset' });
      return;
    }
    if (asVersion('HEADS', version) > campaign.version) {
      for (const sealed of await read(campaignId, campaign.version, Number.MAX_SAFE_INTEGER)) tellEntry(campaignId, campaign, sealed);
    }
    tellDurable(campaignId, campaign, asText('HEADS', epoch), asVersion('HEADS', durable));
  };

  /** Compares what was heard with what is there, a partition at a time: publications get lost, the last one before a silence too. */
  const checkHeads = async (): Promise<void> => {
    const checked = [...hosted].map(([campaignId, campaign]) => ({ campaignId, campaign, heard: campaign.version }));
    const partitions = Map.groupBy(checked, ({ campaignId }) => partitionOf(campaignId));
    await Promise.all(
      [...partitions.values()].map(async (members) => {
        const heads = asList('HEADS', await run(HEADS, members.map(({ campaign }) => campaign.keys.meta), []));
        await Promise.all(members.map(({ campaignId, campaign, heard }, index) => checkHead(campaignId, campaign, heard, asList('HEADS', heads[index]))));
      }),
    );
  };

  /** Campaigns whose archiver has gone wait in their partition; whoever looks first takes them over. */
  const findOrphans = async (): Promise<void> => {
    const found = await Promise.all(
      Array.from({ length: PARTITIONS }, (_, partition) => run(ORPHANS, [dirtyKey(namespace, partition)], [String(ORPHANED_MS), '100'])),
    );
    for (const id of found.flatMap((reply) => asList('ORPHANS', reply))) archiveSoon(asText('ORPHANS', id));
  };

  let cancelCheck = (): void => undefined;
  const check = async (): Promise<void> => {
    try {
      await checkHeads();
      await findOrphans();
    } catch (error) {
      fail(asError(error));
    }
    if (!stopped) cancelCheck = clock.after(checkEvery * (0.75 + clock.random() / 2), () => void check());
  };
  cancelCheck = clock.after(checkEvery, () => void check());

  const read = async (campaignId: string, afterVersion: number, limit: number): Promise<SealedEntry[]> => {
    const { log } = keysOf(campaignId);
    const count = Math.min(limit, 10_000);
    return toEntries('XRANGE', await commands.xrange(log, `(${afterVersion}-0`, '+', 'COUNT', count));
  };

  const take = async (campaignId: string, limit: number): Promise<SealedEntry[]> => {
    const { meta, log } = keysOf(campaignId);
    const [mine, entries] = asList('TAKE', await run(TAKE, [meta, log], [instance, String(LEASE_MS), String(limit)]));
    if (mine !== 1) {
      leases.delete(campaignId);
      return [];
    }
    const pending = toEntries('TAKE', entries);
    if (pending.length > 0 || hosted.has(campaignId)) leases.set(campaignId, clock.now() + LEASE_MS);
    else leases.delete(campaignId);
    return pending;
  };

  const listen = async (campaignId: string, keys: CampaignKeys): Promise<void> => {
    byChannel.set(keys.channel, campaignId);
    await subscriber.ssubscribe(keys.channel);
  };

  return {
    async open(campaignId, generation, archived, listener): Promise<OpenedLog> {
      const keys = campaignKeys(namespace, campaignId);
      // Subscribe first, read second: what comes in between is heard twice, and nothing is missed.
      const previous = hosted.get(campaignId);
      const campaign: Hosted = { keys, generation, version: archived.version, durable: archived.version, listener, opened: false };
      if (previous) unhost(campaignId, previous);
      hosted.set(campaignId, campaign);
      await listen(campaignId, keys);
      const reply = asList('OPEN', await run(OPEN, [keys.meta, keys.log], [String(generation), String(archived.version), archived.tail, archived.epoch]));
      switch (reply[0]) {
        case 'absent':
          return { kind: 'absent' };
        case 'trimmed':
          return { kind: 'stale-archive' };
        case 'opened': {
          const [, version, tail, durable, list] = reply;
          const head = { epoch: archived.epoch, version: asVersion('OPEN', version), tail: asText('OPEN', tail) };
          const durableVersion = Math.max(archived.version, asVersion('OPEN', durable));
          move(campaignId, campaign, head.version, durableVersion);
          campaign.opened = true;
          return { kind: 'opened', head, durableVersion, entries: toEntries('OPEN', list) };
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
      for (const sealed of await read(campaignId, archived.version, Number.MAX_SAFE_INTEGER)) {
        tail = nextTail(tail, sealed.bytes);
        if (sealed.tail !== tail || sealed.record.version !== archived.version + entries.length + 1) break;
        entries.push(sealed);
      }
      return entries;
    },

    async close(campaignId, { leave }) {
      const campaign = hosted.get(campaignId);
      if (!campaign) return false;
      unhost(campaignId, campaign);
      byChannel.delete(campaign.keys.channel);
      const { meta, log, channel } = campaign.keys;
      await subscriber.sunsubscribe(channel);
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
      const reply = asList('APPEND', await run(APPEND, [meta, log, dirty], args));
      switch (reply[0]) {
        case 'lost':
          return { kind: 'lost' };
        case 'conflict':
          return { kind: 'conflict', entries: toEntries('APPEND', reply[1]) };
        case 'appended':
          if (reply[1] === instance) {
            leases.set(campaignId, clock.now() + LEASE_MS);
            archiveSoon(campaignId);
          }
          return { kind: 'appended' };
        default:
          throw new UnexpectedReply('APPEND', reply);
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
        const taken = await Promise.all(ids.map(async (campaignId) => ({ campaignId, entries: await take(campaignId, limit) })));
        for (const { campaignId, entries } of taken) {
          if (entries.length === 0) continue;
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
      if (campaign && moved !== '') tellDurable(campaignId, campaign, epoch, asVersion('DURABLE', moved));
    },

    onPending(waker) {
      wakers.add(waker);
    },

    backlog() {
      const [oldestAt] = waitingSince.values();
      return { entries: backlogEntries, oldestAt };
    },


    get failing() {
      return failing;
    },

    shared: true,

    stop() {
      stopped = true;
      cancelCheck();
      hosted.clear();
      byChannel.clear();
      wakers.clear();
      connection.close();
      return Promise.resolve();
    },

    async ready() {
      if (commands.status !== 'ready') await new Promise<void>((resolve) => commands.once('ready', () => resolve()));
      if (subscriber.status !== 'ready') await new Promise<void>((resolve) => subscriber.once('ready', () => resolve()));
    },

    async ping() {
      await Promise.all([run(HEADS, [campaignKeys(namespace, 'ping').meta], []), subscriber.ping()]);
    },
  };
}

function asError(cause: unknown): Error {
  return cause instanceof Error ? cause : new Error(String(cause));
}
