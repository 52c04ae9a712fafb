import { RefusalError } from '../core/errors.ts';
import type { Entry } from '../core/stream/entry.ts';
import { epochAt } from '../core/stream/lineage.ts';
import type { SealedEntry } from '../core/stream/log-record.ts';
import { formatPosition, parsePosition, type Position } from '../core/stream/position.ts';
import { proofAfter, type CampaignImage, type ReplicaEvent } from '../core/stream/replica.ts';
import type { Clock, LogEvent } from '../engine/ports.ts';
import { createReplicaStreams } from './replica-streams.ts';
import { parseHeads, parseMessage } from './settings.ts';
import { away, LINK_LOST, type UpstreamLink } from './upstream-link.ts';

/** The campaigns of a relay: one stream of upstream's for each that is in use, whoever watches it here. */
export interface Replicas {
  /**
   * Everything of a campaign, as upstream has it, or where that is away as it was stored; `undefined` where there is
   * none.
   *
   * @throws RefusalError `UNAVAILABLE` where that cannot be known now
   */
  load(campaignId: string): Promise<CampaignImage | undefined>;
  /**
   * Follows a campaign that was loaded: what comes from now on, in order.
   *
   * @returns what has come since the image that was loaded
   */
  follow(campaignId: string, listener: (event: LogEvent) => void): Followed;
  close(campaignId: string): void;
  /** When a campaign was deleted that upstream has just said so of, in epoch milliseconds. */
  deletedAt(campaignId: string): number | undefined;
  /**
   * Resolves once a campaign that is held here has reached a position, or after that many milliseconds. One that is not
   * held, or has another epoch, is not waited for.
   */
  reached(campaignId: string, position: Position, timeoutMs: number): Promise<void>;
  /** Campaigns that have changed since the last call, with those whose stream has begun. */
  takeChanged(): string[];
  /** The link is there again: every stream goes on from its position. */
  onUp(): void;
  stop(): void;
}

export interface Followed {
  readonly image: CampaignImage;
  readonly entries: SealedEntry[];
  readonly durableVersion: number;
  readonly stale: boolean;
}

export interface ReplicasOptions {
  readonly link: UpstreamLink;
  readonly clock: Pick<Clock, 'after' | 'now'>;
  /** What a relay has stored of a campaign; `undefined` where it has nothing, or stores nothing. */
  readonly stored: (campaignId: string) => Promise<CampaignImage | undefined>;
  /** Upstream has sent what cannot be right, and was asked again. */
  readonly onDistrust: (campaignId: string, why: string) => void;
}

interface Replica {
  readonly id: string;
  /** The newest that upstream has told, or that was stored. */
  seen: { readonly epoch: string; readonly version: number; readonly durable: number } | undefined;
  /** The image that is next to be loaded, and what has come since. */
  image: CampaignImage | undefined;
  entries: SealedEntry[];
  listener: ((event: LogEvent) => void) | undefined;
  proof: string;
  /** Ends its stream; `undefined`: it has none now. */
  stop: (() => void) | undefined;
  /** Whether its stream has spoken since it was opened. */
  isCurrent: boolean;
  stale: boolean;
  attempts: number;
  /** Where it stood when it was last found to be behind. */
  behindAt: number | undefined;
  readonly waiting: Set<{ resolve(image: CampaignImage | undefined): void; reject(error: Error): void }>;
}

/** How long a campaign may take to be loaded, in milliseconds. */
const LOAD_TIMEOUT_MS = 10_000;
/** How long a stream may be lost before those who watch are told that what they see may be old, in milliseconds. */
const STALE_AFTER_MS = 1_000;
/** The interval at which upstream is asked where its campaigns stand: a silent stream may have lost its last event. */
const HEAD_CHECK_MS = 1_000;
const HEADS_AT_ONCE = 512;
const HEADS_TIMEOUT_MS = 5_000;
const RETRY_MS = { first: 200, longest: 5_000 } as const;
/** Deletions that are remembered, the newest. */
const KNOWN_DELETIONS = 1_000;
/** What relays are not told: the command of an entry, and its fingerprint. What it came to is its change. */
const NOT_TOLD = { command: { type: 'create' }, fingerprint: '' } as const;
/** Relays prove what they are sent by the stream (`proofAfter`), not by the chain of the log. */
const NO_TAIL = '';

export function createReplicas({ link, clock, stored, onDistrust }: ReplicasOptions): Replicas {
  const replicas = new Map<string, Replica>();
  const deletions = new Map<string, number>();
  const changed = new Set<string>();
  const streams = createReplicaStreams(link, clock);
  const reaching = new Set<() => void>();
  let stopped = false;
  let checkFrom = 0;

  const isHeld = (replica: Replica): boolean => !stopped && replicas.get(replica.id) === replica;

  const setStale = (replica: Replica, stale: boolean): void => {
    if (replica.stale === stale) return;
    replica.stale = stale;
    replica.listener?.({ kind: 'stale', stale });
  };

  const settle = (replica: Replica, image: CampaignImage | undefined): void => {
    for (const { resolve } of replica.waiting) resolve(image);
    replica.waiting.clear();
  };

  const fail = (replica: Replica, error: Error): void => {
    for (const { reject } of replica.waiting) reject(error);
    replica.waiting.clear();
  };

  const leave = (replica: Replica): void => {
    replica.stop?.();
    replica.stop = undefined;
    if (replica.isCurrent) {
      replica.isCurrent = false;
      clock.after(STALE_AFTER_MS, () => {
        if (isHeld(replica) && !replica.isCurrent) setStale(replica, true);
      });
    }
  };

  const later = (replica: Replica): void => {
    const delay = Math.min(RETRY_MS.first * 2 ** replica.attempts, RETRY_MS.longest);
    replica.attempts += 1;
    clock.after(delay, () => {
      if (isHeld(replica) && !replica.stop) open(replica);
    });
  };

  /** What came cannot be right: its stream is opened anew, from where it stands. */
  const distrust = (replica: Replica, why: string): void => {
    onDistrust(replica.id, why);
    leave(replica);
    later(replica);
  };

  /** Opens its stream: from where it stands, or with everything. */
  function open(replica: Replica, isWhole = replica.seen === undefined): void {
    replica.stop?.();
    replica.proof = '';
    const inputOf = () => {
      const { id: campaignId, seen } = replica;
      return { campaignId, ...(!isWhole && seen && { position: formatPosition(seen.epoch, seen.version) }) };
    };
    replica.stop = streams.open(inputOf, {
      onData: (data) => receive(replica, data),
      onSilent: () => distrust(replica, 'its stream has not begun in time'),
      onEnd(error) {
        replica.stop = undefined;
        onEnd(replica, error);
      },
    });
  }

  function onEnd(replica: Replica, error: Error | undefined): void {
    leave(replica);
    // `onUp` opens it again.
    if (error === LINK_LOST) return fail(replica, error);
    if (!(error instanceof RefusalError) || error.refusal.reason !== 'NOT_FOUND') {
      fail(replica, away(error ? `upstream: ${error.message}` : 'upstream has ended the stream'));
      return later(replica);
    }
    const { deletedAt } = error.refusal;
    if (deletedAt !== undefined) {
      deletions.delete(replica.id);
      deletions.set(replica.id, deletedAt);
      for (const id of deletions.keys()) if (deletions.size > KNOWN_DELETIONS) deletions.delete(id);
    }
    replicas.delete(replica.id);
    settle(replica, undefined);
    // It is loaded again, and found to be gone.
    replica.listener?.({ kind: 'reset' });
  }

  function receive(replica: Replica, data: unknown): void {
    if (!isHeld(replica)) return;
    let event: ReplicaEvent;
    try {
      const message = parseMessage(data);
      // The proof is of what was sent, whatever a newer version adds to it: members that are not known included.
      const sent = (data as { event: ReplicaEvent }).event;
      const proof = proofAfter(replica.proof, sent);
      if (proof !== message.proof) return distrust(replica, 'an event was lost, doubled or changed on its way');
      replica.proof = proof;
      event = message.event;
    } catch {
      return distrust(replica, 'an event cannot be read');
    }
    replica.isCurrent = true;
    replica.attempts = 0;
    changed.add(replica.id);
    if (event.type === 'image') takeImage(replica, event);
    else if (event.type === 'entries') takeEntries(replica, event.epoch, event.entries);
    else takeDurable(replica, event.position);
    if (event.type !== 'durable' && isHeld(replica)) setStale(replica, event.stale === true);
    for (const look of reaching) look();
  }

  function takeImage(replica: Replica, image: CampaignImage): void {
    const { seen } = replica;
    const newest = image.recent.at(-1);
    const isWhole = image.recent.every(
      ({ version }, index) => version === image.version - image.recent.length + 1 + index,
    );
    if ((newest && newest.version !== image.version) || !isWhole) return distrust(replica, 'an image is not whole');
    // A relay that has just lost its own upstream, or another that lags behind: this one goes on with what it has.
    if (seen?.epoch === image.epoch && seen.version > image.version)
      return distrust(replica, 'upstream is behind what it has said before');
    const { epoch, version, durableVersion: durable } = image;
    replica.seen = { epoch, version, durable };
    replica.image = image;
    replica.entries = [];
    if (replica.waiting.size > 0) settle(replica, image);
    else replica.listener?.({ kind: 'reset' });
  }

  function takeEntries(replica: Replica, epoch: string, entries: readonly Entry[]): void {
    for (const entry of entries) {
      const { seen } = replica;
      if (seen?.epoch !== epoch) return distrust(replica, 'an entry is of another epoch');
      if (entry.version <= seen.version) continue;
      if (entry.version !== seen.version + 1) return distrust(replica, 'entries are missing');
      replica.seen = { ...seen, version: entry.version };
      const sealed = sealedOf(entry, epoch);
      if (replica.image) replica.entries.push(sealed);
      else replica.listener?.({ kind: 'entry', sealed });
    }
  }

  function takeDurable(replica: Replica, position: Position): void {
    const { seen } = replica;
    const durable = parsePosition(position);
    if (!seen || durable?.epoch !== seen.epoch || durable.version > seen.version) return;
    replica.seen = { ...seen, durable: Math.max(seen.durable, durable.version) };
    if (!replica.image) replica.listener?.({ kind: 'durable', ...durable });
  }

  const newReplica = (campaignId: string): Replica => ({
    id: campaignId,
    seen: undefined,
    image: undefined,
    entries: [],
    listener: undefined,
    proof: '',
    stop: undefined,
    isCurrent: false,
    stale: false,
    attempts: 0,
    behindAt: undefined,
    waiting: new Set(),
  });

  /** Waits for the image that its stream begins with. */
  const waitForImage = (replica: Replica): Promise<CampaignImage | undefined> =>
    new Promise((resolve, reject) => {
      const cancel = clock.after(LOAD_TIMEOUT_MS, () => {
        replica.waiting.delete(waiter);
        reject(away(`upstream has not sent ${replica.id} in time`));
      });
      const waiter = {
        resolve(image: CampaignImage | undefined) {
          cancel();
          resolve(image);
        },
        reject(error: Error) {
          cancel();
          reject(error);
        },
      };
      replica.waiting.add(waiter);
    });

  const load = async (campaignId: string): Promise<CampaignImage | undefined> => {
    const known = replicas.get(campaignId);
    if (known?.image) return known.image;
    const replica = known ?? newReplica(campaignId);
    replicas.set(campaignId, replica);
    try {
      if (link.isUp) {
        const image = waitForImage(replica);
        open(replica, true);
        return await image;
      }
      const image = await stored(campaignId);
      if (!image) throw away('upstream is away');
      if (!replica.seen) {
        replica.seen = { epoch: image.epoch, version: image.version, durable: image.durableVersion };
        replica.image = image;
        replica.stale = true;
        if (link.isUp) open(replica);
      }
      return replica.image;
    } catch (error) {
      if (!replica.listener && replica.waiting.size === 0 && isHeld(replica)) close(campaignId);
      throw error;
    }
  };

  function close(campaignId: string): void {
    const replica = replicas.get(campaignId);
    if (!replica) return;
    replicas.delete(campaignId);
    replica.listener = undefined;
    replica.stop?.();
    replica.stop = undefined;
    fail(replica, away(`${campaignId} was closed`));
  }

  /** Opens the streams anew of campaigns that upstream has gone on with, and that have been silent since. */
  async function checkHeads(): Promise<void> {
    const ids = [...replicas.values()].filter(({ isCurrent }) => isCurrent).map(({ id }) => id);
    if (checkFrom >= ids.length) checkFrom = 0;
    const campaignIds = ids.slice(checkFrom, checkFrom + HEADS_AT_ONCE);
    checkFrom += campaignIds.length;
    if (campaignIds.length === 0 || !link.isUp) return;
    const heads = parseHeads(await link.query('relay.heads', { campaignIds }, HEADS_TIMEOUT_MS));
    for (const { campaignId, position } of heads) {
      const replica = replicas.get(campaignId);
      const head = parsePosition(position);
      if (!replica?.seen || !head || !replica.isCurrent) continue;
      const { epoch, version } = replica.seen;
      const isBehind = head.epoch !== epoch || head.version > version;
      if (isBehind && replica.behindAt === version) distrust(replica, 'its stream has fallen silent');
      replica.behindAt = isBehind ? version : undefined;
    }
  }

  let cancelCheck = clock.after(HEAD_CHECK_MS, checkAgain);
  function checkAgain(): void {
    if (stopped) return;
    void checkHeads()
      .catch(() => undefined)
      .then(() => {
        if (!stopped) cancelCheck = clock.after(HEAD_CHECK_MS, checkAgain);
      });
  }

  return {
    load,

    follow(campaignId, listener) {
      const replica = replicas.get(campaignId);
      if (!replica?.image) throw away(`${campaignId} is not loaded`);
      const { image, entries, seen, stale } = replica;
      replica.listener = listener;
      replica.image = undefined;
      replica.entries = [];
      return { image, entries, stale, durableVersion: seen?.durable ?? image.durableVersion };
    },

    close,

    deletedAt: (campaignId) => deletions.get(campaignId),

    reached(campaignId, position, timeoutMs) {
      const wanted = parsePosition(position);
      const isThere = (): boolean => {
        const replica = replicas.get(campaignId);
        return !replica?.listener || !wanted || hasReached(replica, wanted);
      };
      if (isThere()) return Promise.resolve();
      return new Promise((resolve) => {
        const done = (): void => {
          cancel();
          reaching.delete(look);
          resolve();
        };
        const look = (): void => {
          if (isThere()) done();
        };
        const cancel = clock.after(timeoutMs, done);
        reaching.add(look);
      });
    },

    takeChanged() {
      const ids = [...changed].filter((id) => replicas.get(id)?.listener);
      changed.clear();
      return ids;
    },

    onUp() {
      for (const replica of replicas.values()) {
        replica.attempts = 0;
        open(replica);
      }
    },

    stop() {
      stopped = true;
      cancelCheck();
      for (const replica of replicas.values()) replica.stop?.();
      replicas.clear();
    },
  };
}

function hasReached({ seen }: Replica, wanted: { epoch: string; version: number }): boolean {
  return seen === undefined || seen.epoch !== wanted.epoch || seen.version >= wanted.version;
}

/** An entry as the engine keeps it. */
export function sealedOf(entry: Entry, epoch: string): SealedEntry {
  return { bytes: JSON.stringify(entry), record: { ...entry, epoch, ...NOT_TOLD }, tail: NO_TAIL };
}

/** The newest entries of an image, each with the epoch that it was made in. */
export function recentOf(image: CampaignImage): SealedEntry[] {
  return image.recent.map((entry) => sealedOf(entry, epochAt(entry.version, image, image.lineage)));
}
