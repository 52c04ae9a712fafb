import type { Refusal } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import { roleFor, type Rights } from '../permissions.ts';
import { ENTRY_FORMAT } from '../stream/entry.ts';
import type { Head, LogRecord, SealedEntry } from '../stream/log-record.ts';
import type { Origin } from '../stream/origin.ts';
import { formatPosition, lastSharedVersion, parsePosition, type Position } from '../stream/position.ts';
import type { ChangeCommand } from './command.ts';
import { decide, type Check, type Decision, type Request, type Situation } from './decide.ts';
import { appliedBy, isSameCommand, type AppliedMutation } from './idempotency.ts';
import { mayPassLater, refusalId, refusedBefore } from './refused-mutations.ts';

/** Mutation as the group's decision reads it. */
export interface GroupMutation {
  readonly request: Omit<Request, 'command'> & { readonly command: ChangeCommand };
  readonly mutationId: string;
  /** Whether a copy of it may still be in flight, as far as the pushing client can tell; absent for a direct call. */
  readonly isRetry: boolean | undefined;
  readonly correlationId: string;
  readonly comment: string | undefined;
  readonly dryRun: boolean;
  /** Where it came from. */
  readonly origin?: Origin | undefined;
}

/**
 * Mutations of a group that stay together, in order: one direct call, a push, or a part of a push. A group is what one
 * append carries; a push that is too heavy for one is decided in parts.
 */
export interface GroupUnit<M> {
  readonly mutations: readonly M[];
  /** Mutations of the same push that follow these, and are decided in a later group. */
  readonly rest?: readonly M[];
  /** Newest position that the pushing client has seen; that of the part before, where there is one. */
  readonly seen?: Position | undefined;
}

/** What became of one mutation of a group. */
export type GroupOutcome =
  | { readonly kind: 'accepted'; readonly entry: LogRecord }
  | { readonly kind: 'unchanged'; readonly epoch: string; readonly version: number }
  /** Its id is known: it was applied before, by the same command. */
  | { readonly kind: 'duplicate'; readonly applied: AppliedMutation }
  | { readonly kind: 'dry-run'; readonly epoch: string; readonly version: number; readonly change: JsonObject }
  | { readonly kind: 'rejected'; readonly refusal: Refusal };

/** The campaign that a group is decided on. */
export interface GroupBase {
  readonly situation: Situation;
  /** Tail of the head, on which the first entry is chained. */
  readonly tail: string;
  /** Time of the newest entry, in epoch milliseconds: no later entry has an earlier one. */
  readonly updatedAt: number;
}

/** State that a group's rollback leads to, or why there is none; a rollback is always alone in its group. */
export type RollbackTarget = { readonly state: JsonObject } | { readonly refusal: Refusal };

/** What is known of a group's mutations before they are decided. */
export interface KnownMutations {
  /**
   * The mutation that was applied under that id: one of the window, or of the archive
   * (`engine/writes/archived-ids.ts`). Asked for ids of tombstone entries too.
   */
  findApplied(mutationId: string): AppliedMutation | undefined;
  /** The refusal of a mutation that cannot be decided any more, whatever it asks for. */
  findRefusal(mutationId: string): Refusal | undefined;
  readonly target: RollbackTarget;
}

/**
 * What the decision of a group needs of its surroundings. The server's are in `engine/writes/mutation-queue.ts`, with
 * `stream/hash-chain.ts`; the SDK's test kit has others, because browsers have no `node:crypto`.
 */
export interface GroupRules {
  /** Epoch milliseconds. */
  now(): number;
  check: Check;
  /** Table of field rights; without one every editor may change every field. */
  readonly rights?: Rights;
  seal(record: LogRecord, previousTail: string): SealedEntry;
  fingerprint(command: ChangeCommand): string;
}

/** Plan for a group on one base: the entries to append, and the answer to each mutation once they are in the log. */
export interface GroupPlan<M> {
  /** Head on which everything was decided. */
  readonly base: Head;
  /** Head after the entries. */
  readonly head: Head;
  readonly entries: readonly SealedEntry[];
  readonly outcomes: readonly { readonly mutation: M; readonly outcome: GroupOutcome }[];
  /**
   * `seen` of what follows in each unit: the head after the group, so that it is not decided on a timeline that has
   * lost this part; unchanged where the push was refused because its timeline was forked.
   */
  readonly seen: readonly (Position | undefined)[];
}

/**
 * Decides the mutations of a group, each on the state that those before it lead to, and seals the entries of those that
 * are accepted. Pure: nothing is applied, because the log may still say that the base was another one.
 *
 * Idempotency (G3): a mutation id is applied at most once. A known id is answered as it was the first time, and is
 * refused where the command differs.
 *
 * Order (G7): a client's mutations take effect in the order in which it made them, also over retries. Three rules:
 *
 * - A mutation that has no effect, or is refused, while a copy of it may still be in flight leaves a *tombstone*: an
 *   entry without a change that takes its id, so that the copy cannot take effect behind later mutations.
 * - A mutation that stands in its push before one that was applied has been decided before, without effect.
 * - A push that was made on a forked timeline is refused as a whole, because its client has to resend first what that
 *   fork lost.
 *
 * @example
 * const rules = { now: Date.now, check, seal, fingerprint };
 * decideGroup({ situation, tail, updatedAt }, [{ mutations: [mutation] }], known, rules).entries;
 */
export function decideGroup<M extends GroupMutation>(
  base: GroupBase,
  units: readonly GroupUnit<M>[],
  known: KnownMutations,
  rules: GroupRules,
): GroupPlan<M> {
  const { epoch } = base.situation;
  let { situation, tail, updatedAt } = base;
  const entries: SealedEntry[] = [];
  const outcomes: { mutation: M; outcome: GroupOutcome }[] = [];
  const planned = new Map<string, AppliedMutation>();
  const isForked: boolean[] = [];

  function find(mutationId: string): AppliedMutation | undefined {
    return planned.get(mutationId) ?? known.findApplied(mutationId);
  }

  function append(
    mutation: GroupMutation,
    change: JsonObject,
    after: Partial<Situation> = {},
    mutationId = mutation.mutationId,
  ): LogRecord {
    updatedAt = Math.max(rules.now(), updatedAt);
    const fingerprint = rules.fingerprint(mutation.request.command);
    const record = toRecord(mutation, mutationId, situation, change, updatedAt, fingerprint);
    const sealed = rules.seal(record, tail);
    tail = sealed.tail;
    situation = { ...situation, ...after, version: record.version };
    entries.push(sealed);
    planned.set(mutationId, appliedBy(record));
    return record;
  }

  /**
   * Without effect, and without an entry, unless a copy of it may still come: then a tombstone entry takes its id. The
   * answer names the position that the decision rests on, not that of the tombstone, which may be less durable.
   */
  function withoutEffect(mutation: GroupMutation, restsOn: { epoch: string; version: number }): GroupOutcome {
    if (mutation.isRetry) append(mutation, {});
    return { kind: 'unchanged', epoch: restsOn.epoch, version: restsOn.version };
  }

  /** Refused, and with a tombstone entry where a copy of it may still come and might pass by then. */
  function refuse(mutation: GroupMutation, refusal: Refusal): GroupOutcome {
    const { mutationId, isRetry } = mutation;
    const tombstone = refusalId(mutationId);
    if (isRetry && mayPassLater(refusal) && !find(tombstone)) append(mutation, {}, {}, tombstone);
    return { kind: 'rejected', refusal: { ...refusal, mutationId } };
  }

  function decideOne({ mutationId, request }: GroupMutation): Decision {
    const refusal = known.findRefusal(mutationId);
    if (refusal) return { kind: 'rejected', refusal };
    const { command } = request;
    if (command.type !== 'rollback') return decide(situation, { ...request, command }, rules.check, rules.rights);
    if ('refusal' in known.target) return { kind: 'rejected', refusal: known.target.refusal };
    return decide(
      situation,
      { ...request, command: { ...command, target: known.target.state } },
      rules.check,
      rules.rights,
    );
  }

  /** @param later the next mutation of its unit that was applied before */
  function outcomeOf(
    mutation: GroupMutation,
    forked: Refusal | undefined,
    later: AppliedMutation | undefined,
  ): GroupOutcome {
    const { mutationId, request } = mutation;
    const applied = find(mutationId);
    if (applied) return answerApplied(applied, rules.fingerprint(request.command));
    if (forked) return { kind: 'rejected', refusal: { ...forked, mutationId } };
    const decision = decideOne(mutation);
    if (decision.kind === 'rejected') return refuse(mutation, decision.refusal);
    const refused = find(refusalId(mutationId));
    if (refused) return refuse(mutation, refusedBefore(refused, mutationId));
    // It was decided before that one, without effect, and now would come too late.
    if (later) return withoutEffect(mutation, { epoch: later.epoch, version: later.version - 1 });
    if (mutation.dryRun) {
      const change = decision.kind === 'entry' ? decision.change : {};
      return { kind: 'dry-run', epoch, version: situation.version, change };
    }
    if (decision.kind === 'unchanged') return withoutEffect(mutation, situation);
    return { kind: 'accepted', entry: append(mutation, decision.change, decision.after) };
  }

  for (const { mutations, rest = [], seen } of units) {
    const later = appliedLater([...mutations, ...rest], find);
    const forked = forkedPush(seen, situation);
    isForked.push(forked !== undefined);
    for (const [index, mutation] of mutations.entries())
      outcomes.push({ mutation, outcome: outcomeOf(mutation, forked, later[index]) });
  }
  const { version } = situation;
  return {
    base: { epoch, version: base.situation.version, tail: base.tail },
    head: { epoch, version, tail },
    entries,
    outcomes,
    seen: units.map(({ seen }, index) => (isForked[index] ? seen : formatPosition(epoch, version))),
  };
}

/**
 * For each mutation of a unit, the next one behind it that was applied before. Where there is one, the unit was sent
 * again, and the mutation has been decided before.
 */
function appliedLater(
  unit: readonly GroupMutation[],
  find: (mutationId: string) => AppliedMutation | undefined,
): (AppliedMutation | undefined)[] {
  const later: (AppliedMutation | undefined)[] = [];
  let next: AppliedMutation | undefined;
  for (let index = unit.length - 1; index >= 0; index -= 1) {
    later[index] = next;
    const mutation = index > 0 ? unit[index] : undefined;
    next = (mutation && find(mutation.mutationId)) ?? next;
  }
  return later;
}

/**
 * Refusal of a push that was made on a timeline which was forked. A position ahead of this instance on its own timeline
 * is no fork: then this instance lags, and the log will say so.
 */
function forkedPush(seen: Position | undefined, situation: Situation): Refusal | undefined {
  const position = seen === undefined ? undefined : parsePosition(seen);
  if (!position || position.epoch === situation.epoch) return undefined;
  const bound = lastSharedVersion(position.epoch, situation, situation.lineage);
  if (bound !== undefined && position.version <= bound) return undefined;
  return {
    reason: 'CONFLICT',
    message: `seen: ${seen} is not on the current timeline; follow the stream to where it continues, and send again`,
    path: ['seen'],
    retryable: true,
    position: formatPosition(situation.epoch, situation.version),
  };
}

function toRecord(
  mutation: GroupMutation,
  mutationId: string,
  situation: Situation,
  change: JsonObject,
  at: number,
  fingerprint: string,
): LogRecord {
  const { request, correlationId, comment, origin } = mutation;
  const { identity, command } = request;
  return {
    version: situation.version + 1,
    type: command.type,
    change,
    // Without a role `decide` would have rejected it; the fallback is only for the compiler.
    actor: { id: identity.id, role: roleFor(identity, situation.campaignId) ?? 'viewer' },
    mutationId,
    correlationId,
    ...(comment !== undefined && { comment }),
    at,
    format: ENTRY_FORMAT,
    epoch: situation.epoch,
    command,
    fingerprint,
    ...(origin && { origin }),
  };
}

function answerApplied(applied: AppliedMutation, fingerprint: string): GroupOutcome {
  if (isSameCommand(applied, fingerprint)) return { kind: 'duplicate', applied };
  const { mutationId, version } = applied;
  const message = `mutationId: ${mutationId} was used for another command, at version ${version}`;
  return { kind: 'rejected', refusal: { reason: 'INVALID', message, path: ['mutationId'], mutationId } };
}
