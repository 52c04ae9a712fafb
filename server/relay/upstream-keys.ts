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
/** Keys that are asked for again at once: each takes the way to upstream and back. */
const RECHECKED_AT_ONCE = 32;

interface KnownKey {
  readonly key: string;
  readonly identity: Identity;
  readonly askedAt: number;
}

export function createUpstreamKeys(link: UpstreamLink, now: () => number): UpstreamKeys {
  // By the hash of the key: the keys themselves are in the memory of those who show them.
  const known = new Map<string, KnownKey>();
  const listeners = new Set<(ids: ReadonlySet<string>) => void>();

  /** Keys that are asked for now: a fleet that connects with one key asks once. */
  const asking = new Map<string, Promise<Identity>>();
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;

  const ask = (hashed: string, key: string, isRecheck: boolean): Promise<Identity> => {
    const asked = asking.get(hashed) ?? askUpstream(hashed, key, isRecheck).finally(() => asking.delete(hashed));
    asking.set(hashed, asked);
    return asked;
  };

  const askUpstream = async (hashed: string, key: string, isRecheck: boolean): Promise<Identity> => {
    try {
      const input = { token: key, ...(isRecheck && { recheck: true }) };
      const identity = parseIdentity(await link.query('relay.identify', input, TIMEOUT_MS));
      known.delete(hashed);
      for (const oldest of known.keys()) {
        if (known.size < MAX_KEYS) break;
        known.delete(oldest);
      }
      known.set(hashed, { key, identity, askedAt: now() });
      return identity;
    } catch (error) {
      if (!isNoKey(error)) throw error;
      const revoked = known.get(hashed);
      known.delete(hashed);
      const ids = new Set([revoked?.identity.id.slice('key:'.length) ?? '']);
      if (revoked) for (const listener of listeners) listener(ids);
      throw error;
    }
  };

  const recheckAll = async (): Promise<void> => {
    const waiting = [...known];
    const worker = async (): Promise<void> => {
      for (let entry = waiting.shift(); entry; entry = waiting.shift()) {
        const [hashed, { key }] = entry;
        try {
          // Not what somebody has asked before: that may be from before it was revoked.
          await askUpstream(hashed, key, true);
        } catch (error) {
          // It cannot be asked now.
          if (!isNoKey(error)) waiting.length = 0;
        }
      }
    };
    await Promise.all(Array.from({ length: RECHECKED_AT_ONCE }, worker));
  };

  /** One at a time: whoever asks while one runs is given the one after it, which knows what has happened meanwhile. */
  const recheck = (): Promise<void> => {
    if (running) return (next ??= running.then(recheck));
    next = undefined;
    running = recheckAll().finally(() => (running = undefined));
    return running;
  };
  const timer = setInterval(() => {
    if (!running) void recheck();
  }, RECHECK_MS);
  timer.unref();

  return {
    async identify(key, isRecheck = false) {
      const hashed = hashOf(key);
      const cached = known.get(hashed);
      const age = cached ? now() - cached.askedAt : Number.POSITIVE_INFINITY;
      if (cached && (age < CACHE_MS || (!link.isUp && age < AWAY_MS))) return cached.identity;
      return ask(hashed, key, isRecheck).catch((error: unknown) => {
        // It does not answer, which is no different from being away.
        if (cached && age < AWAY_MS && !isNoKey(error)) return cached.identity;
        throw error;
      });
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

/** Whether upstream has said that it is no key, or none any more. */
function isNoKey(error: unknown): boolean {
  return error instanceof RefusalError && error.refusal.reason === 'UNAUTHORIZED';
}
