import { calculateJwkThumbprint, createRemoteJWKSet, errors, exportJWK, jwtVerify } from 'jose';
import type { CryptoKey, JWK, JWTPayload, JWTVerifyOptions, KeyObject } from 'jose';
import { RefusalError } from '../../core/errors.ts';

/** Algorithms accepted with a key set. HS256 is not: a forger knows the public keys and could sign with them. */
const PUBLIC_KEY_ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
];

/** The interval at which the key set is fetched again, in milliseconds: tokens of a removed key end within it. */
const RECHECK_MS = 5 * 60_000;

/** The shortest interval between two fetches for tokens with an unknown key, in milliseconds. */
const COOLDOWN_MS = 10_000;

/** The time limit of a fetch, in milliseconds. */
const FETCH_TIMEOUT_MS = 5_000;

/** A token that was verified, and the thumbprint of the key that signed it. */
export interface VerifiedToken {
  readonly payload: JWTPayload;
  readonly keyThumbprint: string;
}

/** Keys of an identity provider, fetched from its address and fetched again. */
export interface KeySet {
  /**
   * Verifies a token; rejects with the error of jose, or with a `RefusalError` `UNAVAILABLE` where the key set cannot
   * be fetched, or where the token's key is not in it yet.
   */
  verify(token: string, options: JWTVerifyOptions): Promise<VerifiedToken>;
  /** Stops fetching. */
  stop(): void;
}

/**
 * @param url address of the JSON Web Key Set
 * @param onKeys called after each fetch with the thumbprints of all keys that are valid now
 * @param recheckMs interval of the fetches, in milliseconds
 */
export function createKeySet(
  url: string,
  onKeys: (thumbprints: ReadonlySet<string>) => void,
  recheckMs: number = RECHECK_MS,
): KeySet {
  const keys = createRemoteJWKSet(new URL(url), {
    cooldownDuration: Math.min(COOLDOWN_MS, recheckMs),
    cacheMaxAge: recheckMs * 2,
    timeoutDuration: FETCH_TIMEOUT_MS,
  });
  // Exporting a key takes as long as verifying a token.
  const thumbprints = new WeakMap<CryptoKey | KeyObject | Uint8Array, string>();
  let isUsed = false;

  async function thumbprintOf(key: CryptoKey | KeyObject | Uint8Array): Promise<string> {
    const known = thumbprints.get(key);
    if (known !== undefined) return known;
    const thumbprint = await calculateJwkThumbprint(await exportJWK(key));
    thumbprints.set(key, thumbprint);
    return thumbprint;
  }

  async function recheck(): Promise<void> {
    // Where no token was verified, no token has to end.
    if (!isUsed) return;
    try {
      await keys.reload();
    } catch {
      // While the key set is out of reach its keys go on until they are too old; new tokens are UNAVAILABLE then.
      return;
    }
    const current = (keys.jwks()?.keys ?? []).map((jwk: JWK) => calculateJwkThumbprint(jwk).catch(() => ''));
    onKeys(new Set(await Promise.all(current)));
  }
  const timer = setInterval(() => void recheck(), recheckMs);
  timer.unref();

  return {
    async verify(token, options) {
      isUsed = true;
      // Fetched so short a time ago that it is not fetched again for this token.
      const isCoolingDown = keys.coolingDown;
      try {
        const { payload, key } = await jwtVerify(token, keys, { ...options, algorithms: PUBLIC_KEY_ALGORITHMS });
        return { payload, keyThumbprint: await thumbprintOf(key) };
      } catch (error) {
        const isUnknownKey = error instanceof errors.JWKSNoMatchingKey;
        if (isUnknownKey ? !isCoolingDown : isAboutTheToken(error)) throw error;
        const message = isUnknownKey
          ? "The token's key is not in the key set, which is fetched again in a moment"
          : 'The keys to verify tokens with cannot be fetched now';
        throw new RefusalError('UNAVAILABLE', message, { retryAfterMs: isUnknownKey ? COOLDOWN_MS : FETCH_TIMEOUT_MS });
      }
    },
    stop: () => clearInterval(timer),
  };
}

/** Whether the token is at fault, not the endpoint that serves the keys. */
function isAboutTheToken(error: unknown): boolean {
  if (error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid) return false;
  // The base class means that the key set's endpoint answered with a status other than 200.
  return error instanceof errors.JOSEError && error.code !== errors.JOSEError.code;
}
