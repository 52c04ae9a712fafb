import type { Refusal } from './errors.ts';

/** The roles of a caller on one campaign; each has the rights of those before it. */
export const ROLES = ['viewer', 'editor', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** The actions that need a right. */
export type Action = 'read' | 'audit' | 'edit' | 'administer';

/** The lowest role that may perform each action. */
const NEEDED: Record<Action, Role> = { read: 'viewer', audit: 'viewer', edit: 'editor', administer: 'admin' };

/** Roles by campaign id; `*` stands for every campaign that is not named. */
export type Grants = Readonly<Record<string, Role>>;

/** The authenticated caller: its id, its roles, and their expiry (epoch milliseconds; absent: none). */
export interface Identity {
  readonly id: string;
  readonly grants: Grants;
  readonly expiresAt?: number;
  /** Without a token: reads published campaigns where `CAMPAIGN_PUBLIC_READ` allows it, through the public view. */
  readonly anonymous?: boolean;
}

/** The caller's role for that campaign, or `undefined` for none. */
export function roleFor(identity: Identity, campaignId: string): Role | undefined {
  if (Object.hasOwn(identity.grants, campaignId)) return identity.grants[campaignId];
  return Object.hasOwn(identity.grants, '*') ? identity.grants['*'] : undefined;
}

/** Whether the caller's rights have expired at that time, in epoch milliseconds. */
export function hasExpired({ expiresAt }: Identity, now: number): boolean {
  return expiresAt !== undefined && expiresAt <= now;
}

/**
 * Whether the caller may perform that action on that campaign. The only place in which roles are compared.
 *
 * @param published whether the campaign is not a draft: callers without a token may read nothing else
 */
export function can(identity: Identity, action: Action, campaignId: string, published: boolean): boolean {
  const role = roleFor(identity, campaignId);
  if (role === undefined) return false;
  if (identity.anonymous === true) return action === 'read' && published;
  return ROLES.indexOf(role) >= ROLES.indexOf(NEEDED[action]);
}

/**
 * Refusal of something that a role does not allow. It says the same whether the campaign exists or not: whoever has no
 * right to a campaign learns nothing of it.
 *
 * @param campaignId the campaign, or `*` where no single one is meant
 * @param what the procedure or command, as the message names it
 */
export function roleRefusal(campaignId: string, what: string): Refusal {
  const where = campaignId === '*' ? '' : ` on ${campaignId}`;
  return { reason: 'FORBIDDEN', message: `${what}: your role does not allow this${where}`, path: ['campaignId'] };
}
