import { type CampaignContent } from '../stream/apply.ts';
import { check, type Sections } from '../document/check.ts';
import type { Command, CreateCommand, RollbackCommand } from './command.ts';
import { effect } from './effect.ts';
import type { VersionName } from '../stream/entry.ts';
import type { Refusal } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import { diff, isEmptyPatch, mergePatch } from '../document/merge-patch.ts';
import { can, type Action, type Identity } from '../permissions.ts';
import { formatPosition, versionOnTimeline, type Fork } from '../stream/position.ts';

/** What a decision is made on: a campaign at one version. */
export interface Situation {
  campaignId: string;
  epoch: string;
  version: number;
  lineage: readonly Fork[];
  content: CampaignContent;
  /** See `check`. */
  sizeBound: number;
}

/** A rollback with the state that it leads to, which the engine has looked up. */
export type ResolvedCommand =
  | Exclude<Command, CreateCommand | RollbackCommand>
  | (RollbackCommand & { target: JsonObject });

export interface Request {
  command: ResolvedCommand;
  identity: Identity;
  expectedVersion?: VersionName;
}

export type Decision =
  /** An entry with this change; `after` is the situation that follows. */
  | { kind: 'entry'; change: JsonObject; after: Pick<Situation, 'content' | 'sizeBound'> }
  /** The state is so already. */
  | { kind: 'unchanged' }
  | { kind: 'rejected'; refusal: Refusal };

/** What a command needs. */
const ACTIONS: Record<ResolvedCommand['type'], Action> = {
  update: 'edit',
  updateFeatures: 'edit',
  updateConfig: 'edit',
  batch: 'edit',
  rollback: 'edit',
  archive: 'administer',
  restore: 'administer',
};

/**
 * Whether that identity may ask for that command at all; asked before anything about the campaign is looked up, too.
 */
export function mayAsk(identity: Identity, type: ResolvedCommand['type'], campaignId: string): boolean {
  return can(identity, ACTIONS[type], campaignId, true);
}

/**
 * Decides one command on one situation: rights, `expectedVersion`, effect, check. Nothing else in the server says yes
 * or no to a change.
 */
export function decide(situation: Situation, request: Request, sections: Sections = {}): Decision {
  const { command } = request;
  if (!mayAsk(request.identity, command.type, situation.campaignId)) {
    const message = `${command.type}: your role does not allow this on ${situation.campaignId}`;
    return reject({ reason: 'FORBIDDEN', message, path: ['campaignId'] });
  }
  if (request.expectedVersion !== undefined && !isExpected(situation, request.expectedVersion)) {
    const position = formatPosition(situation.epoch, situation.version);
    const message = `expectedVersion: expected ${request.expectedVersion}, but the campaign is at ${position}`;
    return reject({ reason: 'CONFLICT', message, path: ['expectedVersion'], position });
  }
  const { state, archivedAt } = situation.content;
  if (command.type === 'archive' || command.type === 'restore') {
    if ((archivedAt !== undefined) === (command.type === 'archive')) return { kind: 'unchanged' };
    // `archivedAt` is the entry's time, which the engine gives; until then any number stands for it.
    const content = { state, archivedAt: command.type === 'archive' ? 0 : undefined };
    return { kind: 'entry', change: {}, after: { content, sizeBound: situation.sizeBound } };
  }
  if (archivedAt !== undefined) {
    const message = `campaignId: ${situation.campaignId} is archived and read-only; restore it first`;
    return reject({ reason: 'INVALID', message, path: ['campaignId'] });
  }
  const change = command.type === 'rollback' ? diff(state, command.target) : effect(state, command);
  if (isEmptyPatch(change)) return { kind: 'unchanged' };
  const next = mergePatch(state, change);
  const checked = check(next, change, situation.sizeBound, sections);
  if (!checked.ok) return reject(checked.refusal);
  return { kind: 'entry', change, after: { content: { state: next, archivedAt }, sizeBound: checked.sizeBound } };
}

function reject(refusal: Refusal): Decision {
  return { kind: 'rejected', refusal };
}

/** A number means the current epoch; a position of an earlier epoch counts where it is on the surviving line. */
function isExpected(situation: Situation, expected: VersionName): boolean {
  return versionOnTimeline(expected, situation, situation.lineage) === situation.version;
}
