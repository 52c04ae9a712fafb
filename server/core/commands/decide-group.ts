import type { Sections } from '../../core/document/check.ts';
import { decide, type Decision, type Situation } from '../../core/commands/decide.ts';
import { ENTRY_FORMAT } from '../../core/stream/entry.ts';
import type { Refusal } from '../../core/errors.ts';
import type { AppliedMutation } from '../../core/commands/idempotency.ts';
import type { JsonObject } from '../../core/json.ts';
import { roleFor } from '../../core/permissions.ts';
import { formatPosition, parsePosition, lastSharedVersion } from '../../core/stream/position.ts';
import { situationOf, type LiveCampaign } from '../campaign/live-campaign.ts';
import type { ArchivedIds } from './archived-ids.ts';
import type { Clock, Head, LogRecord, SealedEntry } from '../ports.ts';
import { mayPassLater, refusalId, refusedBefore } from './refused-mutations.ts';
import { fingerprint, seal } from '../campaign/hash-chain.ts';
import type { QueuedCommand, QueueOutcome, QueuedMutation } from './queued-mutation.ts';

/** What a group comes to, on one situation. */
export interface Plan {
  /** The head that everything was decided on. */
  base: Head;
  /** The head after the entries. */
  head: Head;
  sizeBound: number;
  entries: SealedEntry[];
  outcomes: { mutation: QueuedMutation; outcome: QueueOutcome }[];
}

/**
 * Decides each of a group on what those before it lead to, and seals what is accepted. Nothing is changed: the log may
 * still say that the situation was another one.
 *
 * @param known what the archive says of mutations that the window may have forgotten
 */
export function decideGroup(
  live: LiveCampaign,
  units: readonly QueuedMutation[][],
  known: ArchivedIds,
  target: RollbackTarget,
  { clock, sections }: { clock: Clock; sections: Sections },
): Plan {
  let situation: Situation = situationOf(live);
  let head = live.head;
  let at = live.updatedAt;
  const entries: SealedEntry[] = [];
  const outcomes: Plan['outcomes'] = [];
  const planned = new Map<string, AppliedMutation>();

  const find = (id: string): AppliedMutation | undefined =>
    planned.get(id) ?? live.window.find(id) ?? known.applied.get(id);
  const appliedBefore = ({ mutationId }: QueuedMutation): AppliedMutation | undefined => find(mutationId);

  const append = (
    mutation: QueuedMutation,
    change: JsonObject,
    decided: Partial<Situation>,
    mutationId = mutation.mutationId,
  ): LogRecord => {
    at = Math.max(clock.now(), at);
    const sealed = seal({ ...toRecord(mutation, situation, change, at), mutationId }, head.tail);
    const { epoch, version, fingerprint: print } = sealed.record;
    head = { epoch, version, tail: sealed.tail };
    situation = { ...situation, ...decided, version };
    entries.push(sealed);
    planned.set(mutationId, { mutationId, version, epoch, fingerprint: print });
    return sealed.record;
  };

  /**
   * No effect, and no entry, unless a copy of it may still come: then an empty entry takes its id. The answer names
   * what the decision rests on, not that entry, which may be less durable.
   */
  const withoutEffect = (mutation: QueuedMutation, restsOn: { epoch: string; version: number }): QueueOutcome => {
    if (mutation.isRetry) append(mutation, {}, {});
    return { kind: 'unchanged', ...restsOn };
  };

  /**
   * Refused, and with an entry under another id where a copy may still come; that entry is not found by who looks for
   * an applied one.
   */
  const refuse = (mutation: QueuedMutation, refusal: Refusal): QueueOutcome => {
    const { mutationId, isRetry } = mutation;
    const before = find(refusalId(mutationId));
    if (!before && isRetry && mayPassLater(refusal)) append(mutation, {}, {}, refusalId(mutationId));
    return { kind: 'rejected', refusal: { ...refusal, mutationId } };
  };

  for (const unit of units) {
    const behind = appliedBehind(unit, appliedBefore);
    const broken = brokenLine(unit, situation);
    for (const [index, mutation] of unit.entries()) {
      const { mutationId } = mutation;
      const applied = appliedBefore(mutation);
      if (applied) {
        outcomes.push({ mutation, outcome: answerKnown(applied, mutation.request.command) });
        continue;
      }
      if (broken) {
        outcomes.push({ mutation, outcome: { kind: 'rejected', refusal: { ...broken, mutationId } } });
        continue;
      }
      const decision = known.tooOld.has(mutationId)
        ? tooOld(mutation)
        : decideOne(situation, mutation, target, sections);
      const { epoch, version } = situation;
      const later = behind[index];
      const refused = find(refusalId(mutationId));
      if (refused && decision.kind !== 'rejected') {
        outcomes.push({ mutation, outcome: refuse(mutation, refusedBefore(refused, mutationId)) });
      } else if (later && decision.kind !== 'rejected') {
        // It was decided before that one, without effect, and now would come too late (G7).
        outcomes.push({
          mutation,
          outcome: withoutEffect(mutation, { epoch: later.epoch, version: later.version - 1 }),
        });
      } else if (decision.kind === 'rejected') {
        outcomes.push({ mutation, outcome: refuse(mutation, decision.refusal) });
      } else if (mutation.dryRun) {
        const change = decision.kind === 'entry' ? decision.change : {};
        outcomes.push({ mutation, outcome: { kind: 'dry-run', epoch, version, change } });
      } else if (decision.kind === 'unchanged') {
        outcomes.push({ mutation, outcome: withoutEffect(mutation, { epoch, version }) });
      } else {
        outcomes.push({
          mutation,
          outcome: { kind: 'accepted', entry: append(mutation, decision.change, decision.after) },
        });
      }
    }
  }
  return { base: live.head, head, sizeBound: situation.sizeBound, entries, outcomes };
}

/**
 * For each of a unit, the next one behind it that has been applied: then the unit comes again, and this one was decided
 * before.
 */
function appliedBehind(
  unit: readonly QueuedMutation[],
  appliedBefore: (mutation: QueuedMutation) => AppliedMutation | undefined,
): (AppliedMutation | undefined)[] {
  const behind: (AppliedMutation | undefined)[] = [];
  let next: AppliedMutation | undefined;
  for (let index = unit.length - 1; index >= 0; index -= 1) {
    behind[index] = next;
    const mutation = unit[index];
    next = (mutation && appliedBefore(mutation)) ?? next;
  }
  return behind;
}

/**
 * A push that was made on a line which did not survive: its client is about to hear of that, and to send again what was
 * lost, which stands before this (G7). Ahead of us on our own line is not broken: then we lag, and the log will say so.
 */
function brokenLine([first]: readonly QueuedMutation[], situation: Situation): Refusal | undefined {
  const seen = first?.seen === undefined ? undefined : parsePosition(first.seen);
  if (!seen || seen.epoch === situation.epoch) return undefined;
  const bound = lastSharedVersion(seen.epoch, situation, situation.lineage);
  if (bound !== undefined && seen.version <= bound) return undefined;
  const message = `seen: ${first?.seen} is not on the surviving line; follow the stream to where it goes on, and send again`;
  return {
    reason: 'CONFLICT',
    message,
    path: ['seen'],
    retryable: true,
    position: formatPosition(situation.epoch, situation.version),
  };
}

function toRecord(mutation: QueuedMutation, situation: Situation, change: JsonObject, at: number): LogRecord {
  const { request, mutationId, correlationId, comment } = mutation;
  const { identity, command } = request;
  return {
    version: situation.version + 1,
    type: command.type,
    change,
    // `decide` let it pass, so that there is a role; the fallback only satisfies the compiler.
    actor: { id: identity.id, role: roleFor(identity, situation.campaignId) ?? 'viewer' },
    mutationId,
    correlationId,
    ...(comment !== undefined && { comment }),
    at,
    format: ENTRY_FORMAT,
    epoch: situation.epoch,
    command,
    fingerprint: fingerprint(command),
  };
}

/** The state that a group's rollback leads to, or why there is none; a rollback goes alone. */
export type RollbackTarget = { state: JsonObject } | { refusal: Refusal };

function decideOne(
  situation: Situation,
  { request }: QueuedMutation,
  target: RollbackTarget,
  sections: Sections,
): Decision {
  const { command } = request;
  if (command.type !== 'rollback') return decide(situation, { ...request, command }, sections);
  if ('refusal' in target) return { kind: 'rejected', refusal: target.refusal };
  return decide(situation, { ...request, command: { ...command, target: target.state } }, sections);
}

/** It may have been applied, and its id compacted away: applying it now could be the second time. */
function tooOld({ base }: QueuedMutation): Decision {
  const message = `base: ${base} lies before the oldest history that is kept; whether this mutation was applied is not known any more`;
  return { kind: 'rejected', refusal: { reason: 'TOO_OLD', message, path: ['base'] } };
}

function answerKnown(applied: AppliedMutation, command: QueuedCommand): QueueOutcome {
  if (applied.fingerprint === fingerprint(command)) return { kind: 'duplicate', applied };
  const { mutationId } = applied;
  const message = `mutationId: ${mutationId} was used for another command, at version ${applied.version}`;
  return { kind: 'rejected', refusal: { reason: 'INVALID', message, path: ['mutationId'], mutationId } };
}
