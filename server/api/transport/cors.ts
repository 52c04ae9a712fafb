import type { IncomingMessage, ServerResponse } from 'node:http';
import { CORRELATION_HEADER } from '../correlation.ts';

/** Headers that tracing libraries add to every request of a page. */
const TRACING_HEADERS = ['traceparent', 'tracestate', 'baggage', 'sentry-trace'];

const PREFLIGHT_HEADERS = {
  'access-control-allow-methods': 'GET, POST, OPTIONS',
  'access-control-allow-headers': [
    'authorization',
    'content-type',
    'if-none-match',
    'last-event-id',
    'trpc-accept',
    'x-campaign-contract',
    CORRELATION_HEADER,
    ...TRACING_HEADERS,
  ].join(', '),
  'access-control-expose-headers': CORRELATION_HEADER,
  'access-control-max-age': '600',
};

/**
 * Sets the CORS headers of a request whose origin is allowed.
 *
 * @returns whether it was a preflight, which is answered then
 */
export function applyCors(req: IncomingMessage, res: ServerResponse): boolean {
  const { origin } = req.headers;
  if (origin === undefined) return false;
  res.setHeader('access-control-allow-origin', origin);
  res.setHeader('vary', 'origin');
  if (req.method !== 'OPTIONS') return false;
  res.writeHead(204, PREFLIGHT_HEADERS).end();
  return true;
}
