import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { PREVIEW_LIMITS } from '../core/access-key.ts';
import type { AccessKey, AccessKeyStore, PreviewOutcome, StoredAccessKey } from '../core/access-key.ts';
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

/** What the key in a new link to a preview is made of. */
export interface NewPreviewKey extends Pick<NewAccessKey, 'name' | 'createdBy'> {
  readonly campaignId: string;
  /** In milliseconds. */
  readonly lifetimeMs: number;
}

/** Why a key is not accepted. */
export type KeyProblem = 'malformed' | 'unknown' | 'revoked' | 'expired';

/** API keys of services and of previews: made, listed, revoked and verified. */
export interface AccessKeys {
  create(key: NewAccessKey): Promise<CreatedAccessKey>;
  /** The key in a new link to a preview, or why there is none: no such campaign, or as many of it as there may be. */
  createPreview(key: NewPreviewKey): Promise<CreatedAccessKey | Exclude<PreviewOutcome, 'stored'>>;
  /** All keys without their hashes, the newest first. */
  list(): Promise<AccessKey[]>;
  /** The keys in the links that open the preview of a campaign now, the newest first. */
  listPreviews(campaignId: string): Promise<AccessKey[]>;
  /**
   * Revokes a key on this instance at once, on the others within ten seconds; false where there is none.
   *
   * @param previewOf only where it is in a link to the preview of this campaign
   */
  revoke(id: string, previewOf?: string): Promise<boolean>;
  /** Looks at the keys in use again: those that are revoked, or gone with their campaign, end. */
  recheck(): Promise<void>;
  /**
   * The identity that a key stands for, or why it stands for none. Rejects where the archive does not answer.
   *
   * @param isRecheck whether it was shown before, and only asked for again: then it counts as no use
   */
  identify(key: string, isRecheck?: boolean): Promise<Identity | KeyProblem>;
  /** Calls back with the ids of keys that have been revoked while they were in use. */
  onRevoked(listener: (ids: ReadonlySet<string>) => void): void;
  /** Stores the last uses, and stops. */
  stop(): Promise<void>;
}

/** Options of {@link createAccessKeys}. */
export interface AccessKeysOptions {
  /** Epoch milliseconds. Default: the system's clock. */
  readonly now?: () => number;
  /** Called with a key that was accepted. */
  readonly onUse?: (key: AccessKey) => void;
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
  /** Keys that identities were given for and that have not ended since. */
  const inUse = new Set<string>();
  /** Revocations on this instance: what was read of a key while one came may be from before it. */
  let revocations = 0;
  const listeners = new Set<(ids: ReadonlySet<string>) => void>();

  function remember(id: string, key: StoredAccessKey | undefined): void {
    if (cache.size >= CACHED_KEYS) cache.clear();
    cache.set(id, { key, at: now() });
  }

  async function find(id: string): Promise<StoredAccessKey | undefined> {
    const known = cache.get(id);
    if (known && now() - known.at < CACHE_MS) return known.key;
    const before = revocations;
    const [key] = await store.findKeys([id]);
    if (revocations !== before) return find(id);
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
    const used = [...inUse];
    const before = revocations;
    const keys = new Map((await store.findKeys(used)).map((key) => [key.id, key]));
    // A key of a link goes with its campaign, or once it was revoked and another one is made.
    announce(new Set(used.filter((id) => keys.get(id)?.revokedAt !== undefined || !keys.has(id))));
    for (const id of used) {
      const key = keys.get(id);
      if (revocations === before) remember(id, key);
      // Connections end at that time by themselves.
      if (key?.expiresAt !== undefined && key.expiresAt <= now()) inUse.delete(id);
    }
  }

  async function storeUses(): Promise<void> {
    const pending = [...uses].map(([id, at]) => ({ id, at }));
    uses.clear();
    if (pending.length > 0) await store.markKeysUsed(pending);
  }

  function shown({ hash: _secret, ...key }: StoredAccessKey): AccessKey {
    return key;
  }

  /** A key that is not stored yet, and its text. */
  function makeKey(made: Omit<NewAccessKey, 'expiresAt'> & Pick<AccessKey, 'expiresAt' | 'previewOf'>) {
    const id = randomBytes(8).toString('hex');
    const secret = randomBytes(32).toString('base64url');
    const key = { ...made, id, createdAt: now(), revokedAt: undefined, lastUsedAt: undefined };
    return { stored: { ...key, hash: hashOf(secret) }, created: { ...key, key: `${PREFIX}${id}_${secret}` } };
  }

  // An archive that does not answer now is asked again; what it held stays valid until then.
  const timer = setInterval(() => void recheck().catch(() => undefined), RECHECK_MS);
  timer.unref();

  return {
    async create({ name, grants, expiresAt, createdBy }) {
      const { stored, created } = makeKey({ name, grants, expiresAt, createdBy, previewOf: undefined });
      await store.insertKey(stored);
      return created;
    },
    async createPreview({ campaignId, name, lifetimeMs, createdBy }) {
      const grants = { [campaignId]: 'viewer' } as const;
      const key = { name, grants, expiresAt: now() + lifetimeMs, createdBy, previewOf: campaignId };
      const { stored, created } = makeKey(key);
      const outcome = await store.insertPreview({ ...stored, previewOf: campaignId }, PREVIEW_LIMITS.perCampaign);
      return outcome === 'stored' ? created : outcome;
    },
    async list() {
      await storeUses();
      return (await store.listKeys()).map(shown);
    },
    async listPreviews(campaignId) {
      await storeUses();
      return (await store.listPreviews(campaignId, now())).map(shown);
    },
    async revoke(id, previewOf) {
      const isKnown = await store.revokeKey(id, now(), previewOf);
      revocations += 1;
      cache.delete(id);
      if (isKnown) announce(new Set([id]));
      return isKnown;
    },
    recheck,
    async identify(text, isRecheck = false) {
      const [, id, secret] = KEY.exec(text) ?? [];
      if (id === undefined || secret === undefined) return 'malformed';
      const key = await find(id);
      if (!key || !timingSafeEqual(Buffer.from(key.hash), Buffer.from(hashOf(secret)))) return 'unknown';
      if (key.revokedAt !== undefined) return 'revoked';
      if (key.expiresAt !== undefined && key.expiresAt <= now()) return 'expired';
      if (!isRecheck) {
        uses.set(id, now());
        onUse?.(key);
      }
      inUse.add(id);
      return {
        id: `key:${id}`,
        grants: key.grants,
        ...(key.expiresAt !== undefined && { expiresAt: key.expiresAt }),
        ...(key.previewOf !== undefined && { isPreview: true }),
      };
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
