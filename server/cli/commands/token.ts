import { SignJWT } from 'jose';
import { CAMPAIGN_ID_PATTERN } from '../../core/document/campaign.ts';
import { RELAY, ROLES } from '../../core/permissions.ts';
import { readConfig } from '../config.ts';
import { DURATION_EXAMPLES, parseDuration } from '../duration.ts';
import { giveUp } from './explain.ts';
import { readArguments } from './read-arguments.ts';

const options = {
  role: { type: 'string' },
  campaign: { type: 'string', default: '*' },
  sub: { type: 'string', default: 'me' },
  expires: { type: 'string', default: '12h' },
} as const;

/**
 * The command `token --role editor [--campaign id] [--sub me] [--expires 12h]`: prints a token for servers with the
 * same `AUTH_SECRET`.
 */
export async function printToken(args: readonly string[]): Promise<void> {
  const { role, campaign, sub, expires } = readArguments(args, options, false).values;
  if (![...ROLES, RELAY].some((known) => known === role))
    giveUp(`--role takes one of ${[...ROLES, RELAY].join(', ')}.`);
  if (campaign !== '*' && !CAMPAIGN_ID_PATTERN.test(campaign)) giveUp('--campaign takes the id of a campaign, or *.');
  if (sub === '') giveUp('--sub takes a name that is not empty.');
  const lifetime = parseDuration(expires);
  if (lifetime === undefined) giveUp(`--expires takes ${DURATION_EXAMPLES}.`);

  const read = readConfig(process.env);
  if (!read.ok) giveUp(read.message);
  const { auth } = read.config;
  if (auth.kind === 'jwks')
    giveUp('AUTH_JWKS_URL is set: tokens are issued by the identity provider that has the private keys.');
  if (auth.kind === 'none')
    giveUp('AUTH_SECRET is not set: set the secret of the server, which needs no tokens without one.');

  const { issuer, audience } = auth;
  const signing = new SignJWT({ campaigns: { [campaign]: role } })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(sub)
    .setIssuedAt()
    .setExpirationTime(Math.floor((Date.now() + lifetime) / 1_000));
  if (issuer !== undefined && issuer !== '*') signing.setIssuer(issuer);
  if (audience !== undefined && audience !== '*') signing.setAudience(audience);
  const token = await signing.sign(new TextEncoder().encode(auth.secret));
  process.stdout.write(`${token}\n`);
}
