import type { Command, SimpleCommand, TargetingCommand } from '../commands/command.ts';
import { TARGETING_FIELDS, TARGETING_NAME_PATTERN, TARGETING_NAME_WORDS } from '../document/targeting-fields.ts';
import type { Path, Refusal } from '../errors.ts';
import { isJsonObject, type JsonValue } from '../json.ts';
import { quotePath } from '../quote.ts';
import { readTargeting } from './targeting.ts';
import type { DocumentTree } from '../document/document-tree.ts';
import { fieldsOf } from './resolve.ts';

/** The commands that write each of the four fields. */
const WRITTEN_BY = {
  segments: 'campaign.updateSegment',
  rules: 'campaign.updateRule or campaign.shipRule',
  groups: 'campaign.updateGroup',
  holdouts: 'campaign.updateHoldout',
} as const;

const TARGETING_COMMANDS = {
  updateRule: true,
  updateSegment: true,
  updateGroup: true,
  updateHoldout: true,
  shipRule: true,
} as const satisfies Record<TargetingCommand['type'], true>;

/** Whether entries of that type were made by a command of targeting. */
export function isTargetingType(type: string): boolean {
  return Object.hasOwn(TARGETING_COMMANDS, type);
}

export function isTargetingCommand<C extends Command>(command: C | TargetingCommand): command is TargetingCommand {
  return isTargetingType(command.type);
}

/**
 * Refusal of a general update that names one of the four fields: merged member by member a condition would come to mean
 * something that nobody wrote, and ranges would not follow weights.
 */
export function refuseGeneralUpdate(commands: readonly SimpleCommand[]): Refusal | undefined {
  for (const command of commands) {
    const field =
      command.type === 'update' ? TARGETING_FIELDS.find((name) => Object.hasOwn(command.updates, name)) : undefined;
    if (field === undefined) continue;
    const message = `updates.${field}: is changed by ${WRITTEN_BY[field]} alone`;
    return { reason: 'INVALID', message, path: ['updates', field] };
  }
  return undefined;
}

/**
 * Refusal of a targeting command for what it says, whatever the campaign holds: a name that is none, or a `null`
 * member, which a document cannot keep and which would quietly change what a condition means.
 */
export function refuseTargetingCommand(command: TargetingCommand): Refusal | undefined {
  if (!TARGETING_NAME_PATTERN.test(command.key)) return refusal(['key'], TARGETING_NAME_WORDS);
  for (const [name, value] of Object.entries(command)) {
    if (typeof value !== 'object' || value === null) continue;
    // Commands are plain JSON.
    const path = nullIn(value as JsonValue, [name]);
    if (path)
      return refusal(path, 'null cannot be kept; a condition says { $exists: false }, an arm names it in remove');
  }
  return undefined;
}

/** Refusal of shipping what is not there. */
export function refuseShipping(
  document: DocumentTree,
  { key, winner }: { key: string; winner: string },
): Refusal | undefined {
  const rule = readTargeting(document)?.rules.find((one) => one.key === key);
  if (!rule) return refusal(['key'], `there is no rule ${key}`, 'NOT_FOUND');
  return Object.hasOwn(rule.arms, winner)
    ? undefined
    : refusal(['winner'], `the rule has no arm ${winner}`, 'NOT_FOUND');
}

/** The top-level fields that the arms of these rules name. */
export function fieldsOfArms(arms: readonly Parameters<typeof fieldsOf>[0][]): readonly string[] {
  return [...new Set(arms.flatMap(fieldsOf))];
}

/** The fields that arms name in those rules that two documents do not share. */
export function fieldsOfChangedArms(before: DocumentTree, after: DocumentTree): readonly string[] {
  const [old, now] = [before, after].map((document) => readTargeting(document)?.rules ?? []);
  const texts = new Set([...(old ?? [])].map((rule) => JSON.stringify(rule)));
  const kept = new Set((now ?? []).map((rule) => JSON.stringify(rule)).filter((text) => texts.has(text)));
  const changed = [...(old ?? []), ...(now ?? [])].filter((rule) => !kept.has(JSON.stringify(rule)));
  return fieldsOfArms(changed.flatMap(({ arms }) => Object.values(arms).map(({ change }) => change)));
}

function refusal(at: Path, what: string, reason: Refusal['reason'] = 'INVALID'): Refusal {
  const path = quotePath(at);
  return { reason, message: `${path.join('.')}: ${what}`, path };
}

/** The path of the first `null` member outside arrays. */
function nullIn(value: JsonValue, at: Path): Path | undefined {
  if (!isJsonObject(value)) return undefined;
  for (const key of Object.keys(value)) {
    const member = value[key];
    const path = member === null ? [...at, key] : member === undefined ? undefined : nullIn(member, [...at, key]);
    if (path) return path;
  }
  return undefined;
}
