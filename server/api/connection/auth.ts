import { createRemoteJWKSet, errors, jwtVerify } from 'jose';
import type { JWTPayload, JWTVerifyGetKey } from 'jose';
import { z } from 'zod';
import { RefusalError } from '../../core/errors.ts';
import { CAMPAIGN_ID_PATTERN } from '../../core/document/campaign.ts';
import { issueRefusal } from '../../core/document/issue-refusal.ts';
import { inWords } from '../../core/document/issue-words.ts';
import { ROLES } from '../../core/permissions.ts';
import type { Identity } from '../../core/permissions.ts';

/** Source of the key that tokens are verified with. */
export type AuthKey =
  | { kind: 'secret'; secret: string }
  | { kind: 'jwks'; url: string }
  /** No key: every caller is a development admin. */
  | { kind: 'none' };

export interface AuthOptions {
  readonly key: AuthKey;
  /** Whether callers without a token may read published campaigns. */
  readonly publicRead: boolean;
}

/** Verifier of tokens. */
export interface Authenticator {
  /**
   * The identity that a token stands for; rejects with a `RefusalError`: `UNAUTHORIZED`, or `UNAVAILABLE` where the
   * keys cannot be fetched.
   *
   * @param token `undefined` where the caller presented none
   */
  identify(token: string | undefined): Promise<Identity>;
}

/** Characters that a secret must have: HS256 is as strong as its secret, and 256 bits take at least as many. */
export const MINIMUM_SECRET_LENGTH = 32;

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

const DEVELOPMENT_ADMIN: Identity = { id: 'dev', grants: { '*': 'admin' } };
const ANONYMOUS: Identity = { id: 'anonymous', anonymous: true, grants: { '*': 'viewer' } };

const claims = z.object({
  sub: z
    .string()
    .min(1)
    .max(200)
    .refine((value) => value.isWellFormed() && !value.includes('\u0000'), 'must be well-formed Unicode without U+0000'),
  exp: z.number(),
  campaigns: z.record(
    z.string().refine((id) => id === '*' || CAMPAIGN_ID_PATTERN.test(id), 'must be * or the id of a campaign'),
    z.enum(ROLES),
  ),
});

/**
 * Authenticator for Bearer JWTs: `{sub, exp, campaigns: {'*' or id: 'viewer' or 'editor' or 'admin'}}`.
 *
 * @example await createAuthenticator({ key: { kind: 'secret', secret }, publicRead: false }).identify(token)
 */
export function createAuthenticator({ key, publicRead }: AuthOptions): Authenticator {
  if (key.kind === 'none') return { identify: async () => DEVELOPMENT_ADMIN };
  const verify = createVerifier(key);
  return {
    async identify(token) {
      if (token !== undefined) return toIdentity(await verify(token));
      if (publicRead) return ANONYMOUS;
      throw unauthorized('A token is needed: none was sent');
    },
  };
}

function createVerifier(key: Exclude<AuthKey, { kind: 'none' }>): (token: string) => Promise<JWTPayload> {
  if (key.kind === 'secret') {
    // Imported once: jose would import it for every token, which takes longer than the verification.
    const secret = crypto.subtle.importKey(
      'raw',
      new TextEncoder().encode(key.secret),
      { name: 'HMAC', hash: 'SHA-256' },
      false,
      ['verify'],
    );
    return async (token) => {
      try {
        return (await jwtVerify(token, await secret, { algorithms: ['HS256'] })).payload;
      } catch (error) {
        throw unauthorized(describe(error));
      }
    };
  }
  const keys: JWTVerifyGetKey = createRemoteJWKSet(new URL(key.url), {
    cooldownDuration: 30_000,
    timeoutDuration: 5_000,
  });
  return async (token) => {
    try {
      return (await jwtVerify(token, keys, { algorithms: PUBLIC_KEY_ALGORITHMS })).payload;
    } catch (error) {
      if (isAboutTheToken(error)) throw unauthorized(describe(error));
      throw new RefusalError('UNAVAILABLE', 'The keys to verify tokens with cannot be fetched now', {
        retryAfterMs: 5_000,
      });
    }
  };
}

/** Whether the token is at fault, not the endpoint that serves the keys. */
function isAboutTheToken(error: unknown): boolean {
  if (error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid) return false;
  // The base class means that the key set's endpoint answered with a status other than 200.
  return error instanceof errors.JOSEError && error.code !== errors.JOSEError.code;
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

function toIdentity(payload: JWTPayload): Identity {
  const parsed = claims.safeParse(payload, { error: inWords });
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw unauthorized(`The token's claim ${issue ? issueRefusal(issue).message : 'is not valid'}`);
  }
  const { sub, exp, campaigns } = parsed.data;
  return { id: sub, grants: campaigns, expiresAt: exp * 1_000 };
}

function unauthorized(message: string): RefusalError {
  return new RefusalError('UNAUTHORIZED', message);
}

/** Token of an `Authorization` header, or `undefined`. */
export function bearerToken(header: string | undefined): string | undefined {
  return header === undefined ? undefined : /^Bearer +(\S+)$/i.exec(header)?.[1];
}
