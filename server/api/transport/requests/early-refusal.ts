import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RefusalError } from '../../../core/errors.ts';
import { errorShapeOf } from '../../failure.ts';
import { API_LIMITS } from '../../limits.ts';

/** The calls of an http request, as its URL names them. */
export interface NamedCalls {
  readonly paths: readonly string[];
  readonly isBatch: boolean;
}

/**
 * The calls of a request to `/trpc/`; `undefined` where tRPC has to say what is wrong with them, or answers them as a
 * stream.
 */
export function namedCalls({ url = '/', headers }: IncomingMessage): NamedCalls | undefined {
  if (headers.accept?.includes('text/event-stream') || headers['trpc-accept'] !== undefined) return undefined;
  const { pathname, searchParams } = new URL(`http://host${url}`);
  const isBatch = searchParams.get('batch') === '1';
  const names = pathname.slice('/trpc/'.length);
  const paths = isBatch ? names.split(',') : [names];
  return paths.length > API_LIMITS.batchCalls ? undefined : { paths, isBatch };
}

/**
 * Refuses the calls of a request before its body is read, as tRPC would after it: where somebody floods, what tRPC does
 * for each answer is most of what a refusal costs.
 */
export function refuseEarly(
  res: ServerResponse,
  { paths, isBatch }: NamedCalls,
  error: RefusalError,
  correlationId: string,
): void {
  const shape = errorShapeOf(error, correlationId);
  const answer = JSON.stringify({ error: shape });
  const body = isBatch ? `[${paths.map(() => answer).join(',')}]` : answer;
  res.writeHead(shape.data.httpStatus, { 'content-type': 'application/json' }).end(body);
}
