import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { AccessKey, AccessKeyStore, StoredAccessKey } from '../core/access-key.ts';
import type { Grants, Identity } from '../core/permissions.ts';

/** Prefix of every key, by which people and secret scanners know one. */
const PREFIX = 'csk_';

const KEY = /^csk_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/;

/** How long a key that was looked up is taken without asking again, in milliseconds. */
const CACHE_MS = 5_000;

/** The interval at which keys in use are looked up again and their last use is stored, in milliseconds. */
const RECHECK_MS = 10_000;

/** Keys that are cached at most. */
const CACHED_KEYS = 10_000;

/** A new key, with its secret: the only time that it is shown. */
export interface CreatedAccessKey extends AccessKey {
  readonly key: string;
}

/** What a new key is made of. */
export interface NewAccessKey {
  readonly name: string;
  readonly grants: Grants;
  readonly expiresAt?: number | undefined;
  readonly createdBy: string;
}

/** Why a key is not accepted. */
export type KeyProblem = 'malformed' | 'unknown' | 'revoked' | 'expired';

/** API keys of services: made, listed, revoked and verified. */
export interface AccessKeys {
  create(key: NewAccessKey): Promise<CreatedAccessKey>;
  /** All keys without their hashes, the newest first. */
  list(): Promise<AccessKey[]>;
  /** Revokes a key on this instance at once, on the others within ten seconds; false where there is none. */
  revoke(id: string): Promise<boolean>;
  /** The identity that a key stands for, or why it stands for none. Rejects where the archive does not answer. */
  identify(key: string): Promise<Identity | KeyProblem>;
  /** Calls back with the ids of keys that have been revoked while they were in use. */
  onRevoked(listener: (ids: ReadonlySet<string>) => void): void;
  /** Stores the last uses, and stops. */
  stop(): Promise<void>;
}

/** Options of {@link createAccessKeys}. */
export interface AccessKeysOptions {
  /** Epoch milliseconds. Default: the system's clock. */
  readonly now?: () => number;
  /** Called with the id of a key that was accepted. */
  readonly onUse?: (id: string) => void;
}

/** Whether a token is an API key, and no JWT. */
export function isAccessKey(token: string): boolean {
  return token.startsWith(PREFIX);
}

/** The id of the key that an identity stands for; `undefined` for callers with a JWT. */
export function accessKeyOf({ id }: Identity): string | undefined {
  return id.startsWith('key:') ? id.slice('key:'.length) : undefined;
}

/**
 * API keys over a storage. The secret has 256 bits of its own, so that a plain SHA-256 of it is as hard to reverse as
 * the secret is to guess; a slow hash would only let callers burn the server's time.
 */
export function createAccessKeys(store: AccessKeyStore, { now = Date.now, onUse }: AccessKeysOptions = {}): AccessKeys {
  const cache = new Map<string, { readonly key: StoredAccessKey | undefined; readonly at: number }>();
  /** Last uses that are not stored yet. */
  const uses = new Map<string, number>();
  /** Keys that identities were given for and that were not revoked. */
  const inUse = new Set<string>();
  const listeners = new Set<(ids: ReadonlySet<string>) => void>();

  function remember(id: string, key: StoredAccessKey | undefined): void {
    if (cache.size >= CACHED_KEYS) cache.clear();
    cache.set(id, { key, at: now() });
  }

  async function find(id: string): Promise<StoredAccessKey | undefined> {
    const known = cache.get(id);
    if (known && now() - known.at < CACHE_MS) return known.key;
    const key = await store.findKey(id);
    remember(id, key);
    return key;
  }

  function announce(ids: ReadonlySet<string>): void {
    for (const id of ids) inUse.delete(id);
    if (ids.size > 0) for (const listener of listeners) listener(ids);
  }

  async function recheck(): Promise<void> {
    await storeUses();
    if (inUse.size === 0) return;
    const keys = await store.listKeys();
    for (const key of keys) if (inUse.has(key.id)) remember(key.id, key);
    announce(new Set(keys.filter(({ id, revokedAt }) => revokedAt !== undefined && inUse.has(id)).map(({ id }) => id)));
  }

  async function storeUses(): Promise<void> {
    const pending = [...uses].map(([id, at]) => ({ id, at }));
    uses.clear();
    if (pending.length > 0) await store.markKeysUsed(pending);
  }

  // An archive that does not answer now is asked again; what it held stays valid until then.
  const timer = setInterval(() => void recheck().catch(() => undefined), RECHECK_MS);
  timer.unref();

  return {
    async create({ name, grants, expiresAt, createdBy }) {
      const id = randomBytes(8).toString('hex');
      const secret = randomBytes(32).toString('base64url');
      const key = { id, name, grants, createdAt: now(), createdBy, expiresAt, revokedAt: undefined };
      await store.insertKey({ ...key, lastUsedAt: undefined, hash: hashOf(secret) });
      return { ...key, lastUsedAt: undefined, key: `${PREFIX}${id}_${secret}` };
    },
    async list() {
      await storeUses();
      return (await store.listKeys()).map(({ hash: _secret, ...key }) => key);
    },
    async revoke(id) {
      const isKnown = await store.revokeKey(id, now());
      cache.delete(id);
      if (isKnown) announce(new Set([id]));
      return isKnown;
    },
    async identify(text) {
      const [, id, secret] = KEY.exec(text) ?? [];
      if (id === undefined || secret === undefined) return 'malformed';
      const key = await find(id);
      if (!key || !timingSafeEqual(Buffer.from(key.hash), Buffer.from(hashOf(secret)))) return 'unknown';
      if (key.revokedAt !== undefined) return 'revoked';
      if (key.expiresAt !== undefined && key.expiresAt <= now()) return 'expired';
      uses.set(id, now());
      onUse?.(id);
      inUse.add(id);
      return { id: `key:${id}`, grants: key.grants, ...(key.expiresAt !== undefined && { expiresAt: key.expiresAt }) };
    },
    onRevoked(listener) {
      listeners.add(listener);
    },
    async stop() {
      clearInterval(timer);
      await storeUses().catch(() => undefined);
    },
  };
}

function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}
