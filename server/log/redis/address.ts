import type { RedisOptions } from 'ioredis';

/** How a primary is found by its Sentinels. */
export type SentinelOptions = Pick<
  RedisOptions,
  | 'sentinels'
  | 'name'
  | 'db'
  | 'username'
  | 'password'
  | 'sentinelUsername'
  | 'sentinelPassword'
  | 'tls'
  | 'enableTLSForSentinelMode'
>;

/** A parsed `REDIS_URL`. */
export type RedisAddress =
  /** One Redis, or one node of a cluster. */
  | { readonly kind: 'single'; readonly url: string; readonly database: number }
  /** Nodes of one cluster. */
  | { readonly kind: 'cluster'; readonly urls: readonly string[]; readonly database: 0 }
  /** A primary that Sentinels name, with the options by which it is found. */
  | { readonly kind: 'sentinel'; readonly options: SentinelOptions; readonly database: number };

/** The default port of a Sentinel. */
const SENTINEL_PORT = 26_379;

/**
 * Parses the address of a Redis:
 *
 * - `redis://[user:password@]host:6379[/database]`, or `rediss:` for TLS
 * - several of these, separated by commas: nodes of one cluster
 * - `redis+sentinel://[user:password@]host:26379,host:26379/<name of the primary>[/database]`, or `rediss+sentinel:`;
 *   user and password are those of the Redis servers, `?sentinelUsername=` and `?sentinelPassword=` those of the
 *   Sentinels
 *
 * @returns `undefined` where it is none of these
 */
export function parseRedisAddress(text: string): RedisAddress | undefined {
  const sentinel = /^(rediss?)\+sentinel:\/\/(?:([^@/]*)@)?([^/?]+)\/([^?]+)(?:\?(.*))?$/.exec(text.trim());
  if (sentinel) return sentinelAddress(sentinel);
  const urls = text.split(',').map((url) => url.trim());
  if (!urls.every((url) => URL.canParse(url) && ['redis:', 'rediss:'].includes(new URL(url).protocol)))
    return undefined;
  const [url = ''] = urls;
  if (urls.length > 1) return { kind: 'cluster', urls, database: 0 };
  const { pathname, searchParams } = new URL(url);
  const database = toDatabase(searchParams.get('db') ?? pathname.slice(1));
  return database === undefined ? undefined : { kind: 'single', url, database };
}

function sentinelAddress([, scheme, credentials = '', hosts = '', path = '', query = '']: RegExpExecArray):
  | RedisAddress
  | undefined {
  const [name = '', number = '', ...rest] = path.split('/');
  const database = toDatabase(number);
  const sentinels = hosts.split(',').map((host) => {
    const [, address = '', port] = /^(\[[^\]]+\]|[^:]+)(?::(\d{1,5}))?$/.exec(host.trim()) ?? [];
    return { host: address.replaceAll(/[[\]]/g, ''), port: port === undefined ? SENTINEL_PORT : Number(port) };
  });
  if (database === undefined || name === '' || rest.length > 0 || sentinels.some(({ host }) => host === '')) {
    return undefined;
  }
  const [username = '', ...password] = credentials.split(':').map(decodeURIComponent);
  const search = new URLSearchParams(query);
  const sentinelUsername = search.get('sentinelUsername');
  const sentinelPassword = search.get('sentinelPassword');
  const options: SentinelOptions = {
    sentinels,
    name: decodeURIComponent(name),
    db: database,
    ...(username !== '' && { username }),
    ...(password.length > 0 && { password: password.join(':') }),
    ...(sentinelUsername !== null && { sentinelUsername }),
    ...(sentinelPassword !== null && { sentinelPassword }),
    ...(scheme === 'rediss' && { tls: {}, enableTLSForSentinelMode: true }),
  };
  return { kind: 'sentinel', options, database };
}

function toDatabase(text: string): number | undefined {
  if (text === '') return 0;
  return /^\d{1,4}$/.test(text) ? Number(text) : undefined;
}
