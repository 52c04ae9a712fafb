import type { CreatedAccessKey } from '../../access/access-keys.ts';
import type { AccessKey } from '../../core/access-key.ts';
import { CAMPAIGN_ID_PATTERN } from '../../core/document/campaign.ts';
import { RELAY, ROLES } from '../../core/permissions.ts';
import { adminServer, callOrGiveUp, type AdminServer } from './admin-call.ts';
import { DURATION_EXAMPLES, parseDuration } from '../duration.ts';
import { giveUp } from './explain.ts';
import { readArguments } from './read-arguments.ts';

const options = {
  name: { type: 'string' },
  role: { type: 'string' },
  campaign: { type: 'string', default: '*' },
  expires: { type: 'string' },
  url: { type: 'string' },
} as const;

/**
 * The command `access create --name … --role … [--campaign id] [--expires 90d]`, `access list` and `access revoke
 * <id>`: manages the API keys of a running server, as its admin: with `CAMPAIGN_TOKEN`, or with a token of its
 * `AUTH_SECRET`.
 */
export async function manageAccess(args: readonly string[]): Promise<void> {
  const { values, positionals } = readArguments(args, options);
  const [command, id, ...more] = positionals;
  const { url } = values;
  if (command === 'create' && id === undefined) return create(url, values);
  if (command === 'list' && id === undefined) return list(url);
  if (command === 'revoke' && id !== undefined && more.length === 0) return revoke(url, id);
  giveUp('access takes create, list, or revoke with the id of a key; --help says more.');
}

async function create(url: string | undefined, { name, role, campaign, expires }: Values): Promise<void> {
  if (name === undefined || name === '') giveUp('--name takes what the key is for.');
  if (![...ROLES, RELAY].some((known) => known === role))
    giveUp(`--role takes one of ${[...ROLES, RELAY].join(', ')}.`);
  if (campaign !== '*' && !CAMPAIGN_ID_PATTERN.test(campaign)) giveUp('--campaign takes the id of a campaign, or *.');
  const lifetime = expires === undefined ? undefined : parseDuration(expires);
  if (expires !== undefined && lifetime === undefined) giveUp(`--expires takes ${DURATION_EXAMPLES}.`);
  const input = {
    name,
    campaigns: { [campaign]: role },
    ...(lifetime !== undefined && { expiresAt: Date.now() + lifetime }),
  };
  const created = await callOrGiveUp<CreatedAccessKey>(await guarded(url), 'access.create', input);
  process.stderr.write(`Key ${created.id}, shown this once:\n`);
  process.stdout.write(`${created.key}\n`);
}

async function list(url: string | undefined): Promise<void> {
  const keys = await callOrGiveUp<AccessKey[]>(await guarded(url), 'access.list');
  for (const key of keys) process.stdout.write(`${lineOf(key)}\n`);
  if (keys.length === 0) process.stderr.write('There are no keys.\n');
}

async function revoke(url: string | undefined, id: string): Promise<void> {
  await callOrGiveUp(await guarded(url), 'access.revoke', { id });
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

/** The server that keys are for: one that asks for tokens. */
async function guarded(url: string | undefined): Promise<AdminServer> {
  const server = await adminServer(url, 'access');
  if (server.headers['authorization'] === undefined)
    giveUp('AUTH_SECRET is not set: set the secret of the server, which needs no keys without one.');
  return server;
}

type Values = ReturnType<typeof readArguments<typeof options>>['values'];
