import { appRouter, type AppRouter } from '../../../server/api/procedures/router.ts';
import {
  CALL_ACTIONS,
  can,
  canWrite,
  isRelay,
  roleFor,
  RELAY,
  rightsOf,
  type Action,
  type FieldRights,
  type Identity,
  type Role,
} from '../../../server/core/permissions.ts';
import { hides, viewFor, viewsOf } from '../../../server/core/stream/views.ts';
import { HIDDEN_FROM_PUBLIC } from '../../../server/engine/manager.ts';

type Areas = AppRouter['_def']['record'];

/** The path of every procedure, such as `campaign.get`. */
export type ProcedurePath = { [A in keyof Areas]: `${A}.${keyof Areas[A] & string}` }[keyof Areas];

/** The campaigns of the table: all callers with a role have it on both. */
export const PUBLISHED = 'spring';
export const DRAFT = 'secret';

/** What a procedure needs of its caller. A procedure that is missing in {@link NEEDS} does not compile. */
type Need =
  | { readonly kind: 'nothing' }
  /** To be admitted. */
  | { readonly kind: 'admission' }
  /** An action on the campaign that it names; without `keys` for tokens alone. */
  | { readonly kind: 'campaign'; readonly action: Action; readonly keys?: false }
  /** An action on each campaign that it lists; others are left out. */
  | { readonly kind: 'rows'; readonly action: Action }
  /** An action on all campaigns, for keys too or for tokens alone. */
  | { readonly kind: 'all campaigns'; readonly action: Action; readonly keys: boolean }
  /** A token or a key with a role on any campaign. */
  | { readonly kind: 'any role' }
  /** The grant of relays; `bound`: over a connection that has said that it relays. */
  | { readonly kind: 'relay'; readonly bound: boolean };

const onCampaign = (call: keyof typeof CALL_ACTIONS) => ({ kind: 'campaign', action: CALL_ACTIONS[call] }) as const;
const ofSnapshots: Need = { kind: 'all campaigns', action: 'administer', keys: true };
const ofKeys: Need = { kind: 'all campaigns', action: 'administer', keys: false };

export const NEEDS: Readonly<Record<ProcedurePath, Need>> = {
  'campaign.get': onCampaign('get'),
  'campaign.watch': onCampaign('watch'),
  'campaign.watchMany': onCampaign('watch'),
  'campaign.whenDurable': onCampaign('whenDurable'),
  'campaign.list': { kind: 'rows', action: CALL_ACTIONS.list },
  'campaign.watchList': { kind: 'rows', action: CALL_ACTIONS.watchList },
  'campaign.history': onCampaign('history'),
  'campaign.at': onCampaign('at'),
  'campaign.diff': onCampaign('diff'),
  'campaign.update': onCampaign('update'),
  'campaign.updateFeatures': onCampaign('updateFeatures'),
  'campaign.updateConfig': onCampaign('updateConfig'),
  'campaign.batch': onCampaign('batch'),
  'campaign.push': onCampaign('push'),
  'campaign.updateRule': onCampaign('updateRule'),
  'campaign.updateSegment': onCampaign('updateSegment'),
  'campaign.updateGroup': onCampaign('updateGroup'),
  'campaign.updateHoldout': onCampaign('updateHoldout'),
  'campaign.shipRule': onCampaign('shipRule'),
  'campaign.explain': onCampaign('explain'),
  'campaign.schema': onCampaign('schema'),
  'campaign.rollback': onCampaign('rollback'),
  'campaign.create': onCampaign('create'),
  'campaign.copy': onCampaign('create'),
  'campaign.delete': onCampaign('delete'),
  'campaign.archive': onCampaign('archive'),
  'campaign.restore': onCampaign('restore'),
  'lock.acquire': onCampaign('acquireLock'),
  'lock.renew': onCampaign('renewLock'),
  'lock.release': onCampaign('releaseLock'),
  'lock.steal': onCampaign('stealLock'),
  'lock.list': onCampaign('listLocks'),
  'lock.watch': onCampaign('watchLocks'),
  'presence.watch': onCampaign('watchPresence'),
  'presence.attend': onCampaign('setPresence'),
  'presence.set': onCampaign('setPresence'),
  'session.info': { kind: 'admission' },
  'session.setViewer': { kind: 'admission' },
  'session.authenticate': { kind: 'nothing' },
  'access.create': ofKeys,
  'access.list': ofKeys,
  'access.revoke': ofKeys,
  'preview.create': { ...onCampaign('createPreview'), keys: false },
  'preview.list': { ...onCampaign('listPreviews'), keys: false },
  'preview.revoke': { ...onCampaign('revokePreview'), keys: false },
  'audit.query': { kind: 'campaign', action: 'administer' },
  'audit.retention': { kind: 'campaign', action: 'administer' },
  'audit.setRetention': { kind: 'campaign', action: 'administer' },
  'audit.redact': { kind: 'campaign', action: 'administer' },
  'audit.verify': { kind: 'campaign', action: 'administer' },
  'audit.events': ofSnapshots,
  'audit.lastVerification': ofSnapshots,
  'snapshot.status': ofSnapshots,
  'snapshot.takeNow': ofSnapshots,
  'snapshot.restoreBegin': ofSnapshots,
  'snapshot.restoreAppend': ofSnapshots,
  'snapshot.restoreFinish': ofSnapshots,
  'snapshot.restoreAbandon': ofSnapshots,
  'analytics.track': onCampaign('track'),
  'analytics.results': onCampaign('results'),
  'analytics.live': onCampaign('results'),
  'analytics.progress': onCampaign('results'),
  'analytics.timeline': onCampaign('results'),
  'analytics.reach': onCampaign('results'),
  'analytics.forget': onCampaign('forgetUnits'),
  'relay.hello': { kind: 'relay', bound: false },
  'relay.watch': { kind: 'relay', bound: false },
  'relay.look': { kind: 'relay', bound: false },
  'relay.heads': { kind: 'relay', bound: false },
  'relay.presence': { kind: 'relay', bound: false },
  'relay.viewers': { kind: 'relay', bound: true },
  'relay.fleet': { kind: 'relay', bound: false },
  'relay.identify': { kind: 'relay', bound: false },
  'relay.enter': { kind: 'relay', bound: true },
  'relay.leave': { kind: 'relay', bound: true },
  'relay.forward': { kind: 'relay', bound: true },
  'relay.subscribe': { kind: 'relay', bound: true },
  'system.info': { kind: 'admission' },
  'system.stats': { kind: 'any role' },
  'system.trace': { kind: 'all campaigns', action: CALL_ACTIONS.trace, keys: true },
};

/** What the procedures of locks need where a job is named instead of a campaign. */
const JOB_NEEDS: Readonly<Partial<Record<ProcedurePath, Need>>> = {
  'lock.acquire': ofJobs('acquireLock'),
  'lock.renew': ofJobs('renewLock'),
  'lock.release': ofJobs('releaseLock'),
  'lock.steal': ofJobs('stealLock'),
  'lock.list': ofJobs('listLocks'),
  'lock.watch': ofJobs('watchLocks'),
};

function ofJobs(call: keyof typeof CALL_ACTIONS): Need {
  return { kind: 'all campaigns', action: CALL_ACTIONS[call], keys: true };
}

/** Who calls: one column of the table. */
export interface CallerColumn {
  readonly title: string;
  /** How it comes to its rights; `cells.test.ts` makes one of each. */
  readonly credential:
    | 'none'
    | 'public'
    | {
        readonly kind: 'token' | 'key';
        readonly on: 'this' | 'all';
        readonly role: Role | typeof RELAY | undefined;
        readonly analytics?: boolean;
      }
    /** The key in a link to the preview of the published campaign. */
    | 'preview'
    | 'expired token'
    | 'expired key'
    | 'revoked key';
}

const byToken = (role: Role | undefined, on: 'this' | 'all' = 'this'): CallerColumn['credential'] => ({
  kind: 'token',
  on,
  role,
});

export const CALLERS: readonly CallerColumn[] = [
  { title: 'no token', credential: 'none' },
  { title: 'no token, public reading', credential: 'public' },
  { title: 'no role', credential: byToken(undefined) },
  { title: 'viewer', credential: byToken('viewer') },
  { title: 'viewer, analytics', credential: { kind: 'token', on: 'this', role: 'viewer', analytics: true } },
  { title: 'editor', credential: byToken('editor') },
  { title: 'admin', credential: byToken('admin') },
  { title: 'admin of all', credential: byToken('admin', 'all') },
  { title: 'key: editor', credential: { kind: 'key', on: 'this', role: 'editor' } },
  { title: 'key: admin of all', credential: { kind: 'key', on: 'all', role: 'admin' } },
  { title: 'key: preview', credential: 'preview' },
  { title: 'key: relay', credential: { kind: 'key', on: 'all', role: RELAY } },
  { title: 'expired token', credential: 'expired token' },
  { title: 'expired key', credential: 'expired key' },
  { title: 'revoked key', credential: 'revoked key' },
];

/** What a caller gets: the cells of the table. */
export type Cell =
  | 'yes'
  /** What is not a draft; a draft is answered as what does not exist. */
  | 'published'
  /** The campaign that its link is for alone; any other is `FORBIDDEN`, or left out. */
  | 'its own'
  /** An answer without rows. */
  | 'no rows'
  /** Over a connection that has said `relay.hello`; refused as `INVALID` over any other. */
  | 'after hello'
  | 'UNAUTHORIZED'
  | 'FORBIDDEN';

/** The identity that the server makes of a caller; `undefined` where it is not admitted. */
function identityOf({ credential }: CallerColumn): Identity | undefined {
  if (credential === 'public') return { id: 'anonymous', anonymous: true, grants: { '*': 'viewer' } };
  if (credential === 'preview') return { id: 'somebody', grants: { [PUBLISHED]: 'viewer' }, isPreview: true };
  if (typeof credential === 'string') return undefined;
  const { on, role, analytics } = credential;
  const grants = role === undefined ? {} : on === 'all' ? { '*': role } : { [PUBLISHED]: role, [DRAFT]: role };
  return { id: 'somebody', grants, ...(analytics === true && { analytics }) };
}

/** The cell of a procedure and a caller, by the same functions that the server decides with. */
export function cellOf(path: ProcedurePath, caller: CallerColumn): Cell {
  return cellFor(NEEDS[path], caller);
}

/** The same where the procedure is called for a job. */
export function jobCellOf(path: ProcedurePath, caller: CallerColumn): Cell {
  const need = JOB_NEEDS[path];
  if (!need) throw new Error(`${path}: it is called for no job`);
  return cellFor(need, caller);
}

function cellFor(need: Need, caller: CallerColumn): Cell {
  if (need.kind === 'nothing') return 'yes';
  const identity = identityOf(caller);
  if (!identity) return 'UNAUTHORIZED';
  const may = (action: Action, id: string, published: boolean): boolean => can(identity, action, id, published);
  const isPreview = caller.credential === 'preview';
  const isKey = isPreview || (typeof caller.credential === 'object' && caller.credential.kind === 'key');
  switch (need.kind) {
    case 'admission':
      return 'yes';
    case 'any role':
      return identity.anonymous !== true && Object.values(identity.grants).some((granted) => granted !== RELAY)
        ? 'yes'
        : 'FORBIDDEN';
    case 'relay':
      if (!isRelay(identity)) return 'FORBIDDEN';
      return need.bound ? 'after hello' : 'yes';
    case 'all campaigns':
      return may(need.action, '*', true) && (need.keys || !isKey) ? 'yes' : 'FORBIDDEN';
    case 'campaign':
      if (!may(need.action, PUBLISHED, true) || (need.keys === false && isKey)) return 'FORBIDDEN';
      if (isPreview && !may(need.action, DRAFT, false)) return 'its own';
      return may(need.action, DRAFT, false) ? 'yes' : 'published';
    case 'rows':
      if (!may(need.action, PUBLISHED, true)) return 'no rows';
      if (isPreview && !may(need.action, DRAFT, false)) return 'its own';
      return may(need.action, DRAFT, false) ? 'yes' : 'published';
  }
}

/** At run time the procedures are keyed by their whole path; tRPC's type nests them. */
const procedures = appRouter._def.procedures as unknown as Readonly<
  Record<string, { readonly _def: { readonly type: 'query' | 'mutation' | 'subscription' } }>
>;

export function typeOf(path: ProcedurePath): 'query' | 'mutation' | 'subscription' {
  const type = procedures[path]?._def.type;
  if (!type) throw new Error(`${path}: there is no such procedure`);
  return type;
}

/** The transports over which a procedure is called. */
export function transportsOf(path: ProcedurePath): readonly ['ws', 'http' | 'SSE'] {
  return ['ws', typeOf(path) === 'subscription' ? 'SSE' : 'http'];
}

/** Every procedure of the router, in the order of the router. */
export const PATHS = Object.keys(procedures).filter((path): path is ProcedurePath => path in NEEDS);

/** Those of them that are called for jobs too. */
export const JOB_PATHS = PATHS.filter((path) => path in JOB_NEEDS);

/** The field rights of the example, and the fields that the table shows. */
export const EXAMPLE_RIGHTS: FieldRights = { scripts: { write: 'admin' }, commerce: { read: 'editor' } };
export const FIELDS = ['title', 'owner_id', 'scripts', 'commerce'] as const;

/** Who reads and writes fields. */
export const FIELD_CALLERS = CALLERS.filter(({ title }) =>
  ['no token, public reading', 'viewer', 'editor', 'admin'].includes(title),
);

export type FieldCell = 'nothing' | 'read' | 'read, write';

/** What a caller may do with a field. */
export function fieldCellOf(field: string, caller: CallerColumn, fields: FieldRights): FieldCell {
  const rights = rightsOf(fields);
  const views = viewsOf(rights, HIDDEN_FROM_PUBLIC);
  const identity = identityOf(caller);
  if (!identity || hides(viewFor(identity, PUBLISHED, views), field)) return 'nothing';
  const role = roleFor(identity, PUBLISHED);
  const writes =
    role !== undefined && can(identity, CALL_ACTIONS.update, PUBLISHED, true) && canWrite(rights, role, [field]);
  return writes ? 'read, write' : 'read';
}
