import type { Path, Refusal } from './errors.ts';
import type { JsonObject } from './json.ts';

/** The roles of a caller on one campaign; each has the rights of those before it. */
export const ROLES = ['viewer', 'editor', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** The actions that need a right. */
export type Action = 'read' | 'track' | 'audit' | 'analyse' | 'edit' | 'administer';

/** The lowest role that may perform each action. */
const NEEDED: Record<Action, Role> = {
  read: 'viewer',
  track: 'viewer',
  audit: 'viewer',
  /** Or a token that says `analytics`. */
  analyse: 'editor',
  edit: 'editor',
  administer: 'admin',
};

/** The action that each call on campaigns comes to. `docs/rights.md` is generated from it. */
export const CALL_ACTIONS = {
  get: 'read',
  watch: 'read',
  list: 'read',
  watchList: 'read',
  whenDurable: 'read',
  history: 'audit',
  at: 'audit',
  diff: 'audit',
  update: 'edit',
  updateFeatures: 'edit',
  updateConfig: 'edit',
  batch: 'edit',
  push: 'edit',
  rollback: 'edit',
  updateRule: 'edit',
  updateSegment: 'edit',
  updateGroup: 'edit',
  updateHoldout: 'edit',
  shipRule: 'edit',
  explain: 'edit',
  schema: 'edit',
  create: 'administer',
  archive: 'administer',
  restore: 'administer',
  delete: 'administer',
  createPreview: 'edit',
  listPreviews: 'edit',
  revokePreview: 'edit',
  trace: 'administer',
  acquireLock: 'edit',
  renewLock: 'edit',
  releaseLock: 'edit',
  stealLock: 'edit',
  listLocks: 'edit',
  watchLocks: 'edit',
  watchPresence: 'read',
  setPresence: 'edit',
  track: 'track',
  results: 'analyse',
  forgetUnits: 'administer',
} as const satisfies Readonly<Record<string, Action>>;

/**
 * What the key of a relay is granted: it may read the campaign as it is, in order to show it to others by their own
 * rights, and hand on their calls with their own tokens. It is no role, and gives none of the rights of one.
 */
export const RELAY = 'relay';

/** Roles by campaign id; `*` stands for every campaign that is not named. */
export type Grants = Readonly<Record<string, Role | typeof RELAY>>;

/** The authenticated caller: its id, its roles, and their expiry (epoch milliseconds; absent: none). */
export interface Identity {
  readonly id: string;
  readonly grants: Grants;
  readonly expiresAt?: number;
  /** Names the token that it was shown by, for the audit; missing where there is none. */
  readonly tokenId?: string;
  /** What its token says of it: rules judge it by these before anything that it says of itself. */
  readonly attributes?: JsonObject;
  /** Whether its token lets it see the results of rules where it only reads. */
  readonly analytics?: boolean;
  /** Whether it may relay every campaign beside what it is granted: on a server that asks nobody for a token. */
  readonly relaysAll?: boolean;
  /** Without a token: reads published campaigns where `CAMPAIGN_PUBLIC_READ` allows it, through the public view. */
  readonly anonymous?: boolean;
  /** By the link to a preview: reads the campaign as it is, and is counted nowhere. */
  readonly isPreview?: boolean;
}

/** The caller's role for that campaign, or `undefined` for none. */
export function roleFor({ grants }: Identity, campaignId: string): Role | undefined {
  const granted = grantFor(grants, campaignId);
  return granted === RELAY ? undefined : granted;
}

function grantFor(grants: Grants, campaignId: string): Grants[string] | undefined {
  if (Object.hasOwn(grants, campaignId)) return grants[campaignId];
  return Object.hasOwn(grants, '*') ? grants['*'] : undefined;
}

/** Whether the caller may relay that campaign. */
export function mayRelay({ grants, relaysAll = false }: Identity, campaignId: string): boolean {
  return relaysAll || grantFor(grants, campaignId) === RELAY;
}

/** Whether the caller is a relay, of whatever campaigns. */
export function isRelay({ grants, relaysAll = false }: Identity): boolean {
  return relaysAll || Object.values(grants).includes(RELAY);
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
  if (identity.isPreview === true) return action === 'read';
  if (identity.anonymous === true) return (action === 'read' || action === 'track') && published;
  if (action === 'analyse' && identity.analytics === true) return true;
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

/** The lowest roles that may read and write one top-level field of documents. */
export interface FieldRight {
  /** Default: `viewer`. Who may not read a field may not write it either. */
  readonly read?: Role;
  /** Default: `editor`. */
  readonly write?: Role;
}

/**
 * Rights by top-level field, narrower than those on the campaign. Fields that are not named follow the campaign's.
 *
 * @example const fields: FieldRights = { scripts: { write: 'admin' }, commerce: { read: 'editor' } };
 */
export type FieldRights = Readonly<Record<string, FieldRight>>;

/** The table of field rights: for each role the top-level fields that it may not read, and those it may not write. */
export interface Rights {
  readonly hidden: Readonly<Record<Role, ReadonlySet<string>>>;
  readonly readOnly: Readonly<Record<Role, ReadonlySet<string>>>;
}

/**
 * The table of these field rights. Roles are ordered, so that what one role may, those above it may too.
 *
 * @throws TypeError where a word is no role
 */
export function rightsOf(fields: FieldRights): Rights {
  for (const [field, { read, write }] of Object.entries(fields))
    for (const role of [read, write])
      if (role !== undefined && !ROLES.includes(role))
        throw new TypeError(`rights: ${field}: ${String(role)} is no role`);
  const readers = ({ read = 'viewer' }: FieldRight): number => ROLES.indexOf(read);
  const writers = (right: FieldRight): number => Math.max(readers(right), ROLES.indexOf(right.write ?? 'editor'));
  const withheld = (role: Role, needed: (right: FieldRight) => number): ReadonlySet<string> =>
    new Set(Object.keys(fields).filter((field) => needed(fields[field] ?? {}) > ROLES.indexOf(role)));
  const byRole = (needed: (right: FieldRight) => number): Record<Role, ReadonlySet<string>> => ({
    viewer: withheld('viewer', needed),
    editor: withheld('editor', needed),
    admin: withheld('admin', needed),
  });
  return { hidden: byRole(readers), readOnly: byRole(writers) };
}

/**
 * Top-level fields in which a caller's rights on one campaign are narrower than its role says. Their names are no
 * secret: refusals name them too.
 */
export interface FieldAccess {
  /** Fields that it may not read, nor write. */
  readonly hidden: readonly string[];
  /** Fields that it may not write, even where its role may edit; those in `hidden` are among them. */
  readonly readOnly: readonly string[];
}

/** The table without any narrower rights. */
export const NO_FIELD_RIGHTS: Rights = rightsOf({});

/** Whether a role may read what stands at that path of a document. */
export function canRead(rights: Rights, role: Role, [field]: Path): boolean {
  return !rights.hidden[role].has(String(field));
}

/** Whether a role that may edit the campaign may write what stands at that path of a document. */
export function canWrite(rights: Rights, role: Role, [field]: Path): boolean {
  return !rights.readOnly[role].has(String(field));
}
