import type { HttpCloseCode } from '../local-close-codes.ts';

/** Why the http transport ended. */
export interface HttpFailure {
  readonly code: HttpCloseCode;
  readonly message: string;
}

/** What may be quoted of an answer that is no answer of the server's API. */
const QUOTED_CHARACTERS = 200;

/**
 * What an answer that is none of tRPC's says about the way to the server: a browser tells no page why its WebSocket was
 * refused, but the answer to a request it does.
 */
export function readHttpFailure({ status, url, headers }: Response, text: string): HttpFailure {
  const isPage = (headers.get('content-type') ?? '').includes('html');
  const quoted = isPage ? '' : text.slice(0, QUOTED_CHARACTERS).trim();
  const said = quoted === '' ? '' : `: ${quoted}`;
  if (status === 403 && !isPage)
    return { code: 4403, message: `The server refuses this page or this address (403)${said}` };
  if (status === 404) return { code: 4404, message: `There is no campaign-state server at ${url} (404)${said}` };
  if (status >= 500) return { code: 4503, message: `The server, or a proxy before it, answers ${status}${said}` };
  const what = isPage ? 'a web page' : `status ${status}`;
  return {
    code: 4200,
    message: `Something else answers in the server’s place, with ${what}: a network’s login page, or a proxy${said}`,
  };
}
