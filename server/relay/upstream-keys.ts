import { createHash } from 'node:crypto';
import type { AccessKeys } from '../access/access-keys.ts';
import { RefusalError } from '../core/errors.ts';
import type { Identity } from '../core/permissions.ts';
import { parseIdentity } from './settings.ts';
import type { UpstreamLink } from './upstream-link.ts';

/** API keys as a relay knows them: by asking its upstream. */
export interface UpstreamKeys extends Pick<AccessKeys, 'identify' | 'onRevoked'> {
  /** Asks for all keys in use again; those that were revoked end here. */
  recheck(): Promise<void>;
  stop(): void;
}

/** How long an answer is taken without asking again, in milliseconds; as an instance does it. */
const CACHE_MS = 5_000;
/** The interval at which keys in use are asked for again, in milliseconds. */
const RECHECK_MS = 10_000;
/** While upstream is away, what it has last said of a key counts for so long, in milliseconds. */
const AWAY_MS = 60 * 60_000;
const MAX_KEYS = 10_000;
const TIMEOUT_MS = 5_000;

interface KnownKey {
  readonly identity: Identity;
  askedAt: number;
}

export function createUpstreamKeys(link: UpstreamLink, now: () => number): UpstreamKeys {
  // By the hash of the key: the keys themselves are in the memory of those who show them.
  const known = new Map<string, KnownKey & { readonly key: string }>();
  const listeners = new Set<(ids: ReadonlySet<string>) => void>();

  const ask = async (key: string): Promise<Identity> =>
    parseIdentity(await link.query('relay.identify', { token: key }, TIMEOUT_MS));

  const remember = (key: string, identity: Identity): Identity => {
    if (known.size >= MAX_KEYS) known.clear();
    known.set(hashOf(key), { key, identity, askedAt: now() });
    return identity;
  };

  const recheck = async (): Promise<void> => {
    for (const [hashed, { key, identity }] of known) {
      try {
        remember(key, await ask(key));
      } catch (error) {
        if (!(error instanceof RefusalError) || error.refusal.reason !== 'UNAUTHORIZED') return;
        known.delete(hashed);
        const ids = new Set([identity.id.slice('key:'.length)]);
        for (const listener of listeners) listener(ids);
      }
    }
  };
  const timer = setInterval(() => void recheck(), RECHECK_MS);
  timer.unref();

  return {
    async identify(key) {
      const hashed = hashOf(key);
      const cached = known.get(hashed);
      const age = cached ? now() - cached.askedAt : Number.POSITIVE_INFINITY;
      if (cached && (age < CACHE_MS || (!link.isUp && age < AWAY_MS))) return cached.identity;
      try {
        return remember(key, await ask(key));
      } catch (error) {
        known.delete(hashed);
        throw error;
      }
    },
    onRevoked(listener) {
      listeners.add(listener);
    },
    recheck,
    stop: () => clearInterval(timer),
  };
}

function hashOf(key: string): string {
  return createHash('sha256').update(key).digest('base64url');
}
