import { parseArgs } from 'node:util';
import { SignJWT } from 'jose';
import type { CreatedAccessKey } from '../access/access-keys.ts';
import type { AccessKey } from '../core/access-key.ts';
import { CAMPAIGN_ID_PATTERN } from '../core/document/campaign.ts';
import { ROLES } from '../core/permissions.ts';
import { readConfig } from './config.ts';
import { DURATION_EXAMPLES, parseDuration } from './duration.ts';
import { giveUp } from './explain.ts';

const options = {
  name: { type: 'string' },
  role: { type: 'string' },
  campaign: { type: 'string', default: '*' },
  expires: { type: 'string' },
  url: { type: 'string' },
} as const;

/** How long the token for one command is valid. */
const TOKEN_LIFETIME = '1m';

/**
 * The command `access create --name … --role … [--campaign id] [--expires 90d]`, `access list` and `access revoke
 * <id>`: manages the API keys of a running server, as its admin: with `CAMPAIGN_TOKEN`, or with a token of its
 * `AUTH_SECRET`.
 */
export async function manageAccess(args: readonly string[]): Promise<void> {
  const { values, positionals } = readArguments(args);
  const [command, id, ...more] = positionals;
  const url = values.url ?? `http://127.0.0.1:${process.env['PORT'] ?? '4000'}`;
  if (!URL.canParse(url)) giveUp('--url takes the address of the server, such as http://127.0.0.1:4000.');
  if (command === 'create' && id === undefined) return create(url, values);
  if (command === 'list' && id === undefined) return list(url);
  if (command === 'revoke' && id !== undefined && more.length === 0) return revoke(url, id);
  giveUp('access takes create, list, or revoke with the id of a key; --help says more.');
}

async function create(url: string, { name, role, campaign, expires }: Values): Promise<void> {
  if (name === undefined || name === '') giveUp('--name takes what the key is for.');
  if (!ROLES.some((known) => known === role)) giveUp(`--role takes one of ${ROLES.join(', ')}.`);
  if (campaign !== '*' && !CAMPAIGN_ID_PATTERN.test(campaign)) giveUp('--campaign takes the id of a campaign, or *.');
  const lifetime = expires === undefined ? undefined : parseDuration(expires);
  if (expires !== undefined && lifetime === undefined) giveUp(`--expires takes ${DURATION_EXAMPLES}.`);
  const input = {
    name,
    campaigns: { [campaign]: role },
    ...(lifetime !== undefined && { expiresAt: Date.now() + lifetime }),
  };
  const created = await call<CreatedAccessKey>(url, 'access.create', input);
  process.stderr.write(`Key ${created.id}, shown this once:\n`);
  process.stdout.write(`${created.key}\n`);
}

async function list(url: string): Promise<void> {
  const keys = await call<AccessKey[]>(url, 'access.list');
  for (const key of keys) process.stdout.write(`${lineOf(key)}\n`);
  if (keys.length === 0) process.stderr.write('There are no keys.\n');
}

async function revoke(url: string, id: string): Promise<void> {
  await call(url, 'access.revoke', { id });
  process.stdout.write(`Key ${id} is revoked.\n`);
}

function lineOf({ id, name, grants, expiresAt, revokedAt, lastUsedAt }: AccessKey): string {
  const roles = Object.entries(grants).map(([campaign, role]) => `${campaign}:${role}`);
  const state = revokedAt !== undefined ? 'revoked' : `expires ${dateOf(expiresAt)}`;
  return [id, name, roles.join(','), state, `last used ${dateOf(lastUsedAt)}`].join('\t');
}

function dateOf(time: number | undefined): string {
  return time === undefined ? 'never' : new Date(time).toISOString();
}

/** Calls a procedure: with an input as a mutation, without one as a query. */
async function call<T>(url: string, path: string, input?: object): Promise<T> {
  const headers = { authorization: `Bearer ${await adminToken()}`, 'content-type': 'application/json' };
  const init = input === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify(input) };
  const response = await fetch(new URL(`/trpc/${path}`, url), init).catch(() =>
    giveUp(`No server answers at ${url}; --url takes another address.`),
  );
  // tRPC's envelope, whose data is the procedure's answer.
  const answer = (await response.json()) as { result?: { data: T }; error?: { message: string } };
  if (!answer.result) giveUp(answer.error?.message ?? `The server answered with ${response.status}.`);
  return answer.result.data;
}

async function adminToken(): Promise<string> {
  const given = process.env['CAMPAIGN_TOKEN'];
  if (given !== undefined && given !== '') return given;
  const read = readConfig(process.env);
  if (!read.ok) giveUp(read.message);
  const { auth } = read.config;
  if (auth.kind === 'none')
    giveUp('AUTH_SECRET is not set: set the secret of the server, which needs no keys without one.');
  if (auth.kind === 'jwks')
    giveUp('AUTH_JWKS_URL is set: CAMPAIGN_TOKEN takes the token of an admin, issued by the identity provider.');
  const { issuer, audience } = auth;
  const token = new SignJWT({ campaigns: { '*': 'admin' } })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject('access-command')
    .setIssuedAt()
    .setExpirationTime(TOKEN_LIFETIME);
  if (issuer !== undefined && issuer !== '*') token.setIssuer(issuer);
  if (audience !== undefined && audience !== '*') token.setAudience(audience);
  return token.sign(new TextEncoder().encode(auth.secret));
}

type Values = ReturnType<typeof readArguments>['values'];

function readArguments(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    giveUp(error instanceof Error ? error.message : String(error));
  }
}
