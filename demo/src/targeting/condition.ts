import type { JsonObject, JsonValue } from '@campaign-state/client';
import type { Condition } from '@campaign-state/client/targeting';

/** What a row of a condition can say, in words, with GrowthBook's operator. */
export const OPERATORS = [
  { word: 'is', operator: '$eq', takes: 'value' },
  { word: 'is not', operator: '$ne', takes: 'value' },
  { word: 'is one of', operator: '$in', takes: 'list' },
  { word: 'is none of', operator: '$nin', takes: 'list' },
  { word: 'is more than', operator: '$gt', takes: 'value' },
  { word: 'is at least', operator: '$gte', takes: 'value' },
  { word: 'is less than', operator: '$lt', takes: 'value' },
  { word: 'is at most', operator: '$lte', takes: 'value' },
  { word: 'matches', operator: '$regex', takes: 'text' },
  { word: 'is version at least', operator: '$vgte', takes: 'text' },
  { word: 'is version less than', operator: '$vlt', takes: 'text' },
  { word: 'is known', operator: '$exists', takes: 'nothing' },
  { word: 'is unknown', operator: '$missing', takes: 'nothing' },
  { word: 'is in segment', operator: '$savedGroup', takes: 'segment' },
  { word: 'is not in segment', operator: '$notInGroup', takes: 'segment' },
] as const;

/** An operator of a row: GrowthBook's, and two that are its negations. */
export type Operator = (typeof OPERATORS)[number]['operator'];

/** One row of a condition. */
export interface Clause {
  /** Empty for segments, which are of no single attribute. */
  readonly attribute: string;
  readonly operator: Operator;
  /** As it is typed: a list by commas. */
  readonly value: string;
}

/** A condition as rows: everybody where there is none. */
export interface Clauses {
  readonly join: 'all' | 'any';
  readonly clauses: readonly Clause[];
}

export const EVERYBODY: Clauses = { join: 'all', clauses: [] };

export function takes(operator: Operator): (typeof OPERATORS)[number]['takes'] {
  return OPERATORS.find((one) => one.operator === operator)?.takes ?? 'value';
}

/** The condition that rows come to; `undefined` for everybody, and for rows that are not complete. */
export function conditionOf({ join, clauses }: Clauses): Condition | undefined {
  const parts = clauses.map(partOf).filter((part) => part !== undefined);
  if (parts.length === 0) return undefined;
  if (join === 'any') return parts.length === 1 ? parts[0] : { $or: parts };
  const names = parts.flatMap((part) => Object.keys(part));
  // One object where nothing is said twice, as people write it.
  return new Set(names).size === names.length ? Object.assign({}, ...parts) : { $and: parts };
}

function partOf({ attribute, operator, value }: Clause): JsonObject | undefined {
  const kind = takes(operator);
  if (kind === 'segment') {
    if (value === '') return undefined;
    const group = { $savedGroup: { id: value } };
    return operator === '$notInGroup' ? { $not: group } : group;
  }
  if (attribute.trim() === '') return undefined;
  if (kind === 'nothing') return { [attribute]: { $exists: operator === '$exists' } };
  if (kind === 'list') {
    const items = (value.match(/\s*"[^"]*"\s*|[^,]+/g) ?? []).filter((item) => item.trim() !== '').map(valueOf);
    return { [attribute]: { [operator]: items } };
  }
  if (kind === 'text') return { [attribute]: { [operator]: value } };
  return { [attribute]: operator === '$eq' ? valueOf(value) : { [operator]: valueOf(value) } };
}

/** What somebody means who types a value: numbers and yes or no are what they look like, in quotes they are text. */
export function valueOf(typed: string): string | number | boolean {
  const text = typed.trim();
  if (text === 'true' || text === 'false') return text === 'true';
  if (/^-?\d+(?:\.\d+)?$/.test(text) && String(Number(text)) === text) return Number(text);
  return /^".*"$/s.test(text) ? text.slice(1, -1) : text;
}

/** How a value is typed, so that `valueOf` gives it back. */
export function typedAs(value: JsonValue): string | undefined {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value !== 'string') return undefined;
  return valueOf(value) === value && !value.includes(',') ? value : `"${value}"`;
}

/** A condition as rows; `undefined` where rows cannot say it, as with what is nested. */
export function clausesOf(condition: Condition | undefined): Clauses | undefined {
  if (condition === undefined) return EVERYBODY;
  const { $and: all, $or: any } = condition;
  const alone = Object.keys(condition).length === 1;
  if (alone && Array.isArray(any)) return joined('any', any);
  if (alone && Array.isArray(all)) return joined('all', all);
  return joined(
    'all',
    Object.entries(condition).map(([key, value]) => ({ [key]: value })),
  );
}

function joined(join: Clauses['join'], parts: readonly JsonValue[]): Clauses | undefined {
  const clauses: Clause[] = [];
  for (const part of parts) {
    const clause = isRecord(part) ? clauseOf(part) : undefined;
    if (!clause) return undefined;
    clauses.push(clause);
  }
  return { join, clauses };
}

function clauseOf(part: JsonObject): Clause | undefined {
  const [[key, value] = ['', undefined], ...rest] = Object.entries(part);
  if (rest.length > 0 || value === undefined) return undefined;
  if (key === '$savedGroup') return segmentOf(value, '$savedGroup');
  if (key === '$not') return isRecord(value) ? segmentOf(value['$savedGroup'], '$notInGroup') : undefined;
  if (key.startsWith('$')) return undefined;
  if (!isRecord(value)) return withValue(key, '$eq', value);
  const [[operator, operand] = ['', undefined], ...others] = Object.entries(value);
  const known = OPERATORS.find((one) => one.operator === operator && one.takes !== 'segment');
  if (others.length > 0 || operand === undefined || !known) return undefined;
  if (operator === '$exists') return { attribute: key, operator: operand === true ? '$exists' : '$missing', value: '' };
  return withValue(key, known.operator, operand);
}

function segmentOf(value: JsonValue | undefined, operator: Operator): Clause | undefined {
  const id = isRecord(value) ? value['id'] : undefined;
  return typeof id === 'string' ? { attribute: '', operator, value: id } : undefined;
}

function withValue(attribute: string, operator: Operator, value: JsonValue): Clause | undefined {
  const kind = takes(operator);
  const texts = kind === 'list' && Array.isArray(value) ? value.map(typedAs) : undefined;
  const typed =
    kind === 'text' ? (typeof value === 'string' ? value : undefined) : texts ? texts.join(', ') : typedAs(value);
  if (typed === undefined || texts?.includes(undefined) || (kind === 'list' && !texts)) return undefined;
  return { attribute, operator, value: typed };
}

function isRecord(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A condition in words, for a summary. */
export function sayCondition(condition: Condition | undefined): string {
  const rows = clausesOf(condition);
  if (!rows) return 'a condition of its own';
  if (rows.clauses.length === 0) return 'everybody';
  return rows.clauses
    .map(({ attribute, operator, value }) => {
      const word = OPERATORS.find((one) => one.operator === operator)?.word ?? operator;
      return takes(operator) === 'segment'
        ? `${word.slice('is '.length)} ${value}`
        : `${attribute} ${word} ${value}`.trim();
    })
    .join(rows.join === 'all' ? ' and ' : ' or ');
}
