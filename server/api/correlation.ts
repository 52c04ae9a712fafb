import type { IncomingHttpHeaders } from 'node:http';
import { uuidv7 } from 'uuidv7';

/** Header with the correlation id: the id of a request in logs, entries and traces. The response carries it too. */
export const CORRELATION_HEADER = 'x-correlation-id';

const SAFE_TO_LOG = /^[A-Za-z0-9._:-]{1,128}$/;

/** Correlation id of a request: the caller's own where it is safe to log, else a new one. */
export function correlationIdFor(headers: IncomingHttpHeaders): string {
  const given = headers[CORRELATION_HEADER];
  return typeof given === 'string' && SAFE_TO_LOG.test(given) ? given : uuidv7();
}
