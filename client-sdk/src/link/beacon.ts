/** Where a page that is being left can still call the server. */
export interface BeaconTarget {
  /** The server's http address. */
  readonly url: string;
  /** Of a caller that needs one. */
  readonly token?: string | undefined;
}

/**
 * Calls a mutation from a page that is being left. What was written to a WebSocket then may never be flushed; the
 * browser goes on with a `fetch` with `keepalive` after the page is gone. Nobody hears the answer.
 *
 * Not `navigator.sendBeacon`, which can carry no token.
 *
 * @param procedure such as `lock.release`
 */
export function sendBeacon({ url, token }: BeaconTarget, procedure: string, input: object): void {
  const headers = {
    'content-type': 'application/json',
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
  };
  const address = `${url.replace(/\/+$/, '')}/trpc/${procedure}`;
  fetch(address, { method: 'POST', keepalive: true, headers, body: JSON.stringify(input) }).catch(() => undefined);
}
