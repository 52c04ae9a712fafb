import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { backoffDelay } from '../../core/backoff.ts';
import { measureClockOffset } from './clock-offset.ts';
import { createChannelSubscriber, type ChannelSubscriber } from './channel-subscriber.ts';

export interface RedisConnectionOptions {
  /** `redis://…`; several addresses, separated by commas, are nodes of one cluster. */
  readonly url: string;
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
  readonly commands: Redis | Cluster;
  readonly subscriber: ChannelSubscriber;
  close(): void;
}

/** Between two heartbeats, in milliseconds; on the connection for commands it asks for the time. */
const HEARTBEAT_INTERVAL_MS = 1_500;
/** A connection over which nothing comes for so long is dead, whatever TCP believes; milliseconds. */
const SOCKET_TIMEOUT_MS = 4_000;
const CONNECT_TIMEOUT_MS = 3_000;
const RECONNECT_BACKOFF = { floor: 20, base: 100, cap: 2_000 };

/** Connects to Redis, or to a cluster, and keeps the connections: a broken one is made again until `close`. */
export function connectRedis(options: RedisConnectionOptions): RedisConnection {
  const { url, commandTimeoutMs = 2_000, now, onClockOffset, onError, onMessage, onSubscriberReady } = options;
  const addresses = url.split(',').map((address) => address.trim());
  const [address = ''] = addresses;
  // ioredis counts attempts from 1.
  const retryStrategy = (attempt: number): number => backoffDelay(attempt, Math.random(), RECONNECT_BACKOFF);
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
  const credentials = credentialsOf(address);

  const commands =
    addresses.length > 1
      ? new Cluster(addresses, {
          enableOfflineQueue: false,
          clusterRetryStrategy: retryStrategy,
          slotsRefreshTimeout: 2_000,
          redisOptions: { ...shared, ...credentials },
        })
      : new Redis(address, single);
  commands.on('error', onError);

  const subscriber = createChannelSubscriber({
    addresses,
    connect(node) {
      const client = addresses.includes(node)
        ? new Redis(node, single)
        : new Redis(node, { ...single, ...credentials });
      client.on('error', onError);
      return client;
    },
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
    commands,
    subscriber,
    close() {
      clearInterval(heartbeat);
      commands.disconnect();
      subscriber.close();
    },
  };
}

/** Credentials for nodes of a cluster that only the other nodes have named. */
function credentialsOf(address: string): Pick<RedisOptions, 'username' | 'password' | 'tls'> {
  const { username, password, protocol } = new URL(address);
  return {
    ...(username !== '' && { username: decodeURIComponent(username) }),
    ...(password !== '' && { password: decodeURIComponent(password) }),
    ...(protocol === 'rediss:' && { tls: {} }),
  };
}
