import { describe, expect, test } from 'vitest';
import type { SessionInfo } from '../../../server/api/procedures/routers/session-router.ts';
import type { RELAY, Role } from '../../../server/core/permissions.ts';
import { wsClient, type Client } from '../support/clients.ts';
import { behindRelays } from '../../relay/support/relay.ts';
import type { CampaignServer, CampaignServerOptions } from '../../../server/index.ts';
import { SECRET, startGuarded, tokenFor, until } from '../support/server.ts';
import {
  CALLERS,
  cellOf,
  DRAFT,
  EXAMPLE_RIGHTS,
  FIELD_CALLERS,
  fieldCellOf,
  FIELDS,
  jobCellOf,
  JOB_PATHS,
  NEEDS,
  PATHS,
  PUBLISHED,
  type CallerColumn,
  type ProcedurePath,
} from './table.ts';
import { overHttp, overWs, type Ask, type Outcome } from './transports.ts';

/** A campaign for what would stop the others: it may be archived. */
const LIFECYCLE = 'lifecycle';
/** The campaign that is locked: elsewhere locks would be in the way of other cells. */
const LOCKED = 'locked';

/** A rule that can be shipped, any number of times. */
const RULES = {
  shipped: {
    order: 1,
    status: 'running',
    unit: 'id',
    seed: 'shipped',
    hashVersion: 2,
    coverage: 0,
    arms: { only: { weight: 1, change: {} } },
    ranges: { only: [] },
    phase: 1,
    metrics: { leads: { goal: 'lead', type: 'conversion', better: 'up', role: 'goal' } },
  },
};

const CAMPAIGNS = [
  {
    campaignId: PUBLISHED,
    state: { slug: PUBLISHED, title: 'Spring', status: 'active', owner_id: 'ada', rules: RULES },
  },
  { campaignId: DRAFT, state: { slug: DRAFT, title: 'Secret', status: 'draft', rules: RULES } },
  { campaignId: LIFECYCLE, state: { slug: LIFECYCLE, title: 'Lifecycle', status: 'active' } },
  { campaignId: LOCKED, state: { slug: LOCKED, title: 'Locked', status: 'active' } },
];

/** What inputs need to know of the server. */
interface World {
  /** The head of each campaign at the start. */
  readonly positions: Readonly<Record<string, string>>;
  /** A key of somebody else's. */
  readonly keyId: string;
  /** A token of somebody else's. */
  readonly token: string;
  /** An id and a name that nothing has yet. */
  readonly fresh: string;
}

/** An input that succeeds for whoever has the right. */
function inputOf(path: ProcedurePath, campaignId: string, { positions, keyId, token, fresh }: World): unknown {
  switch (path) {
    case 'campaign.get':
    case 'campaign.history':
    case 'campaign.schema':
    case 'campaign.watch':
    case 'preview.list':
    case 'session.info':
      return { campaignId };
    case 'campaign.watchMany':
      return { streams: [{ campaignId }] };
    case 'campaign.at':
      return { campaignId, version: 1 };
    case 'campaign.diff':
      return { campaignId, from: 1, to: 1 };
    case 'relay.watch':
    case 'relay.presence':
    case 'relay.look':
      return { campaignId };
    case 'relay.heads':
      return { campaignIds: [campaignId] };
    case 'relay.viewers':
      return { counts: [{ campaignId, viewers: 1 }] };
    case 'relay.fleet':
      return { fleet: 'one', member: 'one', connections: 1 };
    case 'relay.identify':
      return { token };
    case 'relay.enter':
      return { caller: 'one', address: '192.0.2.1', transport: 'http' };
    case 'relay.leave':
      return { caller: 'one' };
    case 'relay.forward':
      return { caller: 'one', path: 'campaign.get', type: 'query', input: { campaignId }, correlationId: 'one' };
    case 'relay.subscribe':
      return { caller: 'one', path: 'lock.watch', input: { campaignId }, correlationId: 'one' };
    case 'campaign.whenDurable':
      return { campaignId, position: positions[campaignId] };
    case 'campaign.update':
      return { campaignId, updates: { title: fresh } };
    case 'campaign.updateFeatures':
      return { campaignId, features: ['referral'], action: 'add' };
    case 'campaign.updateConfig':
      return { campaignId, section: 'theme', value: { primary: fresh } };
    case 'campaign.batch':
      return { campaignId, commands: [{ type: 'update', updates: { title: fresh } }] };
    case 'campaign.push':
      return { campaignId, mutations: [] };
    case 'campaign.updateSegment':
      return { campaignId, key: fresh, segment: { when: { city: 'Lagos' } } };
    case 'campaign.updateRule':
      return { campaignId, key: 'none', rule: null };
    case 'campaign.updateGroup':
      return { campaignId, key: 'none', group: null };
    case 'campaign.updateHoldout':
      return { campaignId, key: 'none', holdout: null };
    case 'campaign.shipRule':
      return { campaignId, key: 'shipped', winner: 'only' };
    case 'campaign.explain':
      return { campaignId, viewer: { attributes: {} } };
    case 'session.setViewer':
      return { viewer: null };
    case 'campaign.rollback':
      return { campaignId, toVersion: 1 };
    case 'campaign.create':
      return { campaignId: fresh, state: { slug: fresh, title: fresh } };
    case 'campaign.copy':
      return { from: campaignId, to: `${fresh}-copy` };
    case 'campaign.archive':
    case 'campaign.restore':
      return { campaignId: LIFECYCLE };
    case 'campaign.delete':
      return { campaignId };
    case 'lock.acquire':
    case 'lock.steal':
      return { campaignId: LOCKED, path: [fresh], ttlMs: 1_000 };
    case 'lock.renew':
      return { campaignId: LOCKED, lockId: 'unknown', fence: 1 };
    case 'lock.release':
      return { campaignId: LOCKED, lockId: 'unknown' };
    case 'lock.list':
    case 'lock.watch':
    case 'presence.watch':
    case 'presence.attend':
    case 'presence.set':
      return { campaignId };
    case 'session.authenticate':
      return { token };
    case 'access.create':
      return { name: fresh, campaigns: { '*': 'viewer' } };
    case 'access.revoke':
      return { id: keyId };
    case 'preview.create':
      return { campaignId, name: fresh, lifetimeMs: 60_000 };
    case 'preview.revoke':
      return { campaignId, id: keyId };
    case 'audit.redact':
      return { campaignId, position: 'unknown:1', path: ['title'] };
    case 'audit.setRetention':
      return { campaignId, keep: {} };
    case 'audit.retention':
    case 'audit.query':
    case 'audit.verify':
      return { campaignId };
    case 'analytics.track':
      return {
        campaignId,
        batchId: fresh,
        events: [{ kind: 'goal', name: 'lead', position: positions[campaignId], at: Date.now() }],
      };
    case 'analytics.results':
    case 'analytics.live':
      return { campaignId, rule: 'shipped' };
    case 'analytics.progress':
      return { campaignId, rule: 'shipped', metric: 'leads' };
    case 'analytics.timeline':
      return { campaignId, from: 0, to: 60_000 };
    case 'analytics.reach':
      return { campaignId, version: 1 };
    case 'analytics.forget':
      return { campaignId, unit: { attribute: 'id', value: fresh } };
    case 'audit.events':
      return {};
    case 'snapshot.restoreBegin':
      return { dryRun: true };
    case 'snapshot.restoreFinish':
    case 'snapshot.restoreAbandon':
      return { restoreId: UNKNOWN_RESTORE };
    case 'snapshot.restoreAppend':
      return { restoreId: UNKNOWN_RESTORE, offset: 0, bytes: '' };
    case 'relay.hello':
    case 'snapshot.status':
    case 'snapshot.takeNow':
    case 'audit.lastVerification':
    case 'campaign.list':
    case 'campaign.watchList':
    case 'access.list':
    case 'system.info':
    case 'system.stats':
    case 'system.trace':
      return undefined;
  }
}

const FRESH = 'fresh';

/** A restore that nobody has begun: who may restore is told that it does not exist. */
const UNKNOWN_RESTORE = 'x'.repeat(22);

/** The credential of a caller; `end` ends the right of those whose right ends while their connection is open. */
async function credentialOf(
  { credential }: CallerColumn,
  root: Client,
): Promise<{ token?: string; end?: () => Promise<unknown> }> {
  const keyFor = (campaigns: Record<string, Role | typeof RELAY>, expiresAt?: number) =>
    root.access.create.mutate({ name: 'caller', campaigns, ...(expiresAt !== undefined && { expiresAt }) });
  if (credential === 'none' || credential === 'public') return {};
  if (credential === 'preview') {
    const link = await root.preview.create.mutate({ campaignId: PUBLISHED, name: 'caller', lifetimeMs: 600_000 });
    return { token: link.key };
  }
  if (credential === 'expired token') return { token: await tokenFor({ '*': 'admin' }, { seconds: -1 }) };
  if (credential === 'expired key') {
    const expiresAt = Date.now() + 1_500;
    const { key } = await keyFor({ '*': 'admin' }, expiresAt);
    return { token: key, end: () => until(() => Date.now() > expiresAt) };
  }
  if (credential === 'revoked key') {
    const { id, key } = await keyFor({ '*': 'admin' });
    return { token: key, end: () => root.access.revoke.mutate({ id }) };
  }
  const { kind, on, role, analytics = false } = credential;
  const ids = on === 'all' ? ['*'] : [PUBLISHED, DRAFT, LIFECYCLE, LOCKED, FRESH, `${FRESH}-copy`];
  const grants = role === undefined ? {} : Object.fromEntries(ids.map((id) => [id, role]));
  return { token: kind === 'token' ? await tokenFor(grants, { sub: 'grace', analytics }) : (await keyFor(grants)).key };
}

/** The input of a procedure of locks that names a job. */
function jobInputOf(path: ProcedurePath): unknown {
  const {
    campaignId: _,
    path: __,
    ...input
  } = Object.fromEntries(
    Object.entries(inputOf(path, PUBLISHED, { positions: {}, keyId: '', token: '', fresh: FRESH }) ?? {}),
  );
  return path === 'lock.list' || path === 'lock.watch' ? { jobs: true } : { ...input, name: 'nightly' };
}

/** What a procedure of locks says: who may lock is told that somebody else has, or that a lock is over. */
function mayLock(outcome: Outcome): string {
  return 'answer' in outcome || /^LOCK(ED|_LOST)$/.test(outcome.reason) ? 'yes' : outcome.reason;
}

/** The cell that is seen over one transport. */
async function cellSeen(path: ProcedurePath, ask: Ask, world: World, caller: CallerColumn): Promise<string> {
  const named = await ask(path, inputOf(path, PUBLISHED, world));
  const relaying = NEEDS[path];
  // Over http there is no such connection; over ws `relay.hello` was called before, and the caller has left.
  if (relaying.kind === 'relay' && relaying.bound)
    return 'answer' in named || /^(INVALID|UNAVAILABLE)$/.test(named.reason) ? 'after hello' : named.reason;
  if (path.startsWith('lock.') && 'reason' in named && mayLock(named) === 'yes') return 'yes';
  // Who may delete is told that it is not archived.
  if ('reason' in named && path === 'campaign.delete' && named.reason === 'CONFLICT') return 'yes';
  // Who may redact is told that there is no such entry.
  if ('reason' in named && path === 'audit.redact' && named.reason === 'NOT_FOUND') return 'yes';
  // Who may revoke links is told that the key of a service is none.
  if ('reason' in named && path === 'preview.revoke' && named.reason === 'NOT_FOUND') return 'yes';
  // Who may take one is told that this server has no folder for it.
  if ('reason' in named && path === 'snapshot.takeNow' && named.reason === 'UNAVAILABLE') return 'yes';
  // Who may say where it is, is told that it does not watch.
  if ('reason' in named && path === 'presence.set' && named.reason === 'NOT_FOUND') return 'yes';
  if ('reason' in named)
    return named.reason === 'NOT_FOUND' && path.startsWith('snapshot.restore') ? 'yes' : named.reason;
  const need = NEEDS[path];
  const isPreview = caller.credential === 'preview';
  if (need.kind === 'rows') {
    const ids = JSON.stringify(named.answer).matchAll(/"campaignId":"([^"]+)"/g);
    const listed = new Set([...ids].map(([, id]) => id));
    return listed.size === 0 ? 'no rows' : listed.has(DRAFT) ? 'yes' : isPreview ? 'its own' : 'published';
  }
  if (need.kind !== 'campaign' || path === 'campaign.create' || path === 'campaign.copy') return 'yes';
  const draft = await ask(path, inputOf(path, DRAFT, world));
  // The lock that the call before it was granted.
  if ('answer' in draft || (path === 'lock.acquire' && draft.reason === 'LOCKED')) return 'yes';
  if (isPreview && draft.reason === 'FORBIDDEN') return 'its own';
  return draft.reason === 'NOT_FOUND' ? 'published' : draft.reason;
}

/** The server as its callers reach it. */
const WAYS = [
  ['ws', 'itself'],
  ['http and SSE', 'itself'],
  ['ws', 'a relay'],
  ['http and SSE', 'a relay'],
] as const;

describe.each(WAYS)('over %s, of %s', (transport, way) => {
  const connect = transport === 'ws' ? overWs : overHttp;
  const start = async (options: CampaignServerOptions): Promise<CampaignServer> => {
    const origin = await startGuarded(options);
    return way === 'itself' ? origin : behindRelays(origin, { auth: { kind: 'secret', secret: SECRET } });
  };

  test.each(CALLERS)('P51 G11 every cell of the page of rights holds, of every caller: $title', async (caller) => {
    const { url } = await start({ publicRead: caller.credential === 'public', campaigns: CAMPAIGNS });
    const root = wsClient(url, { token: await tokenFor({ '*': 'admin' }) });
    const positions: Record<string, string> = {};
    for (const campaignId of [PUBLISHED, DRAFT]) {
      const { epoch, version } = await root.campaign.get.query({ campaignId });
      positions[campaignId] = `${epoch}:${version}`;
    }
    const { id: keyId } = await root.access.create.mutate({ name: 'other', campaigns: { '*': 'viewer' } });
    const world = { positions, keyId, token: await tokenFor({ '*': 'viewer' }), fresh: FRESH };
    const { token, end } = await credentialOf(caller, root);
    // Where another event came first, the test may be over before its answer.
    const begun = (): Promise<unknown> =>
      root.campaign.update
        .mutate({ campaignId: LIFECYCLE, updates: { title: `${performance.now()}` } })
        .catch(() => undefined);
    const ask = connect(url, token, begun);
    if (end) {
      expect(await ask('session.info', { campaignId: PUBLISHED })).toMatchObject({ answer: { role: 'admin' } });
      await end();
    }

    const seen: Record<string, string> = {};
    let asking = ask;
    for (const [index, path] of PATHS.entries()) {
      // A connection that is refused everything is closed after 64 calls.
      if (index % 40 === 39) asking = connect(url, token, begun);
      // It changes the rights of its connection.
      const own = path === 'session.authenticate' ? connect(url, token, begun) : asking;
      seen[path] = await cellSeen(path, own, world, caller);
    }
    expect(seen).toEqual(Object.fromEntries(PATHS.map((path) => [path, cellOf(path, caller)])));

    const ofJobs: Record<string, string> = {};
    for (const path of JOB_PATHS) ofJobs[path] = mayLock(await ask(path, jobInputOf(path)));
    expect(ofJobs).toEqual(Object.fromEntries(JOB_PATHS.map((path) => [path, jobCellOf(path, caller)])));
  });

  test.each(FIELD_CALLERS)('P52 G11 every cell of the table of fields holds: $title', async (caller) => {
    const { url } = await start({ publicRead: true, campaigns: CAMPAIGNS, rights: EXAMPLE_RIGHTS });
    const root = wsClient(url, { token: await tokenFor({ '*': 'admin' }) });
    const valueOf = (field: string, text: string) =>
      field === 'title' || field === 'owner_id' ? text : { note: { text } };
    const updates = Object.fromEntries(FIELDS.map((field) => [field, valueOf(field, `shown ${field}`)]));
    await root.campaign.update.mutate({ campaignId: PUBLISHED, updates });
    const { version } = await root.campaign.get.query({ campaignId: PUBLISHED });
    const { token } = await credentialOf(caller, root);
    const ask = connect(url, token, async () => undefined);
    const mayAudit = cellOf('campaign.history', caller) === 'yes';
    const reads: readonly [ProcedurePath, unknown][] = [
      ['campaign.get', { campaignId: PUBLISHED }],
      ['campaign.watch', { campaignId: PUBLISHED }],
      ['campaign.history', { campaignId: PUBLISHED }],
      ['campaign.at', { campaignId: PUBLISHED, version }],
      ['campaign.diff', { campaignId: PUBLISHED, from: 1, to: version }],
    ];

    const info = await ask('session.info', { campaignId: PUBLISHED });
    const fields = 'answer' in info ? (info.answer as SessionInfo).fields : undefined;
    const seen: Record<string, string> = {};
    for (const field of FIELDS) {
      const shown = new Set<boolean>();
      for (const [path, input] of reads) {
        const outcome = await ask(path, input);
        if (mayAudit || 'answer' in outcome) shown.add(JSON.stringify(outcome).includes(`shown ${field}`));
      }
      // The same by every way, and as `session.info` says.
      expect([...shown]).toEqual([fields?.hidden.includes(field) !== true]);
      const write = { campaignId: PUBLISHED, updates: { [field]: valueOf(field, 'written') }, dryRun: true };
      const command = { type: 'update', updates: write.updates };
      const outcomes = [
        await ask('campaign.update', write),
        await ask('campaign.batch', { campaignId: PUBLISHED, commands: [command], dryRun: true }),
      ];
      if (caller.title === 'editor') {
        const refused = outcomes.every((outcome) => 'reason' in outcome);
        expect(refused).toBe(fields?.readOnly.includes(field));
      }
      for (const outcome of outcomes) if ('reason' in outcome) expect(outcome.reason).toBe('FORBIDDEN');
      const writes = outcomes.every((outcome) => 'answer' in outcome);
      seen[field] = writes ? 'read, write' : shown.has(true) ? 'read' : 'nothing';
    }
    expect(seen).toEqual(
      Object.fromEntries(FIELDS.map((field) => [field, fieldCellOf(field, caller, EXAMPLE_RIGHTS)])),
    );
  });
});
