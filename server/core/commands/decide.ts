import { contentOf, treeOf, type CampaignContent } from '../stream/apply.ts';
import type { Checked } from '../document/check.ts';
import type { Command, CreateCommand, RollbackCommand } from './command.ts';
import { effect } from './effect.ts';
import { weightOf } from './weight.ts';
import {
  fieldsOfArms,
  fieldsOfChangedArms,
  isTargetingCommand,
  refuseGeneralUpdate,
  refuseShipping,
  refuseTargetingCommand,
} from '../targeting/refuse-command.ts';
import { targetingEffect } from '../targeting/targeting-effect.ts';
import { touchesTargeting } from '../targeting/targeting.ts';
import type { Refusal } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import { refuseLocked, refuseLockedChange, type LockClaim, type LockSituation } from '../locks/lock-guard.ts';
import type { LockToken } from '../locks/lock-table.ts';
import { growthOf } from '../document/document-size.ts';
import type { DocumentTree } from '../document/document-tree.ts';
import { diff, isEmptyPatch, patchTree } from '../document/merge-patch.ts';
import {
  CALL_ACTIONS,
  can,
  canRead,
  canWrite,
  NO_FIELD_RIGHTS,
  roleFor,
  roleRefusal,
  type Identity,
} from '../permissions.ts';
import { LIMITS } from '../limits.ts';
import { formatPosition, versionOnTimeline, type Fork, type VersionName } from '../stream/position.ts';

/** The campaign at one version, on which a decision is made. */
export interface Situation {
  campaignId: string;
  epoch: string;
  version: number;
  lineage: readonly Fork[];
  content: CampaignContent;
  /** The size of the document as compact JSON, in bytes. */
  documentBytes: number;
  /** Its locks; absent where there is no log that has any. */
  locks?: LockSituation;
}

/** A command that can be decided: a rollback comes with its target state, which the engine has looked up. */
export type ResolvedCommand =
  | Exclude<Command, CreateCommand | RollbackCommand>
  | (RollbackCommand & { target: JsonObject });

export interface Request {
  command: ResolvedCommand;
  identity: Identity;
  expectedVersion?: VersionName;
  /** Locks that it is made under. */
  locks?: readonly LockToken[];
}

/**
 * Whether a state may stand after a change. The server hands in `document/check.ts` with its sections; whoever has no
 * schemas, such as the SDK, hands in another.
 */
export type Check = (next: DocumentTree, change: JsonObject, documentBytes: number) => Checked;

export type Decision =
  /** Accepted as an entry with this change; `after` is what differs in the next situation. */
  | { kind: 'entry'; change: JsonObject; after: Pick<Situation, 'content' | 'documentBytes'> }
  /** Without effect: the state is already as the command wants it. */
  | { kind: 'unchanged' }
  | { kind: 'rejected'; refusal: Refusal };

/**
 * Whether the identity may issue that command at all. Also checked before anything about the campaign is looked up, so
 * that a refusal tells nothing about the campaign.
 */
export function mayAsk(identity: Identity, type: ResolvedCommand['type'], campaignId: string): boolean {
  return can(identity, CALL_ACTIONS[type], campaignId, true);
}

/**
 * The decision on one command in one situation: rights, `expectedVersion`, effect, check. Nothing else in the server
 * accepts or rejects a change.
 *
 * @param rights the table of field rights; without one every editor may change every field
 */
export function decide(situation: Situation, request: Request, check: Check, rights = NO_FIELD_RIGHTS): Decision {
  const { command, identity } = request;
  const role = roleFor(identity, situation.campaignId);
  if (role === undefined || !mayAsk(identity, command.type, situation.campaignId))
    return reject(roleRefusal(situation.campaignId, command.type));
  // By the fields that it names, not by its effect: whether there is one would tell what a hidden field holds.
  const forbidden = namedFields(command).find((field) => !canWrite(rights, role, [field]));
  if (forbidden !== undefined) return reject(fieldRefusal(forbidden));
  const weight = weightOf(command);
  if (weight > LIMITS.commandWeight) return reject(weightRefusal(command.type, weight));
  const invalid = refuseCommand(command);
  if (invalid) return reject(invalid);
  const claim: LockClaim = {
    holder: identity.id,
    tokens: request.locks ?? [],
    mayRead: (path) => canRead(rights, role, path),
  };
  const locked = situation.locks && refuseLocked(situation.locks, command, claim);
  if (locked) return reject(locked);
  if (request.expectedVersion !== undefined && !isExpected(situation, request.expectedVersion)) {
    const position = formatPosition(situation.epoch, situation.version);
    const message = `expectedVersion: expected ${request.expectedVersion}, but the campaign is at ${position}`;
    return reject({ reason: 'CONFLICT', message, path: ['expectedVersion'], position });
  }
  const { content, documentBytes } = situation;
  const { archivedAt } = content;
  const document = treeOf(content);
  if (command.type === 'archive' || command.type === 'restore') {
    if ((archivedAt !== undefined) === (command.type === 'archive')) return { kind: 'unchanged' };
    // `archivedAt` is the entry's time, which the engine sets later; until then any number will do.
    const after = contentOf(document, command.type === 'archive' ? 0 : undefined);
    return { kind: 'entry', change: {}, after: { content: after, documentBytes } };
  }
  if (archivedAt !== undefined) {
    const message = `campaignId: ${situation.campaignId} is archived and read-only; restore it first`;
    return reject({ reason: 'INVALID', message, path: ['campaignId'] });
  }
  const missing = command.type === 'shipRule' ? refuseShipping(document, command) : undefined;
  if (missing) return reject(missing);
  const change = changeOf(document, command);
  if (isEmptyPatch(change)) return { kind: 'unchanged' };
  // A rule can change more than what it is called by: what an arm holds, or the ranges of its group.
  const changesLocked =
    situation.locks && isTargetingCommand(command) && refuseLockedChange(situation.locks, change, claim);
  if (changesLocked) return reject(changesLocked);
  // Of the fields that differ only those may be named that the role can read.
  const decidedBy = command.type === 'rollback' ? 'toVersion' : command.type === 'shipRule' ? 'winner' : undefined;
  if (decidedBy !== undefined && !differing(document, change).every((field) => canWrite(rights, role, [field])))
    return reject({
      ...fieldRefusal(decidedBy),
      message: `${decidedBy}: it differs in fields that your role may not change`,
    });
  const next = patchTree(document, change);
  const nextBytes = documentBytes + growthOf(document, next, change);
  const checked = check(next, change, nextBytes);
  if (!checked.ok) return reject(checked.refusal);
  return { kind: 'entry', change, after: { content: contentOf(next, archivedAt), documentBytes: nextBytes } };
}

/** The effect of a command, whatever its kind. */
function changeOf(
  document: DocumentTree,
  command: Exclude<ResolvedCommand, { type: 'archive' | 'restore' }>,
): JsonObject {
  if (command.type === 'rollback') return diff(document, command.target);
  return isTargetingCommand(command) ? targetingEffect(document, command) : effect(document, command);
}

/** The top-level fields in which a change differs, and those that the arms of its rules name. */
function differing(document: DocumentTree, change: JsonObject): readonly string[] {
  const fields = Object.keys(change);
  return touchesTargeting(change) ? [...fields, ...fieldsOfChangedArms(document, patchTree(document, change))] : fields;
}

/** The refusal of a command for what it says by itself. */
function refuseCommand(command: ResolvedCommand): Refusal | undefined {
  if (isTargetingCommand(command)) return refuseTargetingCommand(command);
  if (command.type === 'batch') return refuseGeneralUpdate(command.commands);
  return command.type === 'update' ? refuseGeneralUpdate([command]) : undefined;
}

/** The top-level fields that a command names, whether it changes them or not. */
function namedFields(command: ResolvedCommand): readonly string[] {
  switch (command.type) {
    case 'update':
      return Object.keys(command.updates);
    case 'updateFeatures':
      return ['features'];
    case 'updateConfig':
      return [command.section];
    case 'batch':
      return command.commands.flatMap(namedFields);
    case 'updateRule':
      // An arm changes what its fields hold, for those who have it.
      return ['rules', ...fieldsOfArms(Object.values(command.rule?.arms ?? {}).map(({ change }) => change))];
    case 'shipRule':
      return ['rules'];
    case 'updateSegment':
      return ['segments'];
    case 'updateGroup':
      return ['groups'];
    case 'updateHoldout':
      return ['holdouts'];
    case 'rollback':
    case 'archive':
    case 'restore':
      return [];
  }
}

/** The member of an input that makes its command heavy. */
const HEAVY_MEMBERS: Partial<Record<ResolvedCommand['type'], string>> = {
  update: 'updates',
  updateConfig: 'value',
  batch: 'commands',
};

function weightRefusal(type: ResolvedCommand['type'], weight: number): Refusal {
  const limit = LIMITS.commandWeight;
  const member = HEAVY_MEMBERS[type];
  return {
    reason: 'TOO_LARGE',
    message: `${member ?? type}: weighs ${weight}; at most ${limit} in one command, about 4,000 members: make several`,
    ...(member !== undefined && { path: [member] }),
    limit,
  };
}

function fieldRefusal(field: string): Refusal {
  return { reason: 'FORBIDDEN', message: `${field}: your role does not allow changing this`, path: [field] };
}

function reject(refusal: Refusal): Decision {
  return { kind: 'rejected', refusal };
}

/** A number means the current epoch; a position of an earlier epoch is valid if it is on the current timeline. */
function isExpected(situation: Situation, expected: VersionName): boolean {
  return versionOnTimeline(expected, situation, situation.lineage) === situation.version;
}
