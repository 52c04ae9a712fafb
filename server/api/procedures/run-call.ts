import { setTimeout as pause } from 'node:timers/promises';
import { CAMPAIGN_ID_PATTERN } from '../../core/document/campaign.ts';
import { RefusalError } from '../../core/errors.ts';
import { freshId } from '../../engine/system-clock.ts';
import type { CallReport, Context } from '../connection/context.ts';
import type { TurnTicket } from '../connection/order-lane.ts';
import { refusalBehind, toCallError } from '../failure.ts';
import { chargeWhenEncoded } from './subscriptions/frames.ts';

/** One call, as its procedure sees it. */
export interface Call {
  readonly path: string;
  readonly correlationId: string;
  /** Position in the order of arrival; mutations only. */
  readonly ticket: TurnTicket | undefined;
  /** Aborted when a ws connection closes; tRPC's own signal covers its subscriptions alone. */
  readonly closed: AbortSignal | undefined;
  readonly startedAt: number;
  /** The API key that it has made or revoked, for the audit. */
  key?: CallReport['key'];
}

/** Context behind the middleware below. */
export interface CallContext extends Context {
  readonly call: Call;
}

/** When a procedure's caller must be admitted. The input is parsed after that, whatever was sent. */
type AdmissionTime =
  /** When the call arrives. */
  | 'at-arrival'
  /** At the call's turn where it is not admitted yet: the mutation before it may be `session.authenticate`. */
  | 'at-turn'
  /** Never. */
  | 'none';

export type CallType = CallReport['type'];

/** What holds for every call of a procedure. */
export interface CallRules {
  readonly admission: AdmissionTime;
  /** What the call costs when it starts, in points (`connection/work-budget.ts`). */
  readonly price: number;
  /** Whether it counts against the mutation rate, once its weight is known. */
  readonly isMutation: boolean;
}

/** A call before it is run. */
export interface ArrivedCall {
  readonly ctx: Context;
  readonly path: string;
  readonly type: CallType;
  readonly getRawInput: () => Promise<unknown>;
  readonly rules: CallRules;
}

/** What its resolver answered, or what it was refused for. */
export type CallOutcome = { readonly ok: true; readonly data: unknown } | { readonly ok: false; readonly error: Error };

/**
 * Runs a call: takes its position in the order of arrival first, charges for it, and reports it last. Subscriptions are
 * reported when they end (`subscription.ts`), unless they were refused before they began.
 *
 * @param resolve parses the input and answers; it never throws
 * @returns the outcome, which is ok
 * @throws CallError where it was refused
 */
export async function runCall<O extends CallOutcome>(
  { ctx, path, type, getRawInput, rules }: ArrivedCall,
  resolve: (call: Call) => Promise<O>,
): Promise<Extract<O, { ok: true }>> {
  const { connection } = ctx;
  // Nothing may be awaited before this line: up to here, calls run in the order in which their messages arrived.
  const ticket = type === 'mutation' ? connection.lane.take() : undefined;
  const closed = type === 'subscription' ? undefined : connection.closed;
  const call: Call = {
    path,
    ticket,
    closed,
    correlationId: ctx.correlationId ?? freshId(),
    startedAt: performance.now(),
  };
  let isBegun = false;
  try {
    connection.beginCall();
    isBegun = true;
    if (rules.admission === 'at-arrival') connection.admitted();
    else if (rules.admission === 'at-turn' && !connection.isAdmitted()) {
      await ticket?.turn();
      connection.admitted();
    }
    const turn = connection.startCall(rules.price);
    if (turn) await turn;
    if (rules.isMutation) connection.refuseBeyondRate();
    const outcome = await resolve(call);
    if (!isOk(outcome)) throw failureOf(outcome);
    if (type === 'subscription') return outcome;
    if (!connection.isWritable) throw notRead();
    if (connection.isBatch) connection.addToBatch(JSON.stringify(outcome.data)?.length ?? 0);
    if (type === 'query') chargeWhenEncoded(outcome.data, connection);
    ctx.report(reportOf(ctx, call, type, campaignIdIn(await orNothing(getRawInput())), undefined));
    return outcome;
  } catch (error) {
    await hideTiming(ctx, call, error);
    ctx.report(reportOf(ctx, call, type, campaignIdIn(await orNothing(getRawInput())), error));
    throw toCallError(error, call.correlationId);
  } finally {
    if (isBegun) connection.endCall();
    ticket?.release();
  }
}

function isOk<O extends CallOutcome>(outcome: O): outcome is Extract<O, { ok: true }> {
  return outcome.ok;
}

function failureOf(outcome: CallOutcome): unknown {
  return outcome.ok ? undefined : outcome.error;
}

/** Answers that are told apart by time are given at multiples of this, in milliseconds. */
const TIMING_STEP_MS = 50;

/**
 * Delays `NOT_FOUND` for callers without a token: a draft, which is in memory, must not be told from a campaign that
 * does not exist, which is looked up in the archive.
 */
export async function hideTiming({ connection }: Context, { startedAt }: Call, error: unknown): Promise<void> {
  if (refusalBehind(error)?.reason !== 'NOT_FOUND' || connection.identity().anonymous !== true) return;
  await pause(TIMING_STEP_MS - ((performance.now() - startedAt) % TIMING_STEP_MS));
}

/** Refusal in the place of an answer that its client would not read: nothing large is encoded for it. */
function notRead(): RefusalError {
  return new RefusalError('OVERLOADED', 'The connection is closed, or its client does not read its answers');
}

/** Log record of a call that is over. */
export function reportOf(
  ctx: Context,
  call: Call,
  type: CallReport['type'],
  campaignId: string | undefined,
  error: unknown,
): CallReport {
  const refusal = refusalBehind(error);
  return {
    path: call.path,
    type,
    campaignId,
    actor: ctx.connection.actor(),
    origin: ctx.connection.origin(),
    correlationId: call.correlationId,
    milliseconds: performance.now() - call.startedAt,
    // By these two alone: what was made has its secret with it.
    key: call.key && { id: call.key.id, expiresAt: call.key.expiresAt },
    outcome: error === undefined ? { kind: 'ok' } : refusal ? { kind: 'refused', refusal } : { kind: 'failed', error },
  };
}

/** The input of a call; `undefined` where it cannot be read. */
function orNothing(input: Promise<unknown>): Promise<unknown> {
  return input.catch(() => undefined);
}

/** The campaign of a call, for the log; `undefined` where the input holds no valid campaign id. */
function campaignIdIn(input: unknown): string | undefined {
  if (typeof input !== 'object' || input === null || !('campaignId' in input)) return undefined;
  const { campaignId } = input;
  return typeof campaignId === 'string' && CAMPAIGN_ID_PATTERN.test(campaignId) ? campaignId : undefined;
}
