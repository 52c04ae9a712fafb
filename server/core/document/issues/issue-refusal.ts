import type { z } from 'zod';
import type { Path, Refusal } from '../../errors.ts';
import { quotePath } from '../../quote.ts';

/** An issue that a schema reports, or one that says that the schema itself failed. */
export type SchemaIssue =
  | z.core.$ZodIssue
  | { readonly code: 'custom'; readonly path: readonly PropertyKey[]; readonly message: string };

/**
 * Refusal for one issue of a schema: `TOO_LARGE` with the limit where something was too big, `INVALID` otherwise, with
 * the path and a message that begins with it. Used for the fields of a document, the input of a call and the claims of
 * a token alike, with the words of `issue-words.ts`.
 *
 * @param at path of the value that the schema was given
 * @param name what the message calls a value whose path is empty
 * @example issueRefusal(issue, ['title']) // { reason: 'INVALID', message: 'title: must be text', path: ['title'] }
 */
export function issueRefusal(issue: SchemaIssue, at: Path = [], name = 'input'): Refusal {
  const path = quotePath([...at, ...issue.path]);
  const limit = issue.code === 'too_big' ? Number(issue.maximum) : undefined;
  return {
    reason: limit === undefined ? 'INVALID' : 'TOO_LARGE',
    message: `${path.join('.') || name}: ${issue.message}`,
    path,
    ...(limit !== undefined && { limit }),
  };
}
