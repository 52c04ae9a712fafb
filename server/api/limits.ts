/** What one client may take of the server. A refusal names the limit that was passed. */
export const API_LIMITS = {
  /** Bytes of one ws frame and of one http body. */
  messageBytes: 1024 * 1024,
  /** Bytes that may wait in one ws connection's socket; a client that asks and does not read is cut off there. */
  unsentBytes: 32 * 1024 * 1024,
  /** Calls in one http batch. */
  batchCalls: 100,
  /** Messages in one ws frame: clients send in one frame whatever is asked within one turn. */
  frameMessages: 1_024,
  /** Characters of a request's id on ws, where every answer and every event repeats it. */
  requestId: 128,
  /** Open subscriptions of one ws connection. */
  subscriptions: 64,
  /** Calls of one connection that wait for their answer. */
  pendingCalls: 1_024,
  /** Open ws connections and SSE streams of one instance, unless it is configured otherwise. */
  connections: 20_000,
  /** How long a ws connection may take to say who it is, in milliseconds; after that it is closed. */
  admissionMs: 10_000,
} as const;
