import type { Mutation } from '../../../server/core/commands/command.ts';
import { retryDelay } from '../link/backoff.ts';
import type { Clock } from '../clock.ts';
import type { Connection } from '../link/connection.ts';
import { readFailure, type CampaignError } from '../errors.ts';
import type { PendingEdits } from '../sync/pending-edits.ts';
import { PUSH_LIMITS } from './sendable.ts';

export interface OutboxOptions {
  readonly campaignId: string;
  readonly connection: Connection;
  readonly clock: Clock;
  readonly edits: PendingEdits;
  /** The campaign was deleted. */
  readonly onDeleted: (error: CampaignError) => void;
}

export interface Outbox {
  /** Sends what waits, where that is possible now: to be called when the connection has changed. */
  readonly wake: () => void;
  /** For good. */
  readonly stop: () => void;
}

/**
 * Sends one campaign's pending edits: one push at a time, so that nothing can overtake (G7); what waits meanwhile
 * travels together in the next. A push without an answer is resent under the same ids; a refusal that passes by itself
 * holds everything behind it back, with backoff. After a reset, `rebase` (`sync/pending.ts`) has set what was lost back
 * to waiting, and it is sent from here like anything else.
 *
 */
export function startOutbox({ campaignId, connection, clock, edits, onDeleted }: OutboxOptions): Outbox {
  let busy = false;
  let stopped = false;
  let attempt = 0;
  let backingOff = false;
  let cancelBackoff = () => {};
  /**
   * After a refusal of a whole push that named no culprit, mutations go one by one until the culprit has been found.
   */
  let oneByOne = false;
  // Before anyone else is told: the change is on its way before a framework that renders in a microtask has begun.
  edits.onChange(wake);

  function wake(): void {
    // A microtask later, so that what is made in one go travels together.
    queueMicrotask(() => void send());
  }

  async function send(): Promise<void> {
    if (busy || backingOff || stopped || connection.state.getSnapshot().status !== 'connected') return;
    const push = edits.takePush(oneByOne ? { ...PUSH_LIMITS, mutations: 1 } : PUSH_LIMITS);
    if (push.length === 0) return;
    busy = true;
    try {
      const seen = edits.newestSeen();
      const outcomes = await connection.trpc.campaign.push.mutate({
        campaignId,
        mutations: [...push],
        ...(seen !== undefined && { seen }),
      });
      oneByOne = false;
      edits.onOutcomes(outcomes);
      const refusedForNow = outcomes.find((outcome) => !outcome.ok && outcome.error.retryable);
      if (refusedForNow && !refusedForNow.ok) backOff(refusedForNow.error.retryAfterMs);
      else attempt = 0;
    } catch (thrown) {
      await onFailure(push, thrown);
    } finally {
      busy = false;
      wake();
    }
  }

  /** The push as a whole was refused, or brought no answer. */
  async function onFailure(push: readonly Mutation[], thrown: unknown): Promise<void> {
    const { kind, error } = readFailure(thrown);
    if (kind === 'unanswered' || error.retryable) backOff(error.retryAfterMs);
    // Not about these mutations: they wait for the next token.
    else if (error.reason === 'UPGRADE_REQUIRED' || (error.reason === 'UNAUTHORIZED' && connection.hasToken()))
      connection.unauthorized(error);
    else if (error.deletedAt !== undefined) onDeleted(error);
    else await onRefusal(push, error);
    edits.onUnanswered();
  }

  /** The push was refused for good because of one of its mutations. Few ever are: the code for it is loaded then. */
  async function onRefusal(push: readonly Mutation[], error: CampaignError): Promise<void> {
    try {
      const { culpritOf, withoutEnvelope } = await import('./push-refusal.ts');
      const culprit = culpritOf(push, error);
      if (culprit) edits.onRejected(culprit.mutationId, withoutEnvelope(error, culprit));
      else oneByOne = true;
    } catch {
      backOff(undefined);
    }
  }

  function backOff(afterMs: number | undefined): void {
    backingOff = true;
    cancelBackoff = clock.after(afterMs ?? retryDelay(attempt, clock.random()), () => {
      backingOff = false;
      wake();
    });
    attempt += 1;
  }

  return {
    wake,
    stop() {
      stopped = true;
      cancelBackoff();
    },
  };
}
