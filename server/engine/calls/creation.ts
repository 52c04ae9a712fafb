import type { LogRecord } from '../../core/stream/log-record.ts';
import type { Check } from '../../core/commands/decide.ts';
import type { MutationOptions } from '../../core/commands/command.ts';
import { ENTRY_FORMAT, type Receipt } from '../../core/stream/entry.ts';
import { asError, RefusalError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { mergePatch } from '../../core/document/merge-patch.ts';
import { jsonBytes } from '../../core/document/plain-json.ts';
import { CALL_ACTIONS, can, roleFor } from '../../core/permissions.ts';
import { formatPosition } from '../../core/stream/position.ts';
import type { LoadedCampaign } from '../hosting/log-follower.ts';
import type { CampaignHost } from '../hosting/campaign-host.ts';
import { reportRefused, type MutationReport, type ReportedMutation } from './mutation-report.ts';
import { saltedSeal } from '../campaign/salted-seal.ts';
import type { Archive, Clock } from '../ports.ts';
import { appliedBy, isSameCommand } from '../../core/commands/idempotency.ts';
import { toReceipt } from './receipt.ts';
import { forbidden, notPersistent, toError } from '../refusals.ts';
import { FIRST_TAIL, fingerprint } from '../../core/stream/hash-chain.ts';
import type { Caller, CampaignService } from '../service.ts';

export interface CreationOptions {
  hosting: CampaignHost;
  archive: Archive;
  clock: Clock;
  /** Whether a document may stand. */
  check: Check;
  report: MutationReport;
  /** Refusal for load: why no campaign can be created now. */
  refuseLoad(): RefusalError | undefined;
  persistent: boolean;
  maxLoaded: number;
}

/** Creation of campaigns: first durable, by one guarded write in the archive, then loaded like any other. */
export function createCreation(options: CreationOptions): Pick<CampaignService, 'create'> {
  const { hosting, archive, clock, check, report, persistent } = options;

  /**
   * Loads the new campaign. A caller may have asked for it just before it existed, and this load may have joined that
   * one: then it is loaded once more.
   */
  const loadCreated = async (campaignId: string): Promise<LoadedCampaign> => {
    try {
      return await hosting.host(campaignId).loaded;
    } catch (error) {
      if (error instanceof RefusalError && error.refusal.reason === 'NOT_FOUND') return hosting.host(campaignId).loaded;
      throw error;
    }
  };

  const refuse = ({ identity }: Caller, campaignId: string, state: JsonObject): RefusalError | undefined => {
    if (!can(identity, CALL_ACTIONS.create, campaignId, true)) return forbidden(campaignId, 'create');
    const checked = check(state, state, jsonBytes(state));
    return checked.ok ? undefined : toError({ ...checked.refusal, path: ['state', ...(checked.refusal.path ?? [])] });
  };

  const refuseNow = ({ durability }: MutationOptions): RefusalError | undefined => {
    if (durability === 'durable' && !persistent) return notPersistent();
    const overload = options.refuseLoad();
    if (overload || persistent || hosting.size < options.maxLoaded) return overload;
    const message = `${hosting.size} campaigns are in memory, the most that CAMPAIGN_MAX_LOADED allows`;
    return new RefusalError('OVERLOADED', message, { limit: options.maxLoaded });
  };

  const carryOut = async (about: ReportedMutation, record: LogRecord, state: JsonObject): Promise<Receipt> => {
    const { campaignId, mutationId } = about;
    const created = await archive.create(campaignId, saltedSeal(clock)(record, FIRST_TAIL), state);
    const known = created ? record : (await archive.findMutation(campaignId, mutationId)).entry?.record;
    const { live } = await loadCreated(campaignId).catch((error: unknown) => {
      throw !created && isDeleted(error) ? beingDeleted(campaignId) : error;
    });
    if (known?.type !== 'create' || !isSameCommand(known, record.fingerprint)) {
      const position = formatPosition(live.head.epoch, live.head.version);
      throw new RefusalError('CONFLICT', `campaignId: ${campaignId} exists already`, {
        path: ['campaignId'],
        mutationId,
        position,
      });
    }
    report(about, created ? { kind: 'accepted', entry: record } : { kind: 'duplicate', applied: appliedBy(known) });
    return toReceipt(live, known, true, persistent);
  };

  const firstRecord = (
    { identity, origin }: Caller,
    { campaignId, mutationId, correlationId }: ReportedMutation,
    state: JsonObject,
    comment: string | undefined,
  ): LogRecord => ({
    version: 1,
    type: 'create',
    change: state,
    actor: { id: identity.id, role: roleFor(identity, campaignId) ?? 'viewer' },
    mutationId,
    correlationId,
    ...(comment !== undefined && { comment }),
    at: clock.now(),
    format: ENTRY_FORMAT,
    epoch: clock.token(),
    command: { type: 'create' },
    fingerprint: fingerprint({ type: 'create', state }),
    ...(origin && { origin }),
  });

  return {
    async create(caller, campaignId, given, mutation) {
      // A patch on the empty document: `null` members are dropped.
      const state = mergePatch({}, given);
      const about: ReportedMutation = {
        campaignId,
        command: { type: 'create', state },
        actor: caller.identity.id,
        correlationId: caller.correlationId,
        mutationId: mutation.mutationId ?? clock.id(),
        arrivedAt: clock.now(),
      };
      const dryRun = mutation.dryRun === true;
      const refusal = refuse(caller, campaignId, state) ?? (dryRun ? undefined : refuseNow(mutation));
      if (refusal) throw reportRefused(report, [about], refusal);
      if (dryRun) {
        report(about, { kind: 'dry-run', epoch: '-', version: 0, change: state });
        return { campaignId, position: formatPosition('-', 0), changed: true, change: state, dryRun };
      }
      try {
        return await carryOut(about, firstRecord(caller, about, state, mutation.comment), state);
      } catch (cause) {
        const error = asError(cause);
        report(about, { kind: 'failed', error });
        throw error;
      }
    },
  };
}

function isDeleted(error: unknown): boolean {
  return error instanceof RefusalError && error.refusal.deletedAt !== undefined;
}

function beingDeleted(campaignId: string): RefusalError {
  const message = `campaignId: ${campaignId} was deleted, and not all of it is gone; try again`;
  return new RefusalError('UNAVAILABLE', message, { path: ['campaignId'], retryAfterMs: 1_000 });
}
