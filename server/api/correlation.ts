import type { IncomingHttpHeaders } from 'node:http';
import { uuidv7 } from 'uuidv7';

/** Carries the id under which a request is found again in logs, entries and traces; it comes back in the response. */
export const CORRELATION_HEADER = 'x-correlation-id';

const SANE = /^[A-Za-z0-9._:-]{1,128}$/;

/** The caller's id if it can be logged as it is, else a new one. */
export function correlationIdFor(headers: IncomingHttpHeaders): string {
  const given = headers[CORRELATION_HEADER];
  return typeof given === 'string' && SANE.test(given) ? given : uuidv7();
}
