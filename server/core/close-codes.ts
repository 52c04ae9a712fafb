/** A code of a WebSocket closing frame (RFC 6455, 7.4), and the reason that travels with it. */
export interface CloseCode {
  readonly code: number;
  readonly reason: string;
}

/** The server restarts or stops: connect again, with a backoff. */
export const RESTART = { code: 1012, reason: 'the server restarts' } as const satisfies CloseCode;

/** Why the server closes a ws connection. Shared with the client, and described in its `PROTOCOL.md`. */
export const CLOSE_CODES = {
  restart: RESTART,
  /** The connection did not authenticate within the time allowed for it. */
  notAdmitted: { code: 4401, reason: 'not admitted in time' },
  /** The connection is not authenticated, and its calls were refused too often. */
  tooManyRefusals: { code: 4429, reason: 'too many calls without a valid token' },
} as const satisfies Readonly<Record<string, CloseCode>>;
