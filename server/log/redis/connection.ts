import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { measureClockOffset } from './clock-offset.ts';
import { createChannelSubscriber, type ChannelSubscriber } from './channel-subscriber.ts';

export interface RedisConnectionOptions {
  /** `redis://…`; several addresses, separated by commas, are nodes of one cluster. */
  url: string;
  /** How long a command may go unanswered, in milliseconds. Default 2,000. */
  commandTimeout?: number;
  /** This process' clock, in epoch milliseconds. */
  now: () => number;
  /** By how many milliseconds that clock is ahead of Redis'; every few seconds. */
  onClockOffset: (milliseconds: number) => void;
  /** Hears of every connection error; there is one for each try to connect again. */
  onError: (error: Error) => void;
  onMessage: (channel: string, message: string) => void;
  /** A connection for subscriptions is (again) there: what was published meanwhile has been missed. */
  onSubscriberReady: () => void;
}

/** Apart, because a connection that subscribes can do nothing else. */
export interface RedisConnection {
  readonly commands: Redis | Cluster;
  readonly subscriber: ChannelSubscriber;
  close: () => void;
}

/**
 * Between two pings, in milliseconds, of which one asks for the time; a link that answers none within {@link
 * SILENCE_MS} is dead, whatever TCP believes.
 */
const PING_MS = 1_500;
const SILENCE_MS = 4_000;

export function connectRedis(options: RedisConnectionOptions): RedisConnection {
  const { url, commandTimeout = 2_000, now, onClockOffset, onError, onMessage, onSubscriberReady } = options;
  const addresses = url.split(',').map((address) => address.trim());
  const [address = ''] = addresses;
  const retryStrategy = (attempt: number): number =>
    Math.random() * Math.min(100 * 2 ** Math.min(attempt, 5), 2_000) + 20;
  const shared = {
    commandTimeout,
    connectTimeout: 3_000,
    socketTimeout: SILENCE_MS,
    // What was in flight when a link broke may have been carried out: whoever asked decides whether to ask again.
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    // Channels are subscribed to again by the log, which also reads what it has missed.
    autoResubscribe: false,
    enableReadyCheck: true,
  } satisfies RedisOptions;
  const lone = { ...shared, enableOfflineQueue: false, retryStrategy } satisfies RedisOptions;
  const credentials = credentialsOf(address);

  const commands =
    addresses.length > 1
      ? new Cluster(addresses, {
          enableOfflineQueue: false,
          clusterRetryStrategy: retryStrategy,
          slotsRefreshTimeout: 2_000,
          redisOptions: { ...shared, ...credentials },
        })
      : new Redis(address, lone);
  commands.on('error', onError);

  const subscriber = createChannelSubscriber({
    addresses,
    open(node) {
      const client = addresses.includes(node) ? new Redis(node, lone) : new Redis(node, { ...lone, ...credentials });
      client.on('error', onError);
      return client;
    },
    onMessage,
    onReady: onSubscriberReady,
  });

  // A failure says nothing that the socket's own timeout does not: it closes the link, and the client connects again.
  const ping = setInterval(() => {
    if (commands.status === 'ready') {
      measureClockOffset(commands, now).then(
        (offset) => offset !== undefined && onClockOffset(offset),
        () => undefined,
      );
    }
    subscriber.ping().catch(() => undefined);
  }, PING_MS);
  ping.unref();

  return {
    commands,
    subscriber,
    close() {
      clearInterval(ping);
      commands.disconnect();
      subscriber.close();
    },
  };
}

/** For nodes of a cluster that only the others have named. */
function credentialsOf(address: string): Pick<RedisOptions, 'username' | 'password' | 'tls'> {
  const { username, password, protocol } = new URL(address);
  return {
    ...(username !== '' && { username: decodeURIComponent(username) }),
    ...(password !== '' && { password: decodeURIComponent(password) }),
    ...(protocol === 'rediss:' && { tls: {} }),
  };
}
