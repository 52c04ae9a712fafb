import type { PushOutcome } from '../../core/commands/push-outcome.ts';
import type { ChangeCommand, MutationOptions } from '../../core/commands/command.ts';
import { mayAsk } from '../../core/commands/decide.ts';
import { weightOf } from '../../core/commands/weight.ts';
import type { Receipt } from '../../core/stream/entry.ts';
import { asError, RefusalError, isRetryable } from '../../core/errors.ts';
import { formatPosition } from '../../core/stream/position.ts';
import type { HostedCampaign, CampaignHost } from '../hosting/campaign-host.ts';
import type { LiveCampaign } from '../campaign/live-campaign.ts';
import { reportRefused, type MutationReport, type ReportedMutation } from './mutation-report.ts';
import type { Overload } from './overload.ts';
import type { Clock } from '../ports.ts';
import { toReceipt } from './receipt.ts';
import { forbidden, notPersistent, toError } from '../refusals.ts';
import type { Caller, CampaignService, DryRun } from '../service.ts';
import { waitDurable } from '../campaign/wait-durable.ts';
import type { QueueOutcome, QueuedMutation } from '../writes/queued-mutation.ts';

/** Mutation as it arrived, with the id under which it is answered. */
type Arrived = ReportedMutation & { command: ChangeCommand };

export interface MutationsOptions {
  hosting: CampaignHost;
  clock: Clock;
  report: MutationReport;
  /** Refusal for load, or because the server stops: why no mutation of that campaign can be taken now. */
  refuseLoad: Overload['refuse'];
  /** Refusal of a queue of that weight: why it takes no more now. */
  refuseQueued: Overload['refuseQueued'];
  persistent: boolean;
  durability: 'accepted' | 'durable';
  durableTimeoutMs: number;
}

type Mutations = Pick<CampaignService, 'mutate' | 'push'>;

/**
 * Changing calls of the service on campaigns that exist: puts mutations into the campaign's queue, and makes receipts
 * and errors of their outcomes.
 */
export function createMutations(options: MutationsOptions): Mutations {
  const { hosting, clock, report, refuseLoad, refuseQueued, persistent } = options;

  /** The campaign for these mutations. Refuses and reports them where the caller has no right, or for load. */
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
      const overload = refuseLoad(campaignId);
      if (overload) throw overload;
      const hosted = hosting.host(campaignId);
      const full = refuseQueued(hosted.queue.weight);
      if (full) throw full;
      return hosted;
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

  const toQueued = (
    { identity, origin }: Caller,
    arrived: Arrived,
    given: MutationOptions,
    settle: (outcome: QueueOutcome) => void,
  ): QueuedMutation => {
    const { command, mutationId, correlationId } = arrived;
    const { expectedVersion, base, comment, dryRun, lock } = given;
    return {
      request: {
        command,
        identity,
        ...(expectedVersion !== undefined && { expectedVersion }),
        ...(lock !== undefined && { locks: [lock].flat() }),
      },
      mutationId,
      hasClientId: given.mutationId !== undefined,
      isRetry: undefined,
      base,
      correlationId,
      comment,
      dryRun: dryRun === true,
      origin,
      weight: weightOf(command),
      settle(outcome) {
        report(arrived, outcome);
        settle(outcome);
      },
    };
  };

  /** Receipt for an outcome of the queue; throws what is not one. */
  const answer = (live: LiveCampaign, mutationId: string, outcome: QueueOutcome): Receipt | DryRun => {
    switch (outcome.kind) {
      case 'accepted':
        return toReceipt(live, outcome.entry, true, persistent);
      case 'duplicate':
        return toReceipt(live, outcome.applied, outcome.applied.changed, persistent);
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

  const mutate: Mutations['mutate'] = (caller, campaignId, command, given) => {
    // Not an async function: the mutation takes its place in the queue within the call, which keeps the order of calls
    // (G7).
    try {
      const wanted = wantedDurability(command.type, given);
      const arrived = arrive(caller, campaignId, command, given);
      const { queue, loaded } = hostFor(caller, campaignId, command.type, wanted, [arrived]);
      const { promise, resolve } = Promise.withResolvers<QueueOutcome>();
      const queued = toQueued(caller, arrived, given, resolve);
      queue.add([queued]);
      return promise.then(async (outcome) => {
        if (outcome.kind === 'failed') throw withMutationId(outcome.error, queued.mutationId);
        const { live } = await loaded;
        const answered = answer(live, queued.mutationId, outcome);
        if ('dryRun' in answered || wanted === 'accepted' || answered.durability === 'durable') return answered;
        const { mutationId } = queued;
        await waitDurable(live, answered.version, {
          clock,
          timeoutMs: options.durableTimeoutMs,
          signal: caller.signal,
          mutationId,
        });
        return { ...answered, durability: 'durable' as const };
      });
    } catch (error) {
      return Promise.reject(asError(error));
    }
  };

  const push: Mutations['push'] = async (caller, campaignId, mutations, seen) => {
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
        queued: { ...toQueued(caller, as, mutation, resolve), isRetry: mutation.isRetry === true },
      };
    });
    // One unit: a failure of the log fails all of it, so that a retry cannot be overtaken.
    queue.add(
      pushed.map(({ queued }) => queued),
      seen,
    );
    const { live } = await loaded;
    return Promise.all(
      pushed.map(async ({ promise, queued }): Promise<PushOutcome> => {
        const outcome = await promise;
        // A failure of the log stops the whole push: the client sends all of it again.
        if (outcome.kind === 'failed') throw outcome.error;
        if (outcome.kind === 'rejected') {
          const { mutationId } = queued;
          // What stands behind it has been decided: it is not sent again, whatever becomes of the lock.
          const retryable = outcome.refusal.reason !== 'LOCKED' && isRetryable(outcome.refusal);
          return { ok: false, mutationId, error: { ...outcome.refusal, retryable } };
        }
        const receipt = answer(live, queued.mutationId, outcome);
        if ('dryRun' in receipt) throw new Error('a push has no dry runs');
        return { ok: true, receipt };
      }),
    );
  };

  return { mutate, push };
}

/** A caller that is asked to send again needs the id to do so, most of all where the server has made it. */
function withMutationId(error: Error, mutationId: string): Error {
  return error instanceof RefusalError ? toError({ ...error.refusal, mutationId }) : error;
}
