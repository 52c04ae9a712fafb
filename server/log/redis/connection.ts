import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { backoffDelay } from '../../core/backoff.ts';
import type { RedisAddress } from './address.ts';
import { measureClockOffset } from './clock-offset.ts';
import { createChannelSubscriber, type ChannelSubscriber } from './channel-subscriber.ts';

export interface RedisConnectionOptions {
  readonly address: RedisAddress;
  /** How long a command may go unanswered, in milliseconds. Default 2,000. */
  readonly commandTimeoutMs?: number;
  /** This process' clock, in epoch milliseconds. */
  now(): number;
  /** By how many milliseconds that clock is ahead of Redis'; called every few seconds. */
  onClockOffset(milliseconds: number): void;
  /** A connection failed; called once for each attempt to connect again. */
  onError(error: Error): void;
  onMessage(channel: string, message: string): void;
  /** A connection for subscriptions is (again) ready: what was published meanwhile has been missed. */
  onSubscriberReady(): void;
}

/** Two kinds of connections, because one that subscribes can do nothing else. */
export interface RedisConnection {
  /** Changes where a single address turns out to be a node of a cluster. */
  readonly commands: Redis | Cluster;
  readonly subscriber: ChannelSubscriber;
  /** Resolves once commands can be sent. */
  ready(): Promise<void>;
  /** The address is that of one node of a cluster: sends each command to the node of its slot from now on. */
  followCluster(): void;
  /**
   * Makes every connection again. After a failover the address can lead to another Redis while the old one, by now a
   * replica, keeps the connections open.
   */
  reconnect(): void;
  close(): void;
}

/** Between two heartbeats, in milliseconds; on the connection for commands it asks for the time. */
const HEARTBEAT_INTERVAL_MS = 1_500;
/** A connection over which nothing comes for so long is dead, whatever TCP believes; milliseconds. */
const SOCKET_TIMEOUT_MS = 4_000;
const CONNECT_TIMEOUT_MS = 3_000;
const RECONNECT_BACKOFF = { floor: 20, base: 200, cap: 2_000 };
/** Between two reconnects that a read-only Redis causes, in milliseconds: reads go on meanwhile. */
const RECONNECT_INTERVAL_MS = 3_000;
/** Stands for the primary that Sentinels name, where the subscriber takes an address. */
const PRIMARY = 'primary';

/** Connects to Redis, or to a cluster, and keeps the connections: a broken one is made again until `close`. */
export function connectRedis(options: RedisConnectionOptions): RedisConnection {
  const { address, commandTimeoutMs = 2_000, now, onClockOffset, onError, onMessage, onSubscriberReady } = options;
  /** @param attempt 1 for the first retry */
  const retryStrategy = (attempt: number): number => backoffDelay(attempt - 1, Math.random(), RECONNECT_BACKOFF);
  const shared = {
    commandTimeout: commandTimeoutMs,
    connectTimeout: CONNECT_TIMEOUT_MS,
    socketTimeout: SOCKET_TIMEOUT_MS,
    // A command that was in flight when its connection broke may have been carried out: the caller decides whether to
    // send it again.
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    // Channels are subscribed to again by the log, which also reads what it has missed.
    autoResubscribe: false,
    enableReadyCheck: true,
  } satisfies RedisOptions;
  const single = { ...shared, enableOfflineQueue: false, retryStrategy } satisfies RedisOptions;
  const [firstUrl] = address.kind === 'cluster' ? address.urls : address.kind === 'single' ? [address.url] : [];
  const credentials = firstUrl === undefined ? {} : credentialsOf(firstUrl);

  const openCluster = (urls: readonly string[]): Cluster =>
    new Cluster([...urls], {
      enableOfflineQueue: false,
      clusterRetryStrategy: retryStrategy,
      slotsRefreshTimeout: 2_000,
      redisOptions: { ...shared, ...credentials },
    });

  const openSingle = (url: string): Redis => {
    if (address.kind === 'sentinel' && url === PRIMARY) return new Redis({ ...address.options, ...single });
    return url === firstUrl ? new Redis(url, single) : new Redis(url, { ...single, ...credentials });
  };

  const observed = <T extends Redis | Cluster>(client: T): T => {
    client.on('error', onError);
    return client;
  };

  let commands: Redis | Cluster = observed(
    address.kind === 'cluster' ? openCluster(address.urls) : openSingle(firstUrl ?? PRIMARY),
  );
  let closed = false;
  let reconnectedAt = Number.NEGATIVE_INFINITY;

  const subscriber = createChannelSubscriber({
    addresses: address.kind === 'cluster' ? address.urls : [firstUrl ?? PRIMARY],
    connect: (url) => observed(openSingle(url)),
    onMessage,
    onReady: onSubscriberReady,
  });

  // A heartbeat that fails needs no handling: the socket's own timeout closes the connection, and the client connects
  // again.
  const heartbeat = setInterval(() => {
    if (commands.status === 'ready') {
      measureClockOffset(commands, now).then(
        (offset) => offset !== undefined && onClockOffset(offset),
        () => undefined,
      );
    }
    subscriber.ping().catch(() => undefined);
  }, HEARTBEAT_INTERVAL_MS);
  heartbeat.unref();

  return {
    get commands() {
      return commands;
    },
    subscriber,
    async ready() {
      const client = commands;
      if (client.status !== 'ready') await new Promise<void>((resolve) => client.once('ready', () => resolve()));
    },
    followCluster() {
      if (closed || commands.isCluster || firstUrl === undefined) return;
      const before = commands;
      commands = observed(openCluster([firstUrl]));
      before.disconnect();
    },
    reconnect() {
      const time = performance.now();
      if (closed || time < reconnectedAt + RECONNECT_INTERVAL_MS) return;
      reconnectedAt = time;
      // A cluster's client asks for the new primary by itself.
      if (commands instanceof Redis) commands.disconnect(true);
      subscriber.reconnect();
    },
    close() {
      closed = true;
      clearInterval(heartbeat);
      commands.disconnect();
      subscriber.close();
    },
  };
}

/** Credentials for nodes of a cluster that only the other nodes have named. */
function credentialsOf(url: string): Pick<RedisOptions, 'username' | 'password' | 'tls'> {
  const { username, password, protocol } = new URL(url);
  return {
    ...(username !== '' && { username: decodeURIComponent(username) }),
    ...(password !== '' && { password: decodeURIComponent(password) }),
    ...(protocol === 'rediss:' && { tls: {} }),
  };
}
