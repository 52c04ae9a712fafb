import type { Command } from '../core/command.ts';
import type { QueueOutcome } from './waiting-mutation.ts';
import type { EngineObserver } from './observer.ts';
import type { Clock } from './ports.ts';
import type { Trace } from './trace.ts';

/** What is known of a mutation when it is answered. */
export interface ReportedMutation {
  campaignId: string;
  command: Command;
  actor: string;
  correlationId: string;
  mutationId: string;
  /** Epoch milliseconds. */
  arrivedAt: number;
}

/** Tells metrics, logs and traces how a mutation ended. */
export type MutationReport = (mutation: ReportedMutation, outcome: QueueOutcome) => void;

export function createMutationReport(clock: Pick<Clock, 'now'>, observer: EngineObserver, trace: Trace): MutationReport {
  return ({ campaignId, command, actor, correlationId, mutationId, arrivedAt }, outcome) => {
    const now = clock.now();
    const refusal = outcome.kind === 'rejected' ? outcome.refusal : undefined;
    // A dry run changes nothing, which is what metrics say of it.
    const kind = outcome.kind === 'dry-run' ? 'unchanged' : outcome.kind;
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
    if (!trace.listening || kind === 'failed') return;
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
