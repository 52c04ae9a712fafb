import type { z } from 'zod';

/** The expected types of zod, in words for people who write content. */
const TYPES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
};

/** The unit in which a value that is too short or too long is counted. */
const UNITS: Readonly<Record<string, string>> = { string: 'character', array: 'item', set: 'item', object: 'member' };

/**
 * The error map for every schema of the server: one set of words, meant for the author of the value and not for the
 * author of the schema. A message continues the name of the field (`title: must not be empty`). A schema's own message
 * takes precedence; `undefined` leaves the words to zod.
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
    case 'invalid_union':
      // Only a discriminated union has options: the values of the member that tells its variants apart.
      return Array.isArray(issue.options) ? `must be one of ${issue.options.map(String).join(', ')}` : undefined;
    default:
      return undefined;
  }
}

function count(amount: number | bigint, origin: string): string {
  return `${amount} ${UNITS[origin]}${amount === 1 ? '' : 's'}`;
}
