import type { EditCommand, Mutation } from '../../../server/core/commands/command.ts';
import type { Position } from '../../../server/core/stream/entry.ts';
import { LIMITS } from '../../../server/core/limits.ts';
import { utf8Bytes } from '../../../server/core/document/plain-json.ts';
import type { PushOutcome } from '../../../server/engine/service.ts';
import { fullJitter, RETRY } from '../link/backoff.ts';
import type { Clock } from '../clock.ts';
import type { Connection } from '../link/connection.ts';
import { CampaignError, readFailure } from '../errors.ts';
import type { PushLimits } from '../sync/pending.ts';

/**
 * How much one push carries, and how large one mutation may be: twice a document, and with its envelope still below the
 * frame that the server takes. A larger frame would end the link, and being sent again end every link after it.
 */
const PUSH: PushLimits = { mutations: LIMITS.pushMutations, bytes: 2 * LIMITS.documentBytes };

/** Mutations that may wait on a device, per campaign. */
const WAITING_AT_MOST = 1_000;

/** Refuses a command that could not travel, and one more where too many wait already. */
export function refuseUnsendable(command: EditCommand, waiting: number): void {
  const bytes = utf8Bytes(JSON.stringify(command));
  if (bytes > PUSH.bytes) {
    throw new CampaignError({
      reason: 'TOO_LARGE',
      message: `The change takes ${bytes} bytes; at most ${PUSH.bytes} can be sent`,
      limit: PUSH.bytes,
    });
  }
  if (waiting >= WAITING_AT_MOST) {
    const message = `${WAITING_AT_MOST} changes wait to be saved; no more are taken before some are`;
    throw new CampaignError({ reason: 'OVERLOADED', message, limit: WAITING_AT_MOST });
  }
}

/** The mutations of one campaign, as the outbox sees them. */
interface Queue {
  /** The next ones to send, in order; none: there is nothing to do. */
  take(limits: PushLimits): Mutation[];
  /** Where the mirror stands: on a line that did not survive, what was lost must be sent first. */
  seen(): Position | undefined;
  answered(outcomes: readonly PushOutcome[]): void;
  unanswered(): void;
  rejected(mutationId: string, error: CampaignError): void;
}

export interface OutboxOptions {
  readonly campaignId: string;
  readonly connection: Connection;
  readonly clock: Clock;
  readonly queue: Queue;
}

/**
 * Carries one campaign's mutations to the server: one push at a time, so that nothing can overtake (G7); what waits
 * meanwhile travels together in the next. A push without an answer is sent again under the same ids; a refusal that
 * passes by itself holds everything behind it back.
 */
export interface Outbox {
  /** There may be something to send. */
  wake(): void;
  stop(): void;
}

export function createOutbox({ campaignId, connection, clock, queue }: OutboxOptions): Outbox {
  let busy = false;
  let stopped = false;
  let attempt = 0;
  let resting = false;
  let cancelRest = () => {};
  /**
   * After a refusal of a whole push that named no culprit, mutations go one by one until the culprit has been found.
   */
  let oneByOne = false;
  const stopListening = connection.state.subscribe(wake);

  function wake(): void {
    // A microtask later, so that what is made in one go travels together.
    queueMicrotask(() => void send());
  }

  async function send(): Promise<void> {
    if (busy || resting || stopped || connection.state.getSnapshot().status !== 'connected') return;
    const push = queue.take(oneByOne ? { ...PUSH, mutations: 1 } : PUSH);
    if (push.length === 0) return;
    busy = true;
    try {
      const seen = queue.seen();
      const outcomes = await connection.trpc.campaign.push.mutate({
        campaignId,
        mutations: push,
        ...(seen !== undefined && { seen }),
      });
      oneByOne = false;
      queue.answered(outcomes);
      const held = outcomes.find((outcome) => !outcome.ok && outcome.error.retryable);
      if (held && !held.ok) rest(held.error.retryAfterMs);
      else attempt = 0;
    } catch (thrown) {
      failed(push, thrown);
    } finally {
      busy = false;
      wake();
    }
  }

  /** The push as a whole was refused, or brought no answer. */
  function failed(push: readonly Mutation[], thrown: unknown): void {
    const { kind, error } = readFailure(thrown);
    if (kind === 'unanswered' || error.retryable) {
      queue.unanswered();
      rest(error.retryAfterMs);
    } else if (error.reason === 'UPGRADE_REQUIRED' || (error.reason === 'UNAUTHORIZED' && connection.hasToken())) {
      // Not about these mutations: they wait for the next token.
      queue.unanswered();
      connection.unauthorized(error);
    } else {
      const culprit = push.length === 1 ? push[0] : push[indexIn(error)];
      if (culprit) queue.rejected(culprit.mutationId, error);
      else oneByOne = true;
      queue.unanswered();
    }
  }

  function rest(afterMs: number | undefined): void {
    resting = true;
    cancelRest = clock.after(afterMs ?? fullJitter(attempt, clock.random(), RETRY), () => {
      resting = false;
      wake();
    });
    attempt += 1;
  }

  return {
    wake,
    stop() {
      stopped = true;
      stopListening();
      cancelRest();
    },
  };
}

/** Which of the push's mutations the server's refusal names: its path begins `['mutations', index, …]`. */
function indexIn({ path }: CampaignError): number {
  const [field, index] = path ?? [];
  return field === 'mutations' && typeof index === 'number' ? index : -1;
}
