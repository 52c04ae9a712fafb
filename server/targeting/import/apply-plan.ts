import type { TargetingCommand, UpdateCommand, UpdateFeaturesCommand } from '../../core/commands/command.ts';
import { decide, type Situation } from '../../core/commands/decide.ts';
import { plainOf } from '../../core/document/document-tree.ts';
import { jsonBytes } from '../../core/document/plain-json.ts';
import type { Refusal } from '../../core/errors.ts';
import { isJsonObject, type JsonObject } from '../../core/json.ts';
import type { Identity } from '../../core/permissions.ts';
import { contentOf, treeOf } from '../../core/stream/apply.ts';
import { createDocumentCheck } from '../../core/targeting/check-document.ts';
import type { TargetingEngine } from '../../core/targeting/evaluator.ts';
import { VALUES_FIELD, type ImportPlan } from './import-plan.ts';

/** A command of an import; each is idempotent, so that an import that was cut off can be made again. */
export type ImportCommand = TargetingCommand | UpdateCommand | UpdateFeaturesCommand;

/**
 * The commands that write a plan. What everybody gets comes last: until then each rule adds to what nobody has yet, so
 * that nobody is shown for a moment what a rule keeps from them.
 */
export function commandsOf({ segments, rules, features, values }: ImportPlan): ImportCommand[] {
  return [
    ...Object.entries(segments).map(([key, segment]): ImportCommand => ({ type: 'updateSegment', key, segment })),
    ...[...rules].map(([key, rule]): ImportCommand => ({ type: 'updateRule', key, rule })),
    ...(Object.keys(values).length > 0
      ? [{ type: 'update', updates: { [VALUES_FIELD]: values } } satisfies UpdateCommand]
      : []),
    ...(features.length > 0
      ? [{ type: 'updateFeatures', features: [...features], action: 'add' } satisfies UpdateFeaturesCommand]
      : []),
  ];
}

/** What writing a plan would come to. */
export interface Rehearsal {
  /** The document afterwards. */
  readonly state: JsonObject;
  /** Rules and segments of that name that are there already, and differ. */
  readonly replaced: readonly string[];
  /** Why the first command that cannot be would be refused. */
  readonly refusal: Refusal | undefined;
}

const EPOCH = 'rehearsal';
const IDENTITY: Identity = { id: 'import', grants: { '*': 'admin' } };

/**
 * Decides all commands of a plan on a document, as the server would: without its operator's own sections and rights by
 * field, which only the server knows.
 *
 * @param state the document as editors see it
 */
export function rehearse(state: JsonObject, commands: readonly ImportCommand[], engine: TargetingEngine): Rehearsal {
  const check = createDocumentCheck({}, engine);
  let situation: Situation = {
    campaignId: 'import',
    epoch: EPOCH,
    version: 1,
    lineage: [],
    content: contentOf(state, undefined),
    documentBytes: jsonBytes(state),
  };
  const replaced: string[] = [];
  for (const command of commands) {
    const decision = decide(situation, { command, identity: IDENTITY }, check);
    if (decision.kind === 'rejected')
      return { state: plainOf(treeOf(situation.content)), replaced, refusal: decision.refusal };
    if (decision.kind === 'unchanged') continue;
    const existing = nameOfExisting(state, command);
    if (existing !== undefined) replaced.push(existing);
    situation = { ...situation, ...decision.after, version: situation.version + 1 };
  }
  return { state: plainOf(treeOf(situation.content)), replaced, refusal: undefined };
}

function nameOfExisting(state: JsonObject, command: ImportCommand): string | undefined {
  const field = command.type === 'updateRule' ? 'rules' : command.type === 'updateSegment' ? 'segments' : undefined;
  if (field === undefined || !('key' in command)) return undefined;
  const members = state[field];
  return isJsonObject(members) && Object.hasOwn(members, command.key) ? `${field}.${command.key}` : undefined;
}
