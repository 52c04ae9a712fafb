import { Cluster, Redis, type RedisOptions } from 'ioredis';

export interface RedisConnectionOptions {
  /** `redis://…`; several addresses, separated by commas, are nodes of one cluster. */
  url: string;
  /** How long a command may go unanswered, in milliseconds. Default 2,000. */
  commandTimeout?: number;
  /** Hears of every connection error; there is one for each try to connect again. */
  onError(error: Error): void;
  /** The subscriber's connection is (again) there: what was published meanwhile has been missed. */
  onSubscriberReady(): void;
}

/** Two connections, because one that subscribes can do nothing else. */
export interface RedisConnection {
  readonly commands: Redis | Cluster;
  readonly subscriber: Redis | Cluster;
  close(): void;
}

/** Between two pings, in milliseconds; a link that answers none within {@link SILENCE_MS} is dead, whatever TCP believes. */
const PING_MS = 1_500;
const SILENCE_MS = 4_000;

export function connectRedis(options: RedisConnectionOptions): RedisConnection {
  const { url, commandTimeout = 2_000, onError, onSubscriberReady } = options;
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
  const retryStrategy = (attempt: number): number => Math.random() * Math.min(100 * 2 ** Math.min(attempt, 5), 2_000) + 20;

  const open = (role: 'commands' | 'subscriber'): Redis | Cluster => {
    const addresses = url.split(',').map((address) => address.trim());
    const [address = ''] = addresses;
    const client =
      addresses.length > 1
        ? new Cluster(addresses, {
            enableOfflineQueue: false,
            shardedSubscribers: role === 'subscriber',
            clusterRetryStrategy: retryStrategy,
            clusterNodeRetryStrategy: retryStrategy,
            slotsRefreshTimeout: 2_000,
            redisOptions: shared,
          })
        : new Redis(address, { ...shared, enableOfflineQueue: false, retryStrategy });
    client.on('error', onError);
    return client;
  };

  const commands = open('commands');
  const subscriber = open('subscriber');
  subscriber.on('ready', onSubscriberReady);

  // A failed ping says nothing that the socket's own timeout does not: it closes the link, and the client connects again.
  const ping = setInterval(() => {
    for (const client of [commands, subscriber]) {
      if (client.status === 'ready') client.ping().catch(() => undefined);
    }
  }, PING_MS);
  ping.unref();

  return {
    commands,
    subscriber,
    close() {
      clearInterval(ping);
      commands.disconnect();
      subscriber.disconnect();
    },
  };
}
