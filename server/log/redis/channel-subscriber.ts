import { once } from 'node:events';
import type { Redis } from 'ioredis';

export interface ChannelSubscriberOptions {
  /** The addresses to begin with; on a cluster, each channel's own node is found from there. */
  readonly addresses: readonly string[];
  /** Opens a connection to a node. */
  connect(address: string): Redis;
  onMessage(channel: string, message: string): void;
  /** A connection is (again) ready: every channel that is not subscribed to must be subscribed to anew. */
  onReady(): void;
}

/** Subscriptions to sharded channels: over one connection, or on a cluster over one for each node that has channels. */
export interface ChannelSubscriber {
  subscribe(channel: string): Promise<void>;
  unsubscribe(channel: string): Promise<void>;
  /** Whether the channel is subscribed to, as far as can be known. */
  isSubscribed(channel: string): boolean;
  /** Resolves once a first connection is ready. */
  ready(): Promise<void>;
  /** Sends a heartbeat over every connection; what was published before has been received when it resolves. */
  ping(): Promise<void>;
  /** Makes every connection again. */
  reconnect(): void;
  close(): void;
}

/** A channel can move to another node while its node is being looked for; more often than this it does not. */
const MAX_REDIRECTIONS = 5;
const MOVED_REPLY = /^MOVED \d+ (.+)$/;
/** How long a connection may take before a subscription over it is given up, in milliseconds. */
const CONNECT_TIMEOUT_MS = 3_000;

/**
 * Keeps no map of the cluster: a node to which a channel does not belong names the one to which it does (`MOVED`). A
 * channel that moves later falls silent; the log's check of heads then finds that something was missed, and subscribes
 * to it again.
 */
export function createChannelSubscriber({
  addresses,
  connect,
  onMessage,
  onReady,
}: ChannelSubscriberOptions): ChannelSubscriber {
  const connections = new Map<string, Redis>();
  /** Connections that are not ready yet: many subscriptions wait for one of them. */
  const becoming = new Map<Redis, Promise<void>>();
  /** The address of the node over which each channel is subscribed to. */
  const nodeOf = new Map<string, string>();

  const removeSubscriptions = (address: string): void => {
    for (const [channel, node] of nodeOf) if (node === address) nodeOf.delete(channel);
  };

  const connectionTo = (address: string): Redis => {
    const present = connections.get(address);
    if (present) return present;
    const connection = connect(address);
    connections.set(address, connection);
    connection.on('smessage', onMessage);
    connection.on('ready', onReady);
    connection.on('close', () => removeSubscriptions(address));
    return connection;
  };

  /** A connection that was just begun takes a moment; one that fails rejects at once. */
  const untilReady = async (connection: Redis): Promise<void> => {
    if (connection.status === 'ready') return;
    const present = becoming.get(connection);
    if (present) return present;
    const ready = once(connection, 'ready', { signal: AbortSignal.timeout(CONNECT_TIMEOUT_MS) })
      .then(() => undefined)
      .finally(() => becoming.delete(connection));
    becoming.set(connection, ready);
    return ready;
  };

  /** Any node names the right one: one that is ready, else the first. */
  const anyNode = (): string =>
    [...connections].find(([, { status }]) => status === 'ready')?.[0] ?? addresses[0] ?? '';

  const subscribeOver = async (address: string, channel: string, redirections: number): Promise<void> => {
    const connection = connectionTo(address);
    try {
      await untilReady(connection);
      await connection.ssubscribe(channel);
      nodeOf.set(channel, address);
    } catch (error) {
      const node = error instanceof Error ? MOVED_REPLY.exec(error.message)?.[1] : undefined;
      if (node === undefined || redirections === 0) throw error;
      await subscribeOver(`redis://${node}`, channel, redirections - 1);
    }
  };

  for (const address of addresses) connectionTo(address);

  return {
    subscribe: (channel) => subscribeOver(nodeOf.get(channel) ?? anyNode(), channel, MAX_REDIRECTIONS),
    async unsubscribe(channel) {
      const node = nodeOf.get(channel);
      nodeOf.delete(channel);
      if (node !== undefined) await connections.get(node)?.sunsubscribe(channel);
    },
    isSubscribed: (channel) => nodeOf.has(channel),
    ready: () =>
      new Promise((resolve) => {
        for (const connection of connections.values()) {
          if (connection.status === 'ready') resolve();
          else connection.once('ready', () => resolve());
        }
      }),
    async ping() {
      const ready = [...connections.values()].filter(({ status }) => status === 'ready');
      await Promise.all(ready.map((connection) => connection.ping()));
    },
    reconnect() {
      for (const connection of connections.values()) connection.disconnect(true);
    },
    close() {
      for (const connection of connections.values()) connection.disconnect();
      connections.clear();
      nodeOf.clear();
    },
  };
}
