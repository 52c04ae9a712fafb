import { LIMITS } from '../core/limits.ts';

/** Limits of the API, per client or per instance. A refusal names the limit that was exceeded. */
export const API_LIMITS = {
  /** Bytes of one ws frame and of one http body. */
  messageBytes: LIMITS.messageBytes,
  /** Bytes of one ws message and of one http body of a caller without a token, or before it is admitted. */
  unadmittedBytes: 16 * 1024,
  /** Bytes of unfinished ws messages and http bodies of one caller, over all of its connections. */
  unfinishedBytesOfCaller: 32 * 1024 * 1024,
  /** Calls in one http batch. */
  batchCalls: 100,
  /** Messages in one ws frame: a client sends the calls of one turn of its event loop together. */
  frameMessages: 1_024,
  /** Characters of a request id on ws, which every answer and every event repeats. */
  requestId: 128,
  /** Open subscriptions of one ws connection. */
  subscriptions: 64,
  /** Calls of one connection that are not answered yet. */
  pendingCalls: 1_024,
  /** Calls of a relay that are not answered yet, and its subscriptions: it has thousands of callers. */
  relayCalls: 200_000,
  /**
   * Bytes of one ws message of a relay: those of its caller's message, and what says whose it is, with the viewer's
   * attributes.
   */
  forwardedBytes: LIMITS.messageBytes + 8 * 1024,
  /** Callers of one relay; its own limit of connections is lower. */
  relayCallers: 100_000,
  /** Campaigns that one relay has open. */
  relayCampaigns: 10_000,
  /** Open ws connections and SSE streams of one instance; default of `CAMPAIGN_MAX_CONNECTIONS`. */
  connections: 20_000,
  /** Refused calls after which a ws connection that is not admitted is closed. */
  refusalsBeforeAdmission: 64,
  /** Bytes of the answers of one http batch, which are encoded together. */
  batchAnswerBytes: 4 * 1024 * 1024,
  /** Points of work a second of one ws connection (`connection/work-budget.ts`); default of `CAMPAIGN_CALL_LIMIT`. */
  callPoints: 2_000,
  /** Time within which a ws connection must be admitted, in milliseconds; after that it is closed. */
  admissionMs: 10_000,
} as const;
