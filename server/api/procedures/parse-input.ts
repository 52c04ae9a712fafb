import type { z } from 'zod';
import { RefusalError } from '../../core/errors.ts';
import type { Refusal } from '../../core/errors.ts';
import { issueRefusal } from '../../core/document/issues/issue-refusal.ts';
import { inWords } from '../../core/document/issues/issue-words.ts';

/**
 * An input parser for tRPC: returns the parsed input, or throws one sentence about the first thing that is wrong with
 * it, which names the field and the limit. A plain function, so that no type of zod's reaches the router's type.
 *
 * @throws RefusalError `INVALID` or `TOO_LARGE`
 * @example procedure.input(parsedBy(updateInput))
 */
export function parsedBy<T>(schema: z.ZodType<T>): (input: unknown) => T {
  return (input) => {
    const result = schema.safeParse(input, { error: inWords });
    if (result.success) return result.data;
    const { reason, message, ...details } = inputRefusal(result.error.issues[0]);
    throw new RefusalError(reason, message, details);
  };
}

/**
 * The same for an input of two forms, told apart by a key.
 *
 * @param form of inputs that have the key
 */
export function parsedByEither<T, U>(key: string, form: z.ZodType<T>, other: z.ZodType<U>): (input: unknown) => T | U {
  const [parseForm, parseOther] = [parsedBy(form), parsedBy(other)];
  return (input) =>
    typeof input === 'object' && input !== null && Object.hasOwn(input, key) ? parseForm(input) : parseOther(input);
}

function inputRefusal(issue: z.core.$ZodIssue | undefined): Refusal {
  if (!issue) return { reason: 'INVALID', message: 'input: is not valid' };
  const outer = issueRefusal(issue);
  const inner = cleaningRefusal(issue);
  if (!inner) return outer;
  // The inner path and message begin at the value that `cleanJson` was given.
  const [at, within] = [outer.path ?? [], inner.path ?? []];
  const joint = within.length > 0 ? '.' : ': ';
  return { ...inner, message: `${at.join('.')}${joint}${inner.message}`, path: [...at, ...within] };
}

/** The refusal of `cleanJson`, where the issue carries one (`schemas/parts.ts`). */
function cleaningRefusal(issue: z.core.$ZodIssue): Refusal | undefined {
  // Nothing but the schemas sets it, and they set a refusal.
  return issue.code === 'custom' ? (issue.params?.['refusal'] as Refusal | undefined) : undefined;
}
