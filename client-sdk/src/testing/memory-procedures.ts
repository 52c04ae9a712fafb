import type { inferProcedureInput, inferProcedureOutput } from '@trpc/server';
import type { AppRouter } from '../../../server/api/procedures/router.ts';
import { asCampaign } from '../../../server/core/document/campaign.ts';
import type { Actor, Receipt, VersionName } from '../../../server/core/stream/entry.ts';
import type { Refusal } from '../../../server/core/errors.ts';
import { diff } from '../../../server/core/document/merge-patch.ts';
import { parsePosition } from '../../../server/core/stream/position.ts';
import type { MemoryCampaign } from './memory-campaign.ts';

type Areas = AppRouter['_def']['record'];
type Handlers<Area extends keyof Areas> = {
  [P in keyof Areas[Area]]?: (
    input: inferProcedureInput<Areas[Area][P]>,
  ) => Answer<inferProcedureOutput<Areas[Area][P]>>;
};
type Answer<T> = T | Promise<T>;

/** A refusal on its way to the link, which makes a tRPC error of it. */
export class KitRefusal extends Error {
  readonly refusal: Refusal;
  constructor(refusal: Refusal) {
    super(refusal.message);
    this.refusal = refusal;
  }
}

/** The procedures that the kit plays, typed by the real router: what they take and answer can not drift from it. */
export interface MemoryProcedures {
  readonly campaign: Handlers<'campaign'>;
  readonly session: Handlers<'session'>;
  readonly system: Handlers<'system'>;
}

const PAGE = 50;

export function memoryProcedures(campaign: MemoryCampaign, actor: Actor, newId: () => string): MemoryProcedures {
  function known<T extends { campaignId: string }>(input: T): T {
    if (input.campaignId === campaign.campaignId) return input;
    throw new KitRefusal({
      reason: 'NOT_FOUND',
      message: `campaignId: there is no campaign ${input.campaignId}`,
      path: ['campaignId'],
    });
  }

  function carryOut(
    input: { campaignId: string; mutationId?: string },
    command: Parameters<MemoryCampaign['mutate']>[0]['command'],
  ): Receipt {
    const outcome = campaign.mutate({ ...known(input), mutationId: input.mutationId ?? newId(), command }, actor);
    if (outcome.ok) return outcome.receipt;
    throw new KitRefusal({ ...outcome.error, mutationId: outcome.mutationId });
  }

  function stateAt(named: VersionName, field: string) {
    const found = campaign.at(named);
    if (found) return found;
    throw new KitRefusal({ reason: 'NOT_FOUND', message: `${field}: there is no version ${named}`, path: [field] });
  }

  async function whenDurable(text: string): Promise<void> {
    const position = parsePosition(text);
    for (;;) {
      const { epoch, version, durableVersion } = campaign.head();
      if (!position || position.epoch !== epoch || position.version > version) {
        throw new KitRefusal({ reason: 'NOT_FOUND', message: `position: ${text} is not on the surviving line` });
      }
      if (position.version <= durableVersion) return;
      await new Promise<void>((resolve) => {
        const stop = campaign.onMoved(() => {
          stop();
          resolve();
        });
      });
    }
  }

  return {
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
      rollback: (input) => carryOut(input, { type: 'rollback', target: stateAt(input.toVersion, 'toVersion').state }),
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
          state: asCampaign(state),
          updatedAt: newest?.at ?? 0,
          updatedBy: newest?.actor.id ?? '',
          ...(archivedAt !== undefined && { archivedAt }),
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
        return { campaignId: campaign.campaignId, epoch: campaign.head().epoch, version, state: asCampaign(state) };
      },
      diff(input) {
        const [from, to] = [stateAt(known(input).from, 'from'), stateAt(input.to, 'to')];
        const { epoch } = campaign.head();
        return {
          campaignId: campaign.campaignId,
          epoch,
          from: from.version,
          to: to.version,
          change: diff(from.state, to.state),
        };
      },
      async whenDurable(input) {
        await whenDurable(known(input).position);
        return input;
      },
    },
    session: { authenticate: () => ({ id: actor.id, expiresAt: undefined }) },
    system: {
      info: () => ({ defaultCampaignId: campaign.campaignId, version: '0.0.0', instance: 'memory', contract: '1' }),
    },
  };
}
