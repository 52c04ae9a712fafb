/** What a caller may do with one campaign; each role has the rights of those before it. */
export const ROLES = ['viewer', 'editor', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** What is asked for, in the words of the procedures. */
export type Action = 'read' | 'audit' | 'edit' | 'administer';

const NEEDED: Record<Action, Role> = { read: 'viewer', audit: 'viewer', edit: 'editor', administer: 'admin' };

/** Rights by campaign id; `*` stands for every campaign that is not named. */
export type Grants = Readonly<Record<string, Role>>;

/** A caller: who it is, what it may do, and until when (epoch milliseconds; absent: no end). */
export interface Identity {
  readonly id: string;
  readonly grants: Grants;
  readonly expiresAt?: number;
  /**
   * Without a token; sees published campaigns where `CAMPAIGN_PUBLIC_READ` allows it, and only what the public view
   * shows.
   */
  readonly anonymous?: boolean;
}

/** The caller's role for that campaign, or `undefined` for none. */
export function roleFor(identity: Identity, campaignId: string): Role | undefined {
  if (Object.hasOwn(identity.grants, campaignId)) return identity.grants[campaignId];
  return Object.hasOwn(identity.grants, '*') ? identity.grants['*'] : undefined;
}

/** Whether that caller's rights are over at that time, in epoch milliseconds. */
export function hasExpired({ expiresAt }: Identity, now: number): boolean {
  return expiresAt !== undefined && expiresAt <= now;
}

/**
 * Whether that caller may do that to that campaign. The one place in which roles are compared.
 *
 * @param published whether the campaign is no draft: callers without a token may read nothing else
 */
export function can(identity: Identity, action: Action, campaignId: string, published: boolean): boolean {
  const role = roleFor(identity, campaignId);
  if (role === undefined) return false;
  if (identity.anonymous === true) return action === 'read' && published;
  return ROLES.indexOf(role) >= ROLES.indexOf(NEEDED[action]);
}
