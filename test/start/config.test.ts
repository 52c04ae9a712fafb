import { describe, expect, test } from 'vitest';
import { createCampaignServer, createLogger } from '../../server/index.ts';
import { readConfig } from '../../server/cli/config.ts';
import type { Config } from '../../server/cli/config.ts';
import { PRIVATE_NETWORKS } from '../../server/api/connection/client-address.ts';
import { parseDuration } from '../../server/cli/duration.ts';

function configOf(env: Record<string, string>): Config {
  const read = readConfig(env);
  if (!read.ok) throw new Error(read.message);
  return read.config;
}

function refusalOf(env: Record<string, string>): string {
  const read = readConfig(env);
  if (read.ok) throw new Error('not refused');
  return read.message;
}

const SECRET = 'x'.repeat(32);

/** Variable, field, default, a good value, what it is read as, bad values, and their message. */
const variables: [string, keyof Config, unknown, string, unknown, string[], RegExp][] = [
  ['CAMPAIGN_STATE_ENABLED', 'enabled', true, 'false', false, ['yes', '1', 'TRUE'], /takes true or false/],
  [
    'CAMPAIGN_PERSISTENCE_ENABLED',
    'storage',
    { kind: 'embedded', dataDir: './data' },
    'false',
    { kind: 'none' },
    ['no'],
    /takes true or false/,
  ],
  [
    'CAMPAIGN_SUBSCRIBER_BUFFER',
    'subscriberBuffer',
    16,
    '64',
    64,
    ['0', '-1', '1.5', 'many', '1e3'],
    /takes a whole number from 1 to 1000/,
  ],
  ['CAMPAIGN_DURABILITY', 'durability', 'accepted', 'durable', 'durable', ['always'], /takes accepted or durable/],
  [
    'CAMPAIGN_IDLE_TTL',
    'idleTtl',
    600_000,
    '90s',
    90_000,
    ['soon', '10', '10 m', '-1m'],
    /takes a duration such as .*10m/,
  ],
  ['CAMPAIGN_MAX_LOADED', 'maxLoaded', undefined, '500', 500, ['0', 'x'], /takes a whole number from 1/],
  ['CAMPAIGN_MAX_BACKLOG', 'maxBacklog', 100_000, '5', 5, ['0'], /takes a whole number from 1/],
  ['CAMPAIGN_RATE_LIMIT', 'rateLimit', 1_000, '0', 0, ['-5', '1000001'], /takes a whole number from 0 to 1000000/],
  ['CAMPAIGN_CALL_LIMIT', 'callLimit', 2_000, '0', 0, ['-5', '1000001'], /takes a whole number from 0 to 1000000/],
  [
    'ANALYTICS_KEY',
    'analyticsKey',
    undefined,
    'k'.repeat(32),
    'k'.repeat(32),
    ['short'],
    /takes at least 32 characters/,
  ],
  ['ANALYTICS_MAX_BACKLOG', 'analyticsBacklog', 50_000, '5', 5, ['0'], /takes a whole number from 1/],
  ['ANALYTICS_EVENT_LIMIT', 'eventLimit', 1_000, '0', 0, ['-5'], /takes a whole number from 0 to 1000000/],
  ['ANALYTICS_KEEP_UNITS', 'analyticsKeepUnits', 7_776_000_000, '30d', 2_592_000_000, ['long'], /takes a duration/],
  ['ANALYTICS_KEEP_MINUTES', 'analyticsKeepMinutes', 34_560_000_000, '7d', 604_800_000, ['x'], /takes a duration/],
  [
    'TRUSTED_PROXIES',
    'trustedProxies',
    PRIVATE_NETWORKS,
    '203.0.113.0/24, 2001:db8::1',
    ['203.0.113.0/24', '2001:db8::1'],
    ['proxy', '10.0.0.0/33', '10.0.0.0/8/8'],
    /takes networks such as/,
  ],
  ['CAMPAIGN_MAX_CONNECTIONS', 'maxConnections', 20_000, '10', 10, ['0'], /takes a whole number from 1/],
  [
    'CAMPAIGN_MAX_CONNECTIONS_PER_CALLER',
    'maxConnectionsPerCaller',
    undefined,
    '10',
    10,
    ['0'],
    /takes a whole number from 1/,
  ],
  ['CAMPAIGN_FLEET', 'fleet', undefined, 'eu-1', 'eu-1', ['a b', 'x'.repeat(65)], /takes 1 to 64 letters/],
  [
    'CAMPAIGN_MAX_UNREAD',
    'maxUnsentBytes',
    undefined,
    '512',
    512 * 1024 * 1024,
    ['0', '1.5', '64MB'],
    /takes a whole number from 1 to 1000000/,
  ],
  [
    'CAMPAIGN_NAMESPACE',
    'namespace',
    'cs',
    'shop_2',
    'shop_2',
    ['Shop', '2shop', 'a-b', 'x'.repeat(33), 'pg_shop'],
    /takes 1 to 32 of a-z/,
  ],
  ['PORT', 'port', 4_000, '0', 0, ['65536', 'http'], /takes a whole number from 0 to 65535/],
  ['HOST', 'host', '127.0.0.1', '::1', '::1', ['a b', 'http://x'], /takes the name or the address/],
  ['METRICS_PORT', 'metricsPort', undefined, '9100', 9_100, ['x'], /takes a whole number from 0 to 65535/],
  [
    'ALLOWED_ORIGINS',
    'allowedOrigins',
    [],
    'https://a.example, http://b.example:8080, chrome-extension://abcdef',
    ['https://a.example', 'http://b.example:8080', 'chrome-extension://abcdef'],
    ['a.example', 'https://a.example/path', 'https://a.example,', 'https://*.a.example', 'https://*'],
    /takes origins such as .* without a wildcard/,
  ],
  [
    'DATABASE_URL',
    'storage',
    { kind: 'embedded', dataDir: './data' },
    'postgres://u:p@h/d',
    { kind: 'postgres', url: 'postgres://u:p@h/d' },
    ['h:5432', 'mysql://h/d'],
    /takes an address such as postgres:/,
  ],
  [
    'DATA_DIR',
    'storage',
    { kind: 'embedded', dataDir: './data' },
    '/var/x',
    { kind: 'embedded', dataDir: '/var/x' },
    [],
    /-/,
  ],
  [
    'AUTH_SECRET',
    'auth',
    { kind: 'none' },
    SECRET,
    { kind: 'secret', secret: SECRET, maxAgeMs: 2_678_400_000 },
    ['short'],
    /takes at least 32 characters/,
  ],
  ['AUTH_MODE', 'insecure', false, 'insecure', true, ['none', 'secure'], /takes insecure, or nothing/],
  ['CAMPAIGN_PUBLIC_READ', 'publicRead', false, 'true', true, ['on'], /takes true or false/],
  ['AUDIT_KEY', 'auditKey', undefined, '/etc/audit.pem', '/etc/audit.pem', [], /-/],
  ['AUDIT_OLD_KEYS', 'auditOldKeys', [], 'a.pem, b.pem', ['a.pem', 'b.pem'], [], /-/],
  ['AUDIT_ADDRESSES', 'auditAddresses', false, 'true', true, ['yes'], /takes true or false/],
  ['SNAPSHOT_DIR', 'snapshotDir', undefined, '/var/snapshots', '/var/snapshots', [], /-/],
  ['SNAPSHOT_EVERY', 'snapshotEvery', 86_400_000, '6h', 21_600_000, ['often', '6'], /takes a duration/],
  [
    'HISTORY_KEEP',
    'historyKeep',
    undefined,
    '1000,90d',
    { versions: 1_000, ageMs: 90 * 86_400_000 },
    ['0', '1,2', '9x', '1d,2d'],
    /takes a number of versions/,
  ],
  ['SNAPSHOT_KEEP', 'snapshotKeep', 7, '30', 30, ['0', 'all'], /takes a whole number from 1/],
  ['START_TIMEOUT', 'startTimeout', 30_000, '500ms', 500, ['30'], /takes a duration/],
  ['LOG_LEVEL', 'logLevel', 'info', 'debug', 'debug', ['verbose'], /takes debug, info/],
];

describe.each(variables)('F1 %s', (name, field, fallback, given, becomes, bad, says) => {
  test('F1 has its default, and takes a good value', () => {
    expect(configOf({})[field]).toEqual(fallback);
    expect(configOf({ [name]: '' })[field]).toEqual(fallback);
    expect(configOf({ [name]: given })[field]).toEqual(becomes);
  });

  test.runIf(bad.length > 0)('F1 a bad value is refused with the name and what it takes, and is not shown', () => {
    for (const value of bad) {
      const message = refusalOf({ [name]: value });
      expect(message).toMatch(new RegExp(`^${name} `));
      expect(message).toMatch(says);
      expect(message.endsWith('.')).toBe(true);
      expect(message.split('\n')).toHaveLength(1);
    }
    expect(refusalOf({ AUTH_SECRET: 'hunter2' })).not.toContain('hunter2');
  });
});

test('F1 AUTH_JWKS_URL, with the issuer and the audience that it needs', () => {
  const AUTH_JWKS_URL = 'https://id.example/keys';
  for (const env of [{}, { AUTH_ISSUER: '*' }, { AUTH_AUDIENCE: 'campaigns' }])
    expect(refusalOf({ AUTH_JWKS_URL, ...env })).toMatch(/^AUTH_JWKS_URL needs AUTH_ISSUER and AUTH_AUDIENCE/);
  const AUTH_ISSUER = 'https://id.example';
  expect(configOf({ AUTH_JWKS_URL, AUTH_ISSUER, AUTH_AUDIENCE: '*', AUTH_MAX_AGE: '1d' }).auth).toEqual({
    kind: 'jwks',
    url: AUTH_JWKS_URL,
    issuer: AUTH_ISSUER,
    audience: '*',
    maxAgeMs: 86_400_000,
  });
  for (const bad of ['id.example', 'file:///etc/passwd'])
    expect(refusalOf({ AUTH_JWKS_URL: bad })).toMatch(/^AUTH_JWKS_URL takes the http\(s\) address/);
});

test('F1 durations', () => {
  expect(['0ms', '500ms', '30s', '10m', '12h', '7d'].map(parseDuration)).toEqual([
    0, 500, 30_000, 600_000, 43_200_000, 604_800_000,
  ]);
  expect(['', 's', '1', '1.5h', '1w', ' 1s', '1S'].map(parseDuration)).toEqual(Array(7).fill(undefined));
});

test('F2 variables that exclude each other', () => {
  expect(refusalOf({ AUTH_SECRET: SECRET, AUTH_JWKS_URL: 'https://id.example/keys' })).toMatch(
    /AUTH_SECRET and AUTH_JWKS_URL exclude each other/,
  );
  expect(refusalOf({ CAMPAIGN_PERSISTENCE_ENABLED: 'false', CAMPAIGN_DURABILITY: 'durable' })).toMatch(
    /CAMPAIGN_DURABILITY takes accepted/,
  );
});

test('F2 without a key only loopback is served, unless AUTH_MODE=insecure allows others', async () => {
  for (const HOST of ['0.0.0.0', '::', '192.168.1.7', 'example.com']) {
    expect(refusalOf({ HOST })).toMatch(/^HOST takes a loopback address.*AUTH_MODE=insecure/);
    expect(configOf({ HOST, AUTH_MODE: 'insecure' })).toMatchObject({ host: HOST, insecure: true });
    expect(configOf({ HOST, AUTH_SECRET: SECRET })).toMatchObject({ host: HOST });
  }
  await expect(createCampaignServer({ host: '0.0.0.0', port: 0, logger: createLogger('silent') })).rejects.toThrow(
    /only a loopback HOST is served/,
  );
  for (const HOST of ['127.0.0.1', '127.1.2.3', '::1', 'localhost']) expect(configOf({ HOST }).host).toBe(HOST);
});
