import type { Path } from '../core/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../core/json.ts';
import { TARGETING_LIMITS, type Condition } from '../core/document/targeting-fields.ts';
import type { ConditionFault } from '../core/targeting/evaluator.ts';
import { compileExpression, faultOfExpression, type RegularExpression } from './regular-expression.ts';

/** A question about a viewer that is answered before the library is asked, and handed to it as an attribute. */
export type Fact =
  | { readonly kind: 'segment'; readonly name: string }
  | { readonly kind: 'expression'; readonly path: string; readonly expression: RegularExpression };

/**
 * A condition for GrowthBook's `evalCondition`, from which two things are taken out that it would do without a bound.
 * Regular expressions: it runs them by JavaScript's engine, and keeps each of them for ever. References to segments: it
 * follows them again at every place, so that segments which each name the next one twice take time without end. What is
 * taken out is answered once for a viewer, and stands in the condition as an attribute that must be true.
 */
export interface CompiledCondition {
  readonly condition: Condition;
  /** By the name of the attribute. */
  readonly facts: ReadonlyMap<string, Fact>;
}

/** Characters of the versions that `$vgt` and the like compare: the library's reading of them is not linear. */
const VERSION_LENGTH = 64;

/** What each operator takes. */
const OPERANDS: Readonly<Record<string, 'any' | 'list' | 'version' | 'boolean' | 'text' | 'value' | 'match'>> = {
  $eq: 'any',
  $ne: 'any',
  $lt: 'any',
  $lte: 'any',
  $gt: 'any',
  $gte: 'any',
  $in: 'list',
  $nin: 'list',
  $ini: 'list',
  $nini: 'list',
  $all: 'list',
  $alli: 'list',
  $exists: 'boolean',
  $type: 'text',
  $size: 'value',
  $not: 'value',
  $elemMatch: 'match',
  $veq: 'version',
  $vne: 'version',
  $vgt: 'version',
  $vgte: 'version',
  $vlt: 'version',
  $vlte: 'version',
  $regex: 'text',
  $regexi: 'text',
};

const LISTS = new Set(['$or', '$nor', '$and']);
const EXPRESSIONS = new Set(['$regex', '$regexi']);

/** Prefix of the attributes that facts are: no attribute of a viewer has U+0000 in its name. */
const FACT = '\u0000';

/** Where a condition stands: inside `$elemMatch` it is about an item, and nothing can be taken out. */
interface Place {
  readonly path: Path;
  readonly depth: number;
  readonly inItem: boolean;
}

const ROOT: Place = { path: [], depth: 1, inItem: false };

function inside(place: Place, ...steps: (string | number)[]): Place {
  return { ...place, path: [...place.path, ...steps], depth: place.depth + 1 };
}

function fault({ path }: Place, message: string): ConditionFault {
  return { path, message };
}

/** The first of these that is a fault. */
function firstOf<T>(
  items: readonly T[],
  find: (item: T, index: number) => ConditionFault | undefined,
): ConditionFault | undefined {
  for (const [index, item] of items.entries()) {
    const found = find(item, index);
    if (found) return found;
  }
  return undefined;
}

/** What is wrong with a condition; `undefined` where it can be evaluated in bounded time. */
export function faultOfCondition(condition: Condition): ConditionFault | undefined {
  return faultIn(condition, ROOT);
}

function faultIn(condition: JsonValue | undefined, place: Place): ConditionFault | undefined {
  if (!isJsonObject(condition)) return fault(place, 'must be a condition: an object');
  if (place.depth > TARGETING_LIMITS.conditionDepth)
    return fault(place, `nested more than ${TARGETING_LIMITS.conditionDepth} levels deep`);
  return firstOf(Object.keys(condition), (key) => {
    const value = condition[key];
    const at = inside(place, key);
    if (LISTS.has(key)) {
      if (!Array.isArray(value)) return fault(at, 'must be a list of conditions');
      return firstOf(value, (item, index) => faultIn(item, inside(at, index)));
    }
    if (key === '$not') return faultIn(value, at);
    if (key === '$savedGroup') return faultOfSegment(value, at);
    if (key.startsWith('$')) return fault(at, 'is no operator on a whole viewer');
    return faultOfValue(value, at);
  });
}

function faultOfSegment(value: JsonValue | undefined, at: Place): ConditionFault | undefined {
  if (at.inItem) return fault(at, 'cannot stand in $elemMatch: a segment is about a whole viewer');
  return isJsonObject(value) && typeof value['id'] === 'string'
    ? undefined
    : fault(at, 'must be { id: name of a segment }');
}

/** Of what stands behind an attribute's name: a value to equal, or operators. */
function faultOfValue(value: JsonValue | undefined, at: Place): ConditionFault | undefined {
  if (at.depth > TARGETING_LIMITS.conditionDepth)
    return fault(at, `nested more than ${TARGETING_LIMITS.conditionDepth} levels deep`);
  if (!isJsonObject(value)) return undefined;
  const keys = Object.keys(value);
  const operators = keys.filter((key) => key.startsWith('$'));
  if (operators.length === 0) return undefined;
  if (operators.length < keys.length) return fault(at, 'mixes operators with other members');
  return firstOf(keys, (operator) => faultOfOperand(operator, value[operator], inside(at, operator)));
}

function faultOfOperand(operator: string, operand: JsonValue | undefined, at: Place): ConditionFault | undefined {
  if (operator === '$inGroup' || operator === '$notInGroup')
    return fault(at, 'groups are segments here: use { $savedGroup: { id } } beside the attribute');
  if (EXPRESSIONS.has(operator)) {
    if (at.inItem) return fault(at, 'cannot stand in $elemMatch or $all');
    const message = faultOfExpression(operand);
    return message === undefined ? undefined : fault(at, message);
  }
  switch (Object.hasOwn(OPERANDS, operator) ? OPERANDS[operator] : undefined) {
    case undefined:
      return fault(at, 'is no operator');
    case 'list':
      if (!Array.isArray(operand)) return fault(at, 'must be a list');
      // The items of `$all` are conditions on items.
      return firstOf(operand, (item, index) => faultOfValue(item, { ...inside(at, index), inItem: true }));
    case 'boolean':
      return typeof operand === 'boolean' ? undefined : fault(at, 'must be true or false');
    case 'text':
      return typeof operand === 'string' ? undefined : fault(at, 'must be text');
    case 'version':
      return typeof operand === 'string' && operand.length <= VERSION_LENGTH
        ? undefined
        : fault(at, `must be a version of at most ${VERSION_LENGTH} characters`);
    case 'value':
      return faultOfValue(operand, at);
    case 'match': {
      if (!isJsonObject(operand)) return fault(at, 'must be a condition: an object');
      const item = { ...at, inItem: true };
      return isOperators(operand) ? faultOfValue(operand, item) : faultIn(operand, item);
    }
    case 'any':
      return undefined;
  }
}

function isOperators(value: JsonValue | undefined): value is JsonObject {
  if (!isJsonObject(value)) return false;
  const keys = Object.keys(value);
  return keys.length > 0 && keys.every((key) => key.startsWith('$'));
}

/** The names of the segments that a condition refers to, each once. */
export function segmentsIn(condition: Condition): readonly string[] {
  const names = new Set<string>();
  visitFacts(condition, (fact) => void (fact.kind === 'segment' && names.add(fact.name)));
  return [...names];
}

/** The size of its regular expressions, in instructions. */
export function expressionSizeOf(condition: Condition): number {
  let size = 0;
  visitFacts(condition, (fact) => void (fact.kind === 'expression' && (size += fact.expression.size)));
  return size;
}

function visitFacts(condition: Condition, visit: (fact: Fact) => void): void {
  for (const fact of compileCondition(condition).facts.values()) visit(fact);
}

/**
 * Compiles a condition without a fault.
 *
 * @throws Error where it holds an expression that is none
 */
export function compileCondition(condition: Condition): CompiledCondition {
  const facts = new Map<string, Fact>();
  const names = new Map<string, string>();

  const factName = (key: string, fact: () => Fact): string => {
    const known = names.get(key);
    if (known !== undefined) return known;
    // No dot, which would make a path of it.
    const name = `${FACT}${key.startsWith('s') ? 'segment' : 'expression'}${names.size}`;
    names.set(key, name);
    facts.set(name, fact());
    return name;
  };

  const rewrite = (source: JsonValue | undefined): JsonObject => {
    if (!isJsonObject(source)) return {};
    const rewritten: JsonObject = {};
    const further: JsonObject[] = [];
    for (const key of Object.keys(source)) {
      const value = source[key];
      if (value === undefined) continue;
      if (LISTS.has(key) && Array.isArray(value)) rewritten[key] = value.map(rewrite);
      else if (key === '$not') rewritten[key] = rewrite(value);
      else if (key === '$savedGroup') {
        const id = isJsonObject(value) ? value['id'] : undefined;
        const name = typeof id === 'string' ? id : '';
        rewritten[factName(`s ${name}`, () => ({ kind: 'segment', name }))] = true;
      } else if (hasExpression(value)) further.push(...conjuncts(key, value));
      else rewritten[key] = value;
    }
    if (further.length === 0) return rewritten;
    return { $and: [...(Object.keys(rewritten).length > 0 ? [rewritten] : []), ...further] };
  };

  /** The operators on one attribute as conditions that must all hold, with its expressions taken out. */
  const conjuncts = (path: string, operators: JsonObject): JsonObject[] =>
    Object.keys(operators).map((operator): JsonObject => {
      const operand = operators[operator];
      if (EXPRESSIONS.has(operator)) {
        const source = typeof operand === 'string' ? operand : '';
        const fact = (): Fact => ({
          kind: 'expression',
          path,
          expression: compileExpression(source, operator === '$regexi'),
        });
        return { [factName(`${operator} ${JSON.stringify([path, source])}`, fact)]: true };
      }
      if (operator === '$not' && hasExpression(operand)) return { $not: { $and: conjuncts(path, operand) } };
      return { [path]: { [operator]: operand ?? null } };
    });

  return { condition: rewrite(condition), facts };
}

/** Whether the operators on an attribute hold an expression, directly or under `$not`. */
function hasExpression(value: JsonValue | undefined): value is JsonObject {
  if (!isOperators(value)) return false;
  return Object.keys(value).some((key) => EXPRESSIONS.has(key) || (key === '$not' && hasExpression(value[key])));
}
