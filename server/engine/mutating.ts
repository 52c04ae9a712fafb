import { check, type Sections } from '../core/check.ts';
import type { MutationOptions } from '../core/command.ts';
import { mayAsk } from '../core/decide.ts';
import { ENTRY_FORMAT, type Receipt } from '../core/entry.ts';
import { CampaignError, isRetryable, type Refusal } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import { mergePatch } from '../core/merge-patch.ts';
import { can, roleFor, type Identity } from '../core/permissions.ts';
import { formatPosition } from '../core/position.ts';
import type { Hosting, LoadedCampaign } from './hosting.ts';
import type { LiveCampaign } from './live-campaign.ts';
import type { MutationReport } from './mutation-report.ts';
import type { Archive, Clock, LogRecord, OrderedLog } from './ports.ts';
import { toReceipt } from './receipt.ts';
import { forbidden, notPersistent, shuttingDown } from './refusals.ts';
import { FIRST_TAIL, fingerprint, seal } from './seal.ts';
import type { Caller, CampaignService, DryRun, PushOutcome } from './service.ts';
import { waitDurable } from './wait-durable.ts';
import type { QueuedCommand, QueueOutcome, WaitingMutation } from './waiting-mutation.ts';

export interface MutatingOptions {
  hosting: Hosting;
  log: OrderedLog;
  archive: Archive;
  clock: Clock;
  sections: Sections;
  report: MutationReport;
  persistent: boolean;
  durability: 'accepted' | 'durable';
  durablePatience: number;
  maxBacklog: number;
  maxBacklogBytes: number;
  maxLoaded: number;
  isStopping(): boolean;
}

type Mutating = Pick<CampaignService, 'mutate' | 'push' | 'create'>;

/** What a caller that is refused for load should wait, in milliseconds. */
const RETRY_AFTER_MS = 1_000;

/** Everything that changes: takes mutations to their campaign's queue, and makes receipts and errors of what comes back. */
export function createMutating(options: MutatingOptions): Mutating {
  const { hosting, log, archive, clock, sections, report, persistent } = options;

  /** What stands against taking a mutation at all. */
  const refuseLoad = (): CampaignError | undefined => {
    if (options.isStopping()) return shuttingDown();
    const { maxBacklog, maxBacklogBytes } = options;
    const { entries } = log.backlog();
    if (entries >= maxBacklog) {
      const message = `${entries} changes wait for the database, at most ${maxBacklog} may; try again later`;
      return new CampaignError('OVERLOADED', message, { limit: maxBacklog, retryAfterMs: RETRY_AFTER_MS });
    }
    if (hosting.unsavedBytes < maxBacklogBytes) return undefined;
    const message = `changes of ${hosting.unsavedBytes} bytes wait for the database, at most ${maxBacklogBytes} may; try again later`;
    return new CampaignError('OVERLOADED', message, { limit: maxBacklogBytes, retryAfterMs: RETRY_AFTER_MS });
  };

  const refuse = (identity: Identity, campaignId: string, type: QueuedCommand['type'], wanted: string): CampaignError | undefined => {
    if (!mayAsk(identity, type, campaignId)) return forbidden(campaignId, type);
    if (wanted === 'durable' && !persistent) return notPersistent();
    return refuseLoad();
  };

  /** Archiving is administration: its receipt always says that it is committed. */
  const wantedDurability = (type: QueuedCommand['type'], given: MutationOptions): 'accepted' | 'durable' => {
    if (type === 'archive' || type === 'restore') return persistent ? 'durable' : 'accepted';
    return given.durability ?? (persistent ? options.durability : 'accepted');
  };

  const toWaiting = (
    caller: Caller,
    campaignId: string,
    command: QueuedCommand,
    given: MutationOptions,
    settle: (outcome: QueueOutcome) => void,
  ): WaitingMutation => {
    const arrivedAt = clock.now();
    const { identity, correlationId } = caller;
    const { expectedVersion, base, comment, dryRun } = given;
    const mutationId = given.mutationId ?? clock.id();
    return {
      request: { command, identity, ...(expectedVersion !== undefined && { expectedVersion }) },
      mutationId,
      mayBeRetry: given.mutationId !== undefined,
      seen: undefined,
      base,
      correlationId,
      comment,
      dryRun: dryRun === true,
      settle(outcome) {
        report({ campaignId, command, actor: identity.id, correlationId, mutationId, arrivedAt }, outcome);
        settle(outcome);
      },
    };
  };

  /** The receipt, or the error, that an outcome of the queue means. */
  const answer = (live: LiveCampaign, mutationId: string, outcome: QueueOutcome): Receipt | DryRun => {
    switch (outcome.kind) {
      case 'accepted':
        return toReceipt(live, outcome.entry, true, persistent);
      case 'duplicate':
        return toReceipt(live, outcome.applied, true, persistent);
      case 'unchanged':
        return toReceipt(live, { epoch: outcome.epoch, version: outcome.version, mutationId }, false, persistent);
      case 'dry-run': {
        const { epoch, version, change } = outcome;
        const changed = Object.keys(change).length > 0;
        return { campaignId: live.id, position: formatPosition(epoch, version), changed, change, dryRun: true };
      }
      case 'rejected':
        throw asError(outcome.refusal);
      case 'failed':
        throw outcome.error;
    }
  };

  const mutate: Mutating['mutate'] = (caller, campaignId, command, given) => {
    // Not an async function: everything up to the place in the queue happens within the call, which keeps the order of calls (G7).
    try {
      const wanted = wantedDurability(command.type, given);
      const refusal = refuse(caller.identity, campaignId, command.type, wanted);
      if (refusal) throw refusal;
      const { queue, loaded } = hosting.host(campaignId);
      const { promise, resolve } = Promise.withResolvers<QueueOutcome>();
      const waiting = toWaiting(caller, campaignId, command, given, resolve);
      queue.add(waiting);
      return promise.then(async (outcome) => {
        if (outcome.kind === 'failed') throw withMutationId(outcome.error, waiting.mutationId);
        const { live } = await loaded;
        const answered = answer(live, waiting.mutationId, outcome);
        if ('dryRun' in answered || wanted === 'accepted' || answered.durability === 'durable') return answered;
        const { mutationId } = waiting;
        await waitDurable(live, answered.version, { clock, patience: options.durablePatience, signal: caller.signal, mutationId });
        return { ...answered, durability: 'durable' as const };
      });
    } catch (error) {
      return Promise.reject(error instanceof Error ? error : new Error(String(error)));
    }
  };

  const push: Mutating['push'] = async (caller, campaignId, mutations, seen) => {
    const refusal = refuse(caller.identity, campaignId, 'update', 'accepted');
    if (refusal) throw refusal;
    const { queue, loaded } = hosting.host(campaignId);
    const pushed = mutations.map((mutation) => {
      const { promise, resolve } = Promise.withResolvers<QueueOutcome>();
      return { promise, waiting: { ...toWaiting(caller, campaignId, mutation.command, mutation, resolve), seen } };
    });
    // One unit: what the log refuses, it refuses all of, so that a retry cannot be overtaken.
    queue.add(...pushed.map(({ waiting }) => waiting));
    const { live } = await loaded;
    return Promise.all(
      pushed.map(async ({ promise, waiting }): Promise<PushOutcome> => {
        const outcome = await promise;
        // A failure of the log stops the whole push: the client sends all of it again.
        if (outcome.kind === 'failed') throw outcome.error;
        if (outcome.kind === 'rejected') {
          const { mutationId } = waiting;
          return { ok: false, mutationId, error: { ...outcome.refusal, retryable: isRetryable(outcome.refusal) } };
        }
        const receipt = answer(live, waiting.mutationId, outcome);
        if ('dryRun' in receipt) throw new Error('a push has no dry runs');
        return { ok: true, receipt };
      }),
    );
  };

  /** Someone may have asked for it just before it was there: who has waited with them hears of that, and asks once more. */
  const loadCreated = async (campaignId: string): Promise<LoadedCampaign> => {
    try {
      return await hosting.host(campaignId).loaded;
    } catch (error) {
      if (error instanceof CampaignError && error.refusal.reason === 'NOT_FOUND') return hosting.host(campaignId).loaded;
      throw error;
    }
  };

  const create: Mutating['create'] = async (caller, campaignId, given, mutation) => {
    const { identity } = caller;
    if (!can(identity, 'administer', campaignId, true)) throw forbidden(campaignId, 'create');
    // A patch against nothing: `null` members are dropped.
    const state = mergePatch({}, given);
    const checked = check(state, state, Number.POSITIVE_INFINITY, sections);
    if (!checked.ok) throw asError({ ...checked.refusal, path: ['state', ...(checked.refusal.path ?? [])] });
    if (mutation.dryRun === true) return { campaignId, position: formatPosition('-', 0), changed: true, change: state, dryRun: true };
    if (mutation.durability === 'durable' && !persistent) throw notPersistent();
    const refusal = refuseLoad();
    if (refusal) throw refusal;
    if (!persistent && hosting.size >= options.maxLoaded) {
      const message = `${hosting.size} campaigns are in memory, the most that CAMPAIGN_MAX_LOADED allows`;
      throw new CampaignError('OVERLOADED', message, { limit: options.maxLoaded });
    }
    const arrivedAt = clock.now();
    const record = firstRecord(caller, campaignId, state, mutation);
    const { mutationId, correlationId } = record;
    const created = await archive.create(campaignId, seal(record, FIRST_TAIL), state);
    const known = created ? record : (await archive.findMutation(campaignId, mutationId)).entry?.record;
    const { live } = await loadCreated(campaignId);
    const about = { campaignId, command: { type: 'create' as const, state }, actor: identity.id, correlationId, mutationId, arrivedAt };
    if (known?.type !== 'create' || known.fingerprint !== record.fingerprint) {
      const message = `campaignId: ${campaignId} exists already`;
      const position = formatPosition(live.head.epoch, live.head.version);
      const taken: Refusal = { reason: 'CONFLICT', message, path: ['campaignId'], mutationId, position };
      report(about, { kind: 'rejected', refusal: taken });
      throw asError(taken);
    }
    report(about, created ? { kind: 'accepted', entry: record } : { kind: 'duplicate', applied: known });
    return toReceipt(live, known, true, persistent);
  };

  const firstRecord = (caller: Caller, campaignId: string, state: JsonObject, given: MutationOptions): LogRecord => {
    const { identity, correlationId } = caller;
    return {
      version: 1,
      type: 'create',
      change: state,
      actor: { id: identity.id, role: roleFor(identity, campaignId) ?? 'viewer' },
      mutationId: given.mutationId ?? clock.id(),
      correlationId,
      ...(given.comment !== undefined && { comment: given.comment }),
      at: clock.now(),
      format: ENTRY_FORMAT,
      epoch: clock.token(),
      command: { type: 'create' },
      fingerprint: fingerprint({ type: 'create', state }),
    };
  };

  return { mutate, push, create };
}

/** Who is told to ask again needs the id to do it under, most of all where the server has made it. */
function withMutationId(error: Error, mutationId: string): Error {
  return error instanceof CampaignError ? asError({ ...error.refusal, mutationId }) : error;
}

function asError({ reason, message, ...details }: Refusal): CampaignError {
  return new CampaignError(reason, message, details);
}
