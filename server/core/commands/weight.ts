import type { JsonValue } from '../json.ts';
import type { Command, SimpleCommand } from './command.ts';

/** Steps that make one unit of weight: a change of a few fields, or of a kilobyte of text, is one. */
const STEPS_PER_UNIT = 2_048;
/** Steps of a member beside those of its name and value: it is looked up, compared and checked. */
const MEMBER_STEPS = 64;
/**
 * The same for the members of an object after the first few: a large one is a tree, and each of them a way through it.
 */
const FURTHER_MEMBER_STEPS = 512;
const FEW_MEMBERS = 32;
/** Steps of an item of an array beside those of its value: it is only copied. */
const ITEM_STEPS = 8;
/** Weight of a change of the ordered set, which is copied and checked as a whole: it has up to 1,000 strings. */
const FEATURES_WEIGHT = 4;
/** Weight of a change of targeting beside what it names: ranges are cut, and all of it is checked again. */
const TARGETING_WEIGHT = 8;
/** Weight of a rollback, which compares two documents of any size. */
const ROLLBACK_WEIGHT = 256;

/**
 * Weight of a command: about how much work it is to decide, log and publish, with a change of a few fields as the unit.
 * Rates of callers and turns of the event loop are counted in it. It follows what is asked for, not what the document
 * holds; a batch weighs what its commands weigh.
 *
 * @returns a whole number, at least 1
 * @example weightOf({ type: 'update', updates: { title: 'New' } }) // 1
 */
export function weightOf(command: Command): number {
  switch (command.type) {
    case 'batch':
      return Math.max(
        1,
        command.commands.reduce((sum, simple) => sum + weightOfSimple(simple), 0),
      );
    case 'rollback':
      return ROLLBACK_WEIGHT;
    case 'updateRule':
    case 'updateSegment':
    case 'updateGroup':
    case 'updateHoldout':
    case 'shipRule':
      // Commands are plain JSON.
      return TARGETING_WEIGHT + units(command as unknown as JsonValue);
    case 'create':
      return 1 + units(command.state);
    case 'archive':
    case 'restore':
      return 1;
    default:
      return weightOfSimple(command);
  }
}

function weightOfSimple(command: SimpleCommand): number {
  switch (command.type) {
    case 'update':
      return 1 + units(command.updates);
    case 'updateConfig':
      return 1 + units(command.value);
    case 'updateFeatures':
      return FEATURES_WEIGHT + units(command.features);
  }
}

function units(value: JsonValue): number {
  return Math.floor(stepsOf(value) / STEPS_PER_UNIT);
}

function stepsOf(value: JsonValue): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 1;
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + ITEM_STEPS + stepsOf(item), 0);
  let steps = 0;
  let members = 0;
  for (const key of Object.keys(value)) {
    const member = value[key];
    if (member === undefined) continue;
    members += 1;
    steps += (members > FEW_MEMBERS ? FURTHER_MEMBER_STEPS : MEMBER_STEPS) + key.length + stepsOf(member);
  }
  return steps;
}
