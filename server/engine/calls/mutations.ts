import type { PushOutcome } from '../../core/commands/push-outcome.ts';
import type { ChangeCommand, MutationOptions } from '../../core/commands/command.ts';
import { mayAsk } from '../../core/commands/decide.ts';
import type { Receipt } from '../../core/stream/entry.ts';
import { asError, RefusalError, isRetryable } from '../../core/errors.ts';
import { formatPosition } from '../../core/stream/position.ts';
import type { HostedCampaign, CampaignHost } from '../hosting/campaign-host.ts';
import type { LiveCampaign } from '../campaign/live-campaign.ts';
import { reportRefused, type MutationReport, type ReportedMutation } from './mutation-report.ts';
import type { Clock } from '../ports.ts';
import { toReceipt } from './receipt.ts';
import { forbidden, notPersistent, toError } from '../refusals.ts';
import type { Caller, CampaignService, DryRun } from '../service.ts';
import { waitDurable } from '../campaign/wait-durable.ts';
import type { QueueOutcome, QueuedMutation } from '../writes/queued-mutation.ts';

/** A mutation as it came, with the id under which it is answered. */
type Arrived = ReportedMutation & { command: ChangeCommand };

export interface MutationsOptions {
  hosting: CampaignHost;
  clock: Clock;
  report: MutationReport;
  /** What stands against taking a mutation at all. */
  refuseLoad(): RefusalError | undefined;
  persistent: boolean;
  durability: 'accepted' | 'durable';
  durableTimeoutMs: number;
}

type Mutating = Pick<CampaignService, 'mutate' | 'push'>;

/**
 * Everything that changes a campaign that is there: takes mutations to its queue, and makes receipts and errors of what
 * comes back.
 */
export function createMutations(options: MutationsOptions): Mutating {
  const { hosting, clock, report, refuseLoad, persistent } = options;

  /** The campaign that is to take these; what it may not be asked, or is too much, is refused and reported. */
  const hostFor = (
    { identity }: Caller,
    campaignId: string,
    type: ChangeCommand['type'],
    wanted: 'accepted' | 'durable',
    arrived: readonly Arrived[],
  ): HostedCampaign => {
    try {
      if (!mayAsk(identity, type, campaignId)) throw forbidden(campaignId, type);
      if (wanted === 'durable' && !persistent) throw notPersistent();
      const overload = refuseLoad();
      if (overload) throw overload;
      return hosting.host(campaignId);
    } catch (error) {
      throw error instanceof RefusalError ? reportRefused(report, arrived, error) : error;
    }
  };

  /** Archiving is administration: its receipt always says that it is committed. */
  const wantedDurability = (type: ChangeCommand['type'], given: MutationOptions): 'accepted' | 'durable' => {
    if (type === 'archive' || type === 'restore') return persistent ? 'durable' : 'accepted';
    return given.durability ?? (persistent ? options.durability : 'accepted');
  };

  const arrive = (
    { identity, correlationId }: Caller,
    campaignId: string,
    command: ChangeCommand,
    given: MutationOptions,
  ): Arrived => ({
    campaignId,
    command,
    actor: identity.id,
    correlationId,
    mutationId: given.mutationId ?? clock.id(),
    arrivedAt: clock.now(),
  });

  const toWaiting = (
    { identity }: Caller,
    arrived: Arrived,
    given: MutationOptions,
    settle: (outcome: QueueOutcome) => void,
  ): QueuedMutation => {
    const { command, mutationId, correlationId } = arrived;
    const { expectedVersion, base, comment, dryRun } = given;
    return {
      request: { command, identity, ...(expectedVersion !== undefined && { expectedVersion }) },
      mutationId,
      hasClientId: given.mutationId !== undefined,
      seen: undefined,
      isRetry: undefined,
      base,
      correlationId,
      comment,
      dryRun: dryRun === true,
      settle(outcome) {
        report(arrived, outcome);
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
        throw toError(outcome.refusal);
      case 'failed':
        throw outcome.error;
    }
  };

  const mutate: Mutating['mutate'] = (caller, campaignId, command, given) => {
    // Not an async function: everything up to the place in the queue happens within the call, which keeps the order of
    // calls (G7).
    try {
      const wanted = wantedDurability(command.type, given);
      const arrived = arrive(caller, campaignId, command, given);
      const { queue, loaded } = hostFor(caller, campaignId, command.type, wanted, [arrived]);
      const { promise, resolve } = Promise.withResolvers<QueueOutcome>();
      const waiting = toWaiting(caller, arrived, given, resolve);
      queue.add(waiting);
      return promise.then(async (outcome) => {
        if (outcome.kind === 'failed') throw withMutationId(outcome.error, waiting.mutationId);
        const { live } = await loaded;
        const answered = answer(live, waiting.mutationId, outcome);
        if ('dryRun' in answered || wanted === 'accepted' || answered.durability === 'durable') return answered;
        const { mutationId } = waiting;
        await waitDurable(live, answered.version, {
          clock,
          patience: options.durableTimeoutMs,
          signal: caller.signal,
          mutationId,
        });
        return { ...answered, durability: 'durable' as const };
      });
    } catch (error) {
      return Promise.reject(asError(error));
    }
  };

  const push: Mutating['push'] = async (caller, campaignId, mutations, seen) => {
    const arrived = mutations.map((mutation) => ({
      mutation,
      as: arrive(caller, campaignId, mutation.command, mutation),
    }));
    const { queue, loaded } = hostFor(
      caller,
      campaignId,
      'update',
      'accepted',
      arrived.map(({ as }) => as),
    );
    const pushed = arrived.map(({ mutation, as }) => {
      const { promise, resolve } = Promise.withResolvers<QueueOutcome>();
      return {
        promise,
        waiting: { ...toWaiting(caller, as, mutation, resolve), seen, isRetry: mutation.isRetry === true },
      };
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

  return { mutate, push };
}

/** Who is told to ask again needs the id to do it under, most of all where the server has made it. */
function withMutationId(error: Error, mutationId: string): Error {
  return error instanceof RefusalError ? toError({ ...error.refusal, mutationId }) : error;
}
