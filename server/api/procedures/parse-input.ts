import type { z } from 'zod';
import { RefusalError } from '../../core/errors.ts';
import type { Path, Refusal } from '../../core/errors.ts';
import { inWords } from '../../core/document/issue-words.ts';

/**
 * An input parser for tRPC: the input itself, or one sentence about the first thing that is wrong with it, which names
 * the field and the limit. A plain function, so that no type of zod's reaches the router's type.
 *
 * @example procedure.input(parsedBy(updateInput))
 */
export function parsedBy<T>(schema: z.ZodType<T>): (input: unknown) => T {
  return (input) => {
    const result = schema.safeParse(input, { error: inWords });
    if (result.success) return result.data;
    const { reason, message, ...details } = refusalOf(result.error.issues[0]);
    throw new RefusalError(reason, message, details);
  };
}

function refusalOf(issue: z.core.$ZodIssue | undefined): Refusal {
  if (!issue) return { reason: 'INVALID', message: 'The input is not valid' };
  const path = issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step));
  const inner = innerRefusal(issue);
  if (inner) return within(path, inner);
  const limit = issue.code === 'too_big' ? Number(issue.maximum) : undefined;
  return {
    reason: limit === undefined ? 'INVALID' : 'TOO_LARGE',
    message: `${nameOf(path)}: ${issue.message}`,
    path,
    ...(limit !== undefined && { limit }),
  };
}

/** What `cleanJson` said, if the issue is one of its refusals. */
function innerRefusal(issue: z.core.$ZodIssue): Refusal | undefined {
  // Only `schemas.ts` puts something there, and it is a refusal.
  return issue.code === 'custom' ? (issue.params?.['refusal'] as Refusal | undefined) : undefined;
}

/** A refusal about something inside the value at `path`. */
function within(path: Path, inner: Refusal): Refusal {
  const innerPath = inner.path ?? [];
  const joint = innerPath.length > 0 ? '.' : ': ';
  return { ...inner, message: `${nameOf(path)}${joint}${inner.message}`, path: [...path, ...innerPath] };
}

function nameOf(path: Path): string {
  return path.length > 0 ? path.join('.') : 'input';
}
