import { z } from 'zod';
import { TARGETING_LIMITS, type Condition } from '../../core/document/targeting-fields.ts';
import type { JsonValue } from '../../core/json.ts';
import { allOf, anyOf, NOBODY, not } from './condition-builder.ts';
import { NotCarried } from './import-plan.ts';

/** A constraint as Unleash keeps it. Its contexts are text. */
export const unleashConstraint = z.object({
  contextName: z.string().default(''),
  operator: z.string(),
  values: z.array(z.string()).nullish(),
  value: z.union([z.string(), z.number()]).nullish(),
  caseInsensitive: z.boolean().nullish(),
  inverted: z.boolean().nullish(),
});
export type UnleashConstraint = z.infer<typeof unleashConstraint>;

const NUMBER_OPERATORS: Readonly<Record<string, string | undefined>> = {
  NUM_GT: '$gt',
  NUM_GTE: '$gte',
  NUM_LT: '$lt',
  NUM_LTE: '$lte',
};

const VERSION_OPERATORS: Readonly<Record<string, string | undefined>> = {
  SEMVER_EQ: '$veq',
  SEMVER_GT: '$vgt',
  SEMVER_GTE: '$vgte',
  SEMVER_LT: '$vlt',
  SEMVER_LTE: '$vlte',
};

/**
 * The condition that a constraint comes to.
 *
 * @throws NotCarried where there is none that means the same
 */
export function conditionOf(constraint: UnleashConstraint): Condition {
  const condition = plainCondition(constraint);
  return constraint.inverted === true ? not(condition) : condition;
}

function plainCondition(constraint: UnleashConstraint): Condition {
  const { operator, caseInsensitive } = constraint;
  const values = (constraint.values ?? []).map((value) => value.trim()).filter((value) => value !== '');
  const value = String(constraint.value ?? '');
  switch (operator) {
    case 'IN':
      return isOneOf(attributeOf(constraint), values);
    case 'NOT_IN':
      return not(isOneOf(attributeOf(constraint), values));
    case 'STR_STARTS_WITH':
      return matchesOne(attributeOf(constraint), values, '^', '', caseInsensitive === true);
    case 'STR_ENDS_WITH':
      return matchesOne(attributeOf(constraint), values, '', '$', caseInsensitive === true);
    case 'STR_CONTAINS':
      return matchesOne(attributeOf(constraint), values, '', '', caseInsensitive === true);
    case 'REGEX':
      return matches(attributeOf(constraint), value, caseInsensitive === true);
    case 'NUM_EQ':
      return numberCondition(attributeOf(constraint), value, undefined);
    case 'DATE_AFTER':
    case 'DATE_BEFORE':
      throw new NotCarried('asks for the time (DATE_AFTER, DATE_BEFORE); a condition has no clock');
    case 'IN_CIDR':
      throw new NotCarried('asks for a network (IN_CIDR), for which conditions have no operator');
  }
  const compared = NUMBER_OPERATORS[operator];
  if (compared !== undefined) return numberCondition(attributeOf(constraint), value, compared);
  const version = VERSION_OPERATORS[operator];
  if (version !== undefined) return versionCondition(attributeOf(constraint), value, version);
  throw new NotCarried(`has a constraint with the unknown operator ${JSON.stringify(operator)}`);
}

function attributeOf({ contextName }: UnleashConstraint): string {
  if (contextName === '' || contextName.includes('.') || contextName.startsWith('$'))
    throw new NotCarried(`asks for the context field ${JSON.stringify(contextName)}, which no attribute can be named`);
  return contextName;
}

/** Whether an attribute, as text, is one of these; apps may send a number as one. */
export function isOneOf(attribute: string, texts: readonly string[]): Condition {
  const values = texts.flatMap((text): JsonValue[] => {
    if (text === 'true' || text === 'false') return [text, text === 'true'];
    return String(Number(text)) === text && Number.isFinite(Number(text)) ? [text, Number(text)] : [text];
  });
  return { [attribute]: { $in: values } };
}

const NEEDS_ESCAPE = /[\\^$.*+?()[\]{}|]/g;

/** Whether an attribute begins with, ends with, or contains one of these, as few expressions as fit. */
function matchesOne(
  attribute: string,
  texts: readonly string[],
  start: string,
  end: string,
  isCaseInsensitive: boolean,
): Condition {
  const groups: string[] = [];
  for (const text of texts) {
    const escaped = text.replaceAll(NEEDS_ESCAPE, String.raw`\$&`);
    const last = groups.at(-1);
    const joined = last === undefined ? escaped : `${last}|${escaped}`;
    const fits = last !== undefined && joined.length + 6 <= TARGETING_LIMITS.expressionLength;
    if (fits) groups[groups.length - 1] = joined;
    else groups.push(escaped);
  }
  const conditions = groups.map((group) => matches(attribute, `${start}(?:${group})${end}`, isCaseInsensitive));
  return anyOf(conditions) ?? NOBODY;
}

function matches(attribute: string, expression: string, isCaseInsensitive: boolean): Condition {
  return { [attribute]: { $exists: true, [isCaseInsensitive ? '$regexi' : '$regex']: expression } };
}

function numberCondition(attribute: string, text: string, operator: string | undefined): Condition {
  const value = Number(text);
  if (Number.isNaN(value)) return NOBODY;
  if (!Number.isFinite(value)) throw new NotCarried('compares with a number that is not finite');
  if (operator !== undefined) return { [attribute]: { $exists: true, [operator]: value } };
  return { $and: [{ [attribute]: { $exists: true } }, { [attribute]: value }] };
}

/** A version as SemVer 2 writes it; what is none is neither greater nor less than anything. */
const VERSION =
  '^(0|[1-9]\\d*)(\\.(0|[1-9]\\d*)){2}(-(0|[1-9]\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*)' +
  '(\\.(0|[1-9]\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*))*)?(\\+[0-9a-zA-Z-]+(\\.[0-9a-zA-Z-]+)*)?$';

function versionCondition(attribute: string, value: string, operator: string): Condition {
  if (!new RegExp(VERSION).test(value)) return NOBODY;
  if (/\d{6}/.test(value) || /-[^+]*-/.test(value))
    throw new NotCarried(`compares with the version ${value}, which GrowthBook's operators would order differently`);
  return allOf([{ [attribute]: { $exists: true, $regex: VERSION } }, { [attribute]: { [operator]: value } }]) ?? NOBODY;
}
