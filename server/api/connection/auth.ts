import { createHash, timingSafeEqual } from 'node:crypto';
import { errors, jwtVerify } from 'jose';
import type { JWTPayload, JWTVerifyOptions } from 'jose';
import { z } from 'zod';
import { accessKeyOf, isAccessKey } from '../../access/access-keys.ts';
import type { AccessKeys } from '../../access/access-keys.ts';
import { RefusalError } from '../../core/errors.ts';
import { CAMPAIGN_ID_PATTERN } from '../../core/document/campaign.ts';
import { cleanJson } from '../../core/document/plain-json.ts';
import type { JsonObject } from '../../core/json.ts';
import { refuseAttributes } from '../../core/targeting/viewer.ts';
import { issueRefusal } from '../../core/document/issues/issue-refusal.ts';
import { inWords } from '../../core/document/issues/issue-words.ts';
import { RELAY, ROLES } from '../../core/permissions.ts';
import type { Identity } from '../../core/permissions.ts';
import { createKeySet } from './key-set.ts';

/** Claims that a token must have beside the contract's. `*` as issuer or audience: not checked. */
export interface TokenClaims {
  /** `iss` of the tokens: the identity provider. */
  readonly issuer?: string | undefined;
  /** `aud` of the tokens: this server, as the identity provider knows it. */
  readonly audience?: string | undefined;
  /** How far in the future `exp` may be, in milliseconds. Default 31 days. */
  readonly maxAgeMs?: number | undefined;
}

/** Source of the key that tokens are verified with. */
export type AuthKey =
  | ({ readonly kind: 'secret'; readonly secret: string } & TokenClaims)
  /** A key set signs tokens for many apps: which ones are meant has to be said. */
  | ({
      readonly kind: 'jwks';
      readonly url: string;
      readonly issuer: string;
      readonly audience: string;
      /** The interval at which it is fetched again, in milliseconds. Default: five minutes. */
      readonly recheckMs?: number | undefined;
    } & TokenClaims)
  /** No key: every caller is a development admin. */
  | { readonly kind: 'none' };

/** Options of {@link createAuthenticator}. */
export interface AuthOptions {
  readonly key: AuthKey;
  /** Whether callers without a token may read published campaigns. */
  readonly publicRead: boolean;
  /** What the workers of this process show it: a random secret. Default: there are none. */
  readonly workerKey?: string | undefined;
  /** API keys, which are taken beside tokens. Default: none. */
  readonly accessKeys?: Pick<AccessKeys, 'identify' | 'onRevoked'> | undefined;
}

/** Whether the rights of an identity were revoked before their expiry. */
export type IsRevoked = (identity: Identity) => boolean;

/** Verifier of tokens. */
export interface Authenticator {
  /**
   * The identity that a token stands for; rejects with a `RefusalError`: `UNAUTHORIZED`, or `UNAVAILABLE` where the
   * keys cannot be fetched.
   *
   * @param token `undefined` where the caller presented none
   * @param isRecheck whether it was shown before, and only asked for again: that is no use of an API key
   */
  identify(token: string | undefined, isRecheck?: boolean): Promise<Identity>;
  /** Calls back when identities are revoked, for the connections that are open. */
  onRevoked(listener: (isRevoked: IsRevoked) => void): void;
  stop(): void;
}

/** Characters that a secret must have: HS256 is as strong as its secret, and 256 bits take at least as many. */
export const MINIMUM_SECRET_LENGTH = 32;

/** How far in the future the `exp` of a token may be unless it is configured, in milliseconds: 31 days. */
export const DEFAULT_MAX_AGE_MS = 31 * 24 * 60 * 60 * 1_000;

const DEVELOPMENT_ADMIN: Identity = { id: 'dev', grants: { '*': 'admin' }, relaysAll: true };
/** A worker of this process: a relay of everything, and nothing else. */
const WORKER: Identity = { id: 'worker', grants: { '*': RELAY } };
const ANONYMOUS: Identity = { id: 'anonymous', anonymous: true, grants: { '*': 'viewer' } };

/** Subjects that stand for something else in the history and in the log. */
const RESERVED_SUBJECT = /^(system|anonymous|nobody|dev|worker|key:.*)$/s;

const claims = z.object({
  sub: z
    .string()
    .min(1)
    .max(200)
    .refine((value) => value.isWellFormed() && !value.includes('\u0000'), 'must be well-formed Unicode without U+0000')
    .refine((value) => !RESERVED_SUBJECT.test(value), 'is reserved'),
  exp: z.number(),
  campaigns: z.record(
    z.string().refine((id) => id === '*' || CAMPAIGN_ID_PATTERN.test(id), 'must be * or the id of a campaign'),
    z.enum([...ROLES, RELAY]),
  ),
  attributes: z
    .custom<JsonObject>((value) => cleanJson(value, []).ok, 'must be plain JSON')
    .refine(
      (value) => refuseAttributes(value, []) === undefined,
      'is too large; at most 4 KiB of attributes are allowed',
    )
    .exactOptional(),
  analytics: z.boolean().exactOptional(),
});

/** A token that was verified; `credential` names what it can be revoked by. */
interface Verified {
  readonly payload: JWTPayload;
  readonly credential: string | undefined;
}

/**
 * Authenticator for Bearer JWTs: `{sub, exp, campaigns: {'*' or id: 'viewer' or 'editor' or 'admin'}, attributes?,
 * analytics?}`.
 *
 * @example await createAuthenticator({ key: { kind: 'secret', secret }, publicRead: false }).identify(token)
 */
export function createAuthenticator({ key, publicRead, accessKeys, workerKey }: AuthOptions): Authenticator {
  if (key.kind === 'none') return { identify: async () => DEVELOPMENT_ADMIN, onRevoked: () => {}, stop: () => {} };
  const { maxAgeMs = DEFAULT_MAX_AGE_MS } = key;
  const listeners = new Set<(isRevoked: IsRevoked) => void>();
  const credentials = new WeakMap<Identity, string>();

  /** The tokens of keys that are not in the key set any more are revoked. */
  function onKeys(thumbprints: ReadonlySet<string>): void {
    const isRevoked: IsRevoked = (identity) => {
      const credential = credentials.get(identity);
      return credential !== undefined && !thumbprints.has(credential);
    };
    for (const listener of listeners) listener(isRevoked);
  }
  const options = { ...expected('issuer', key.issuer), ...expected('audience', key.audience) };
  const keySet = key.kind === 'jwks' ? createKeySet(key.url, onKeys, key.recheckMs) : undefined;
  const verifySecret = key.kind === 'secret' ? createSecretVerifier(key.secret, options) : undefined;

  accessKeys?.onRevoked((ids) => {
    const isRevoked: IsRevoked = (identity) => ids.has(accessKeyOf(identity) ?? '');
    for (const listener of listeners) listener(isRevoked);
  });

  async function identifyKey(
    keys: Pick<AccessKeys, 'identify'>,
    token: string,
    isRecheck: boolean | undefined,
  ): Promise<Identity> {
    const found = await keys.identify(token, isRecheck).catch((error: unknown) => {
      if (error instanceof RefusalError) throw error;
      throw new RefusalError('UNAVAILABLE', 'API keys cannot be looked up now', { retryAfterMs: 1_000 });
    });
    if (typeof found === 'object') return found;
    throw unauthorized(`The API key is ${found}`);
  }

  async function verify(token: string): Promise<Verified> {
    try {
      if (verifySecret) return { payload: await verifySecret(token), credential: undefined };
      const verified = await keySet?.verify(token, options);
      if (!verified) throw new Error('no key to verify tokens with');
      return { payload: verified.payload, credential: verified.keyThumbprint };
    } catch (error) {
      throw error instanceof RefusalError ? error : unauthorized(describe(error));
    }
  }

  return {
    async identify(token, isRecheck) {
      if (token !== undefined && workerKey !== undefined && isEqual(token, workerKey)) return WORKER;
      if (token !== undefined && accessKeys && isAccessKey(token)) return identifyKey(accessKeys, token, isRecheck);
      if (token !== undefined) {
        const { payload, credential } = await verify(token);
        const identity = toIdentity(payload, maxAgeMs, token);
        if (credential !== undefined) credentials.set(identity, credential);
        return identity;
      }
      if (publicRead) return ANONYMOUS;
      throw unauthorized('A token is needed: none was sent');
    },
    onRevoked(listener) {
      listeners.add(listener);
    },
    stop: () => keySet?.stop(),
  };
}

/** Whether two secrets are equal, in a time that does not tell how far they are. */
function isEqual(one: string, other: string): boolean {
  const [a, b] = [one, other].map((text) => createHash('sha256').update(text).digest());
  return a !== undefined && b !== undefined && timingSafeEqual(a, b);
}

/** The option of jose for a claim; none where the claim is not checked. */
function expected(name: 'issuer' | 'audience', value: string | undefined): JWTVerifyOptions {
  return value === undefined || value === '*' ? {} : { [name]: value };
}

function createSecretVerifier(secret: string, options: JWTVerifyOptions): (token: string) => Promise<JWTPayload> {
  // Imported once: jose would import it for every token, which takes longer than the verification.
  const key = crypto.subtle.importKey(
    'raw',
    new TextEncoder().encode(secret),
    { name: 'HMAC', hash: 'SHA-256' },
    false,
    ['verify'],
  );
  return async (token) => (await jwtVerify(token, await key, { ...options, algorithms: ['HS256'] })).payload;
}

function describe(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'The token has expired';
  if (error instanceof errors.JWSSignatureVerificationFailed)
    return "The token's signature does not fit this server's key";
  if (error instanceof errors.JWKSNoMatchingKey) return "The token's key is not in this server's key set";
  if (error instanceof errors.JOSEAlgNotAllowed) return "The token's algorithm is not allowed";
  if (error instanceof errors.JWTClaimValidationFailed)
    return `The token's claim ${error.claim} does not hold: ${error.reason}`;
  return 'The token is not a valid JWT';
}

/** Names a token, in the audit: by its own id, or by a part of its hash, from which nobody can make it. */
function tokenIdOf({ jti }: JWTPayload, token: string): string {
  const isUsable = typeof jti === 'string' && jti.length > 0 && jti.length <= 64 && jti.isWellFormed();
  return isUsable && !jti.includes('\u0000')
    ? jti
    : createHash('sha256').update(token).digest('base64url').slice(0, 12);
}

function toIdentity(payload: JWTPayload, maxAgeMs: number, token: string): Identity {
  const parsed = claims.safeParse(payload, { error: inWords });
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw unauthorized(`The token's claim ${issue ? issueRefusal(issue).message : 'is not valid'}`);
  }
  const { sub, exp, campaigns, attributes, analytics } = parsed.data;
  const expiresAt = exp * 1_000;
  if (expiresAt - Date.now() > maxAgeMs)
    throw unauthorized(`The token's claim exp: must be at most ${Math.round(maxAgeMs / 1_000)} seconds from now`);
  return {
    id: sub,
    grants: campaigns,
    expiresAt,
    tokenId: tokenIdOf(payload, token),
    ...(attributes && { attributes }),
    ...(analytics === true && { analytics }),
  };
}

function unauthorized(message: string): RefusalError {
  return new RefusalError('UNAUTHORIZED', message);
}

/**
 * Token of an `Authorization` header; `undefined` where there is no header.
 *
 * @throws RefusalError `UNAUTHORIZED` for a header that is no bearer token: its caller did not mean to be anonymous
 */
export function bearerToken(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  const token = /^Bearer +(\S+)$/i.exec(header)?.[1];
  if (token === undefined) throw unauthorized('The Authorization header takes `Bearer <token>`');
  return token;
}
