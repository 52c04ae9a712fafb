import type { inferProcedureInput, inferProcedureOutput } from '@trpc/server';
import type { AppRouter } from '../../../server/api/procedures/router.ts';
import type { ChangeCommand, MutationOptions } from '../../../server/core/commands/command.ts';
import { asCampaign } from '../../../server/core/document/campaign.ts';
import { diff, isEmptyPatch } from '../../../server/core/document/merge-patch.ts';
import type { Viewer } from '../../../server/core/document/targeting-fields.ts';
import type { JsonObject } from '../../../server/core/json.ts';
import { seenBy } from './memory-cohorts.ts';
import { RefusalError } from '../../../server/core/errors.ts';
import type { GrantedLock } from '../../../server/core/locks/lock-view.ts';
import type { Actor } from '../../../server/core/stream/entry.ts';
import { parsePosition, type Moment, type VersionName } from '../../../server/core/stream/position.ts';
import type { MemoryCampaign } from './memory-campaign.ts';
import type { MemoryLocks } from './memory-locks.ts';
import type { MemoryPage } from './memory-presence.ts';
import { listed, totalOf } from './memory-list.ts';

type Areas = AppRouter['_def']['record'];
type Handlers<Area extends keyof Areas, Missing extends keyof Areas[Area]> = {
  readonly [P in Exclude<keyof Areas[Area], Missing>]: (
    input: inferProcedureInput<Areas[Area][P]>,
  ) => Answer<inferProcedureOutput<Areas[Area][P]>>;
};
type Answer<T> = T | Promise<T>;

/**
 * Handlers of the procedures, typed by the real router: what they take and answer cannot drift from it. A procedure
 * that is neither played here nor named as missing does not compile. (`watch` is played by the session.)
 */
export interface MemoryProcedures {
  readonly analytics: Handlers<'analytics', 'results' | 'live' | 'progress' | 'timeline' | 'reach' | 'forget'>;
  readonly campaign: Handlers<
    'campaign',
    'create' | 'copy' | 'delete' | 'watch' | 'watchMany' | 'watchList' | 'explain'
  >;
  readonly lock: Handlers<'lock', 'watch'>;
  readonly presence: Handlers<'presence', 'watch' | 'attend'>;
  readonly session: Handlers<'session', never>;
  readonly system: Handlers<'system', 'stats' | 'trace'>;
}

const PAGE = 50;

/** Names the schemas of a campaign that has none. */
const NO_SCHEMA = 'none';

/** @param page the page of this connection, while it watches who is there */
export function memoryProcedures(
  campaign: MemoryCampaign,
  actor: Actor,
  newId: () => string,
  page: () => MemoryPage | undefined = () => undefined,
): MemoryProcedures {
  function known<T extends { campaignId: string }>(input: T): T {
    if (input.campaignId === campaign.campaignId) return input;
    throw noCampaign(input.campaignId);
  }

  function carryOut(input: { campaignId: string } & MutationOptions, command: ChangeCommand) {
    const { campaignId, mutationId = newId(), expectedVersion, comment, dryRun, lock } = known(input);
    const mutation = {
      mutationId,
      command,
      ...(expectedVersion !== undefined && { expectedVersion }),
      ...(comment !== undefined && { comment }),
      ...(lock !== undefined && { lock }),
    };
    const answer = campaign.mutate(mutation, actor, dryRun);
    if (!answer.ok) {
      const { reason, message, ...details } = answer.error;
      throw new RefusalError(reason, message, { ...details, mutationId });
    }
    if ('receipt' in answer) return answer.receipt;
    const { position, change } = answer.dryRun;
    return { campaignId, position, changed: !isEmptyPatch(change), change, dryRun: true as const };
  }

  /** The version that a moment names; 0 for a time before the first one. */
  function versionOf(moment: Moment): VersionName {
    if (typeof moment !== 'object') return moment;
    return campaign.history().findLast(({ at }) => at <= moment.time)?.version ?? 0;
  }

  function stateAt(moment: Moment, field: string) {
    const named = versionOf(moment);
    const found = campaign.at(named);
    if (found) return found;
    throw new RefusalError('NOT_FOUND', `${field}: there is no version ${named}`, { path: [field] });
  }

  async function whenDurable(text: string): Promise<void> {
    const position = parsePosition(text);
    for (;;) {
      const { epoch, version, durableVersion } = campaign.head();
      if (!position || position.epoch !== epoch || position.version > version)
        throw new RefusalError('NOT_FOUND', `position: ${text} is not on the current timeline`);
      if (position.version <= durableVersion) return;
      await new Promise<void>((resolve) => {
        const stop = campaign.onMoved(() => {
          stop();
          resolve();
        });
      });
    }
  }

  /** The locks that are meant: the campaign's, or those of jobs. */
  function locksOf(input: { campaignId: string } | { name: string } | { jobs: true }): MemoryLocks {
    if ('name' in input || 'jobs' in input) return campaign.jobLocks;
    known(input);
    return campaign.locks;
  }

  async function acquire(
    input: inferProcedureInput<Areas['lock']['acquire']>,
    otherwise: 'refuse' | 'wait' | 'steal',
  ): Promise<GrantedLock> {
    const locks = locksOf(input);
    const { ttlMs, note, lockId = newId() } = input;
    const path = 'name' in input ? [input.name] : (input.path ?? []);
    const row = { lockId, path, holder: actor.id, ttlMs, ...(note !== undefined && { note }) };
    locks.request({ type: 'acquire', ...row, otherwise });
    for (;;) {
      const granted = locks.granted(lockId);
      if (granted) return granted;
      await new Promise<void>((resolve) => {
        const stop = locks.onChange(() => {
          stop();
          resolve();
        });
      });
    }
  }

  return {
    analytics: {
      track: (input) => ({ recorded: campaign.events.record(known(input)) }),
    },
    presence: {
      set(input) {
        const { campaignId, ...own } = known(input);
        const present = page();
        if (!present) throw new RefusalError('NOT_FOUND', 'campaignId: this connection does not watch its presence');
        present.set(own);
        return { campaignId };
      },
    },
    lock: {
      acquire: (input) => acquire(input, input.wait === true ? 'wait' : 'refuse'),
      steal: (input) => acquire(input, 'steal'),
      renew(input) {
        const locks = locksOf(input);
        const { lockId, fence, ttlMs } = input;
        const renewal = { type: 'renew' as const, lockId, fence, holder: actor.id };
        locks.request(ttlMs === undefined ? renewal : { ...renewal, ttlMs });
        const granted = locks.granted(lockId);
        if (!granted) throw new Error('what was renewed is held');
        return granted;
      },
      release(input) {
        const { lockId } = input;
        locksOf(input).request({ type: 'release', lockIds: [lockId], holder: actor.id });
        return { lockId };
      },
      list: (input) => locksOf(input).list(),
    },
    campaign: {
      update: (input) => carryOut(input, { type: 'update', updates: input.updates }),
      updateFeatures: (input) =>
        carryOut(input, { type: 'updateFeatures', features: input.features, action: input.action }),
      updateConfig: (input) =>
        carryOut(input, {
          type: 'updateConfig',
          section: input.section,
          value: input.value,
          ...(input.mode && { mode: input.mode }),
        }),
      batch: (input) => carryOut(input, { type: 'batch', commands: input.commands }),
      updateRule: (input) => carryOut(input, { type: 'updateRule', key: input.key, rule: input.rule }),
      updateSegment: (input) => carryOut(input, { type: 'updateSegment', key: input.key, segment: input.segment }),
      updateGroup: (input) => carryOut(input, { type: 'updateGroup', key: input.key, group: input.group }),
      updateHoldout: (input) => carryOut(input, { type: 'updateHoldout', key: input.key, holdout: input.holdout }),
      shipRule: (input) => carryOut(input, { type: 'shipRule', key: input.key, winner: input.winner }),
      rollback: (input) => carryOut(input, { type: 'rollback', toVersion: versionOf(input.toVersion) }),
      archive: (input) => carryOut(input, { type: 'archive' }),
      restore: (input) => carryOut(input, { type: 'restore' }),
      push: (input) => campaign.push(known(input).mutations, actor, input.seen),
      get(input) {
        known(input);
        const { content } = campaign;
        const { archivedAt, state } = content();
        const newest = campaign.history().at(-1);
        return {
          campaignId: campaign.campaignId,
          ...campaign.head(),
          ...shownTo(input.viewer, state),
          updatedAt: newest?.at ?? 0,
          updatedBy: newest?.actor.id ?? '',
          ...(archivedAt !== undefined && { archivedAt }),
        };
      },
      list(input = {}) {
        const rows = listed(campaign, input);
        return {
          items: rows.map(({ status, tags, ...row }) => ({ ...row, status, ...(tags && { tags }) })),
          nextCursor: undefined,
          ...totalOf(input, rows),
        };
      },
      history(input) {
        const { cursor = Number.POSITIVE_INFINITY, limit = PAGE } = known(input);
        const older = campaign.history().filter((entry) => entry.version < cursor);
        const items = older.slice(-limit).reverse();
        return {
          epoch: campaign.head().epoch,
          items,
          nextCursor: older.length > limit ? items.at(-1)?.version : undefined,
        };
      },
      at(input) {
        const { version, state } = stateAt(known(input).version, 'version');
        return {
          campaignId: campaign.campaignId,
          epoch: campaign.head().epoch,
          version,
          ...shownTo(input.viewer, state),
        };
      },
      diff(input) {
        const [from, to] = [stateAt(known(input).from, 'from'), stateAt(input.to, 'to')];
        return {
          campaignId: campaign.campaignId,
          epoch: campaign.head().epoch,
          from: from.version,
          to: to.version,
          change: diff(from.state, to.state),
        };
      },
      // A campaign in memory has no schemas: its documents are not checked by any.
      schema(input) {
        const { known: hash } = known(input);
        return hash === NO_SCHEMA ? { hash } : { hash: NO_SCHEMA, fields: {} };
      },
      async whenDurable(input) {
        await whenDurable(known(input).position);
        return input;
      },
    },
    session: {
      info: ({ campaignId }) => ({
        id: actor.id,
        anonymous: false,
        ...(campaignId === campaign.campaignId && { role: actor.role, fields: { hidden: [], readOnly: [] } }),
      }),
      setViewer: () => ({ set: true }),
      authenticate: () => ({ id: actor.id, expiresAt: undefined }),
    },
    system: {
      info: () => ({ defaultCampaignId: campaign.campaignId, version: '0.0.0', instance: 'memory', contract: '1' }),
    },
  };
}

/** A state as a viewer is told it, and as it is to who names none. */
function shownTo(viewer: Viewer | undefined, document: JsonObject) {
  if (!viewer) return { state: asCampaign(document) };
  const { state, assignments } = seenBy(document, viewer);
  return { state: asCampaign(state), ...(assignments && { assignments }) };
}

/** Refusal of a campaign other than the one in memory. */
export function noCampaign(campaignId: string): RefusalError {
  return new RefusalError('NOT_FOUND', `campaignId: there is no campaign ${campaignId}`, { path: ['campaignId'] });
}
