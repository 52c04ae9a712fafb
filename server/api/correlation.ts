import type { IncomingHttpHeaders } from 'node:http';
import { uuidv7 } from 'uuidv7';
import { QUOTED_CHARACTERS } from '../core/quote.ts';

/** Header with the correlation id: the id of a request in logs, entries and traces. The response carries it too. */
export const CORRELATION_HEADER = 'x-correlation-id';

const SAFE_TO_LOG = /^[A-Za-z0-9._:-]+$/;

/**
 * Correlation id of a request: the first {@link QUOTED_CHARACTERS} characters of the caller's own where these are safe
 * to log, else a new one. It stands in answers, in log lines, and in the history for good.
 */
export function correlationIdFor(headers: IncomingHttpHeaders): string {
  const given = headers[CORRELATION_HEADER];
  const cut = typeof given === 'string' ? given.slice(0, QUOTED_CHARACTERS) : '';
  return SAFE_TO_LOG.test(cut) ? cut : uuidv7();
}
