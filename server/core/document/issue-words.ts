import type { z } from 'zod';

const TYPES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
};

/** What is counted of a value that is too short or too long. */
const UNITS: Readonly<Record<string, string>> = { string: 'character', array: 'item', set: 'item', object: 'member' };

/**
 * What a schema found, in words for whoever wrote the value rather than for whoever wrote the schema; they go on from
 * the name of the field. `undefined` leaves the word to zod. A schema's own message comes before these.
 *
 * @example schema.safeParse('', { error: inWords }) // title: must not be empty
 */
export function inWords(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'is required' : `must be ${TYPES[issue.expected] ?? issue.expected}`;
    case 'too_small':
      if (!(issue.origin in UNITS))
        return `must be ${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}`;
      return issue.minimum === 1 ? 'must not be empty' : `must have at least ${count(issue.minimum, issue.origin)}`;
    case 'too_big':
      if (!(issue.origin in UNITS))
        return `must be ${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}`;
      return `must have at most ${count(issue.maximum, issue.origin)}`;
    case 'invalid_value':
      return `must be ${issue.values.length > 1 ? 'one of ' : ''}${issue.values.map(String).join(', ')}`;
    default:
      return undefined;
  }
}

function count(amount: number | bigint, origin: string): string {
  return `${amount} ${UNITS[origin]}${amount === 1 ? '' : 's'}`;
}
