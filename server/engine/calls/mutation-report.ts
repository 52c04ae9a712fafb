import type { Command } from '../../core/commands/command.ts';
import { RefusalError, type Refusal } from '../../core/errors.ts';
import type { EngineObserver, MutationOutcome } from '../observer.ts';
import type { Clock } from '../ports.ts';
import type { Trace } from './trace.ts';
import type { QueueOutcome } from '../writes/queued-mutation.ts';

/** Mutation as it is reported when it is answered. */
export interface ReportedMutation {
  campaignId: string;
  command: Command;
  actor: string;
  correlationId: string;
  mutationId: string;
  /** Epoch milliseconds. */
  arrivedAt: number;
}

/** Reports to metrics, logs and traces how a mutation ended. */
export type MutationReport = (mutation: ReportedMutation, outcome: QueueOutcome) => void;

export function createMutationReport(
  clock: Pick<Clock, 'now'>,
  observer: EngineObserver,
  trace: Trace,
): MutationReport {
  return ({ campaignId, command, actor, correlationId, mutationId, arrivedAt }, outcome) => {
    const now = clock.now();
    const refusal = refusalIn(outcome);
    const kind = kindOf(outcome);
    observer.mutation?.({
      campaignId,
      type: command.type,
      outcome: kind,
      seconds: (now - arrivedAt) / 1_000,
      actor,
      correlationId,
      mutationId,
      ...(refusal && { refusal }),
    });
    if (!trace.listening) return;
    trace.emit({
      at: now,
      campaignId,
      correlationId,
      mutationId,
      actor,
      outcome: kind === 'duplicate' ? 'accepted' : kind,
      milliseconds: now - arrivedAt,
      command,
      ...(outcome.kind === 'accepted' && { entry: outcome.entry }),
      ...(refusal && { refusal }),
    });
  };
}

/** Reports mutations that were refused before they had a place in any queue, and returns the refusal. */
export function reportRefused(
  report: MutationReport,
  mutations: readonly ReportedMutation[],
  error: RefusalError,
): RefusalError {
  for (const mutation of mutations)
    report(mutation, { kind: 'rejected', refusal: { ...error.refusal, mutationId: mutation.mutationId } });
  return error;
}

function refusalIn(outcome: QueueOutcome): Refusal | undefined {
  if (outcome.kind === 'rejected') return outcome.refusal;
  return outcome.kind === 'failed' && outcome.error instanceof RefusalError ? outcome.error.refusal : undefined;
}

function kindOf(outcome: QueueOutcome): MutationOutcome {
  // A dry run changes nothing, and metrics count it as that.
  if (outcome.kind === 'dry-run') return 'unchanged';
  if (outcome.kind !== 'failed') return outcome.kind;
  // The outcome of what failed with `UNAVAILABLE` is not known; any other reason is a refusal.
  const reason = refusalIn(outcome)?.reason;
  return reason === undefined || reason === 'UNAVAILABLE' ? 'failed' : 'rejected';
}
