import { once } from 'node:events';
import type { Redis } from 'ioredis';

export interface ChannelSubscriberOptions {
  /** Where to begin; on a cluster, each channel's own node is found from there. */
  addresses: readonly string[];
  open: (address: string) => Redis;
  onMessage: (channel: string, message: string) => void;
  /** A connection is (again) there: what is not heard must be subscribed to anew. */
  onReady: () => void;
}

/** Subscriptions to sharded channels: over one connection, or on a cluster over one for each node that has any. */
export interface ChannelSubscriber {
  subscribe(channel: string): Promise<void>;
  unsubscribe(channel: string): Promise<void>;
  /** Whether it is subscribed to now, as far as can be known. */
  hears(channel: string): boolean;
  /** Resolves once a first connection is there. */
  ready(): Promise<void>;
  /** Asks every connection for a sign of life; what was published before has then been heard. */
  ping(): Promise<void>;
  close(): void;
}

/** A channel can move while it is being followed; more often than this it does not. */
const MOVES = 5;
const MOVED = /^MOVED \d+ (.+)$/;
/** How long a connection may take before a subscription over it is given up, in milliseconds. */
const CONNECTING_MS = 3_000;

/**
 * No map of the cluster is kept: a node that a channel does not belong to says where it does (`MOVED`). A channel that
 * moves later on falls silent; the log finds by its check of heads that something was missed, and subscribes to it
 * again.
 */
export function createChannelSubscriber({
  addresses,
  open,
  onMessage,
  onReady,
}: ChannelSubscriberOptions): ChannelSubscriber {
  const links = new Map<string, Redis>();
  /** Where each channel is subscribed to. */
  const homes = new Map<string, string>();

  const forget = (address: string): void => {
    for (const [channel, home] of homes) if (home === address) homes.delete(channel);
  };

  const linkTo = (address: string): Redis => {
    const present = links.get(address);
    if (present) return present;
    const link = open(address);
    links.set(address, link);
    link.on('smessage', onMessage);
    link.on('ready', onReady);
    link.on('close', () => forget(address));
    return link;
  };

  /** Any node will do to ask: one that answers, else the first. */
  const anywhere = (): string => [...links].find(([, { status }]) => status === 'ready')?.[0] ?? addresses[0] ?? '';

  const follow = async (channel: string, address: string, moves: number): Promise<void> => {
    const link = linkTo(address);
    try {
      await untilReady(link);
      await link.ssubscribe(channel);
      homes.set(channel, address);
    } catch (error) {
      const next = error instanceof Error ? MOVED.exec(error.message)?.[1] : undefined;
      if (next === undefined || moves === 0) throw error;
      await follow(channel, `redis://${next}`, moves - 1);
    }
  };

  for (const address of addresses) linkTo(address);

  return {
    subscribe: (channel) => follow(channel, homes.get(channel) ?? anywhere(), MOVES),
    async unsubscribe(channel) {
      const home = homes.get(channel);
      homes.delete(channel);
      if (home !== undefined) await links.get(home)?.sunsubscribe(channel);
    },
    hears: (channel) => homes.has(channel),
    ready: () =>
      new Promise((resolve) => {
        for (const link of links.values()) {
          if (link.status === 'ready') resolve();
          else link.once('ready', () => resolve());
        }
      }),
    async ping() {
      await Promise.all([...links.values()].filter(({ status }) => status === 'ready').map((link) => link.ping()));
    },
    close() {
      for (const link of links.values()) link.disconnect();
      links.clear();
      homes.clear();
    },
  };
}

/** A connection that was just begun takes a moment; one that fails rejects at once. */
async function untilReady(link: Redis): Promise<void> {
  if (link.status !== 'ready') await once(link, 'ready', { signal: AbortSignal.timeout(CONNECTING_MS) });
}
