import { createRemoteJWKSet, errors, jwtVerify } from 'jose';
import type { JWTPayload, JWTVerifyGetKey } from 'jose';
import { z } from 'zod';
import { RefusalError } from '../../core/errors.ts';
import { CAMPAIGN_ID_PATTERN } from '../../core/document/campaign.ts';
import { ROLES } from '../../core/permissions.ts';
import type { Identity } from '../../core/permissions.ts';

/** Where the key comes from that tokens are verified with. */
export type AuthKey =
  | { kind: 'secret'; secret: string }
  | { kind: 'jwks'; url: string }
  /** No key: whoever reaches the server is a development admin. */
  | { kind: 'none' };

export interface AuthOptions {
  key: AuthKey;
  /** Callers without a token may read what is published. */
  publicRead: boolean;
}

/** Says who is calling. Every refusal is a `RefusalError`. */
export interface Authenticator {
  /** @param token what the caller presented; `undefined` for nothing */
  identify(token: string | undefined): Promise<Identity>;
}

/** HS256 is as strong as its secret is long: 256 bits, written in whatever way, take at least so many characters. */
export const MINIMUM_SECRET_LENGTH = 32;

/** Never HS256 with a public key set: its keys are known to everyone. */
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

const role = z.enum(ROLES, `must be one of ${ROLES.join(', ')}`);
const claims = z.object({
  sub: z
    .string('must be a string')
    .min(1, 'must not be empty')
    .max(200, 'at most 200 characters')
    .refine((value) => value.isWellFormed() && !value.includes('\u0000'), 'must be well-formed Unicode without U+0000'),
  exp: z.number('must be seconds since 1970'),
  campaigns: z.record(
    z.string().refine((id) => id === '*' || CAMPAIGN_ID_PATTERN.test(id), 'must be * or the id of a campaign'),
    role,
    'must be an object of roles by campaign id or *',
  ),
});

/**
 * Reads Bearer JWTs: `{sub, exp, campaigns: {'*' or id: 'viewer' or 'editor' or 'admin'}}`.
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
    // Imported once: jose would do it anew for every token, which takes longer than to verify one.
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

/** Whether the token is at fault, not the place where the keys are. */
function isAboutTheToken(error: unknown): boolean {
  if (error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid) return false;
  // The plain one says that the key set answered with something other than 200.
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
  const parsed = claims.safeParse(payload);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw unauthorized(`The token's claim ${issue?.path.join('.')}: ${issue?.message}`);
  }
  const { sub, exp, campaigns } = parsed.data;
  return { id: sub, grants: campaigns, expiresAt: exp * 1_000 };
}

function unauthorized(message: string): RefusalError {
  return new RefusalError('UNAUTHORIZED', message);
}

/** The token of an `Authorization` header, or `undefined`. */
export function bearerToken(header: string | undefined): string | undefined {
  return header === undefined ? undefined : /^Bearer +(\S+)$/i.exec(header)?.[1];
}
