import type { Viewer } from '../../core/document/targeting-fields.ts';
import { isRetryable, RefusalError } from '../../core/errors.ts';
import type { Identity } from '../../core/permissions.ts';
import { API_LIMITS } from '../limits.ts';
import { tooManyCalls, type AdmissionResult } from './connection.ts';
import type { Connection, Context } from './context.ts';
import type { ForwardedCall, ForwardedCaller } from './upstream.ts';
import { PRICES } from './work-budget.ts';

/** A forwarded call, as it arrives from a relay. */
export interface RelayedCall extends ForwardedCall {
  /** The viewer that its connection was given since its call before; `null`: somebody without attributes. */
  readonly viewer?: Viewer | null | undefined;
}

/**
 * Those whose calls one relay forwards: each has a connection of its own here, with its own token, rights and limits.
 */
export interface RelayedCallers {
  /**
   * A caller of the relay's that has not called before, or shows another token. It is admitted as any other.
   *
   * @throws RefusalError one that is not known: `RATE_LIMITED` while the relay owes much, `OVERLOADED` beyond the limit
   */
  enter(key: string, caller: ForwardedCaller): void;
  /** It has disconnected there: its subscriptions end, and what it waits for. */
  leave(key: string): void;
  /**
   * Runs a call as its caller's.
   *
   * @throws RefusalError `UNAVAILABLE` where no such caller has entered
   */
  call(key: string, call: RelayedCall, signal: AbortSignal | undefined): Promise<unknown>;
  /**
   * Counts a campaign whose stream the relay opens until the returned function is called, which is idempotent.
   *
   * @throws RefusalError `RATE_LIMITED` beyond the limit
   */
  openCampaign(): () => void;
  /** The relay has disconnected: all of them have. */
  close(): void;
}

export interface RelayedCallersOptions {
  /** The identity of a token; rejects with a `RefusalError`. */
  readonly identify: (token: string | undefined) => Promise<Identity>;
  /** Makes the connection of a caller; what it holds is given back when `closed` aborts. */
  readonly connect: (admission: AdmissionResult, caller: ForwardedCaller, closed: AbortSignal) => Connection;
  /** Its caller shows another token now. */
  readonly onToken: (connection: Connection, token: string | undefined) => void;
  readonly contextOf: (connection: Connection, correlationId: string) => Context;
  readonly run: (ctx: Context, call: ForwardedCall, signal: AbortSignal | undefined) => Promise<unknown>;
  /** Milliseconds until the budget of the relay allows more work. */
  readonly relayWaitMs: () => number;
  /** Monotonic, in milliseconds. Default: that of the process. */
  readonly now?: () => number;
}

/**
 * Overdrawn budget of a caller beyond which its call is refused, in milliseconds. The relay has had it wait already, by
 * a budget of its own, and what it sends on comes in bursts. While the relay owes anything, whoever owes is refused.
 */
const OVERDRAWN_MS = 2_000;
/** Overdrawn budget of a relay beyond which everybody is refused who calls through it, in milliseconds. */
const RELAY_OVERDRAWN_MS = 4_000;
/** The interval at which a token that could not be judged is judged again, in milliseconds. */
const JUDGE_AGAIN_MS = 1_000;
/**
 * Unsent bytes in the connection of a relay above which callers that owe work are not answered, and above which nobody
 * is: one reads for all of them, and is disconnected as a whole (`server-socket.ts`).
 */
const CONGESTED_BYTES = 1024 * 1024;
const FULL_BYTES = 16 * 1024 * 1024;

interface RelayedCaller {
  /** As it has entered last. */
  shown: ForwardedCaller;
  /** Once its newest token is judged: the calls that came after that wait for it, and keep their order. */
  judged: Promise<Judged>;
  /** When its token is judged again; `undefined`: it stands, or is being judged. */
  judgeAgainAt: number | undefined;
  /** Ends its connection. */
  closed: AbortController;
}

interface Judged {
  readonly connection: Connection;
  /** Why its newest token gives it no rights. */
  readonly refusal: RefusalError | undefined;
  /** Whether it ever had any: its connection is kept then. */
  readonly wasAdmitted: boolean;
}

export function createRelayedCallers(options: RelayedCallersOptions): RelayedCallers {
  const { now = () => performance.now() } = options;
  const callers = new Map<string, RelayedCaller>();
  let campaigns = 0;

  const admit = (token: string | undefined): Promise<AdmissionResult> =>
    options.identify(token).then(
      (identity): AdmissionResult => ({ kind: 'admitted', identity }),
      (error: unknown): AdmissionResult => ({
        kind: 'refused',
        error:
          error instanceof RefusalError ? error : new RefusalError('UNAVAILABLE', 'The token cannot be verified now'),
      }),
    );

  const replace = async (connection: Connection, token: string | undefined): Promise<Judged> => {
    // Its mutations of before are decided with the rights of before.
    const ticket = connection.lane.take();
    try {
      const admission = await admit(token);
      await ticket.turn();
      options.onToken(connection, token);
      if (admission.kind === 'refused') throw admission.error;
      connection.replaceIdentity(admission.identity);
      return { connection, refusal: undefined, wasAdmitted: true };
    } catch (error) {
      // The relay takes it for somebody else now, who has not the rights of before.
      expire(connection);
      if (error instanceof RefusalError) return { connection, refusal: error, wasAdmitted: true };
      throw error;
    } finally {
      ticket.release();
    }
  };

  const connect = async (caller: ForwardedCaller, closed: AbortSignal): Promise<Judged> => {
    const admission = await admit(caller.token);
    // What a connection holds is given back when its caller leaves: one that has left would hold it for good.
    if (closed.aborted) throw hasLeft();
    const connection = options.connect(admission, caller, closed);
    const refusal = refusalOf(connection);
    return { connection, refusal, wasAdmitted: refusal === undefined };
  };

  /** Judges what a caller shows now, in the place of what it has shown before. */
  const judgeAnew = async (caller: RelayedCaller, before: Promise<Judged>): Promise<Judged> => {
    // As it is shown now: what it calls before it shows another is judged by this.
    const { shown } = caller;
    const { connection, wasAdmitted } = await before;
    connection.charge(PRICES.authentication);
    if (wasAdmitted) return replace(connection, shown.token);
    if (caller.closed.signal.aborted) throw hasLeft();
    // It has done nothing yet, and may have been refused its place: it comes anew.
    caller.closed.abort();
    caller.closed = new AbortController();
    const made = await connect(shown, caller.closed.signal);
    const named = connection.viewer?.();
    if (named) made.connection.setViewer(named.viewer);
    return made;
  };

  const judge = (caller: RelayedCaller, judging: Promise<Judged>): void => {
    caller.judged = judging;
    caller.judgeAgainAt = undefined;
    const onJudged = ({ refusal }: Judged): void => {
      // Its key set, or the place that it lacks, may be there soon.
      if (caller.judged === judging && refusal && isRetryable(refusal.refusal))
        caller.judgeAgainAt = now() + JUDGE_AGAIN_MS;
    };
    judging.then(onJudged, () => undefined);
  };

  /** @throws RefusalError where its caller owes much, or at all while its relay owes; or its relay owes very much */
  const refuseOverdrawn = (connection: Connection): void => {
    const [own, relays] = [connection.waitMs(), options.relayWaitMs()];
    if (own > OVERDRAWN_MS || (own > 0 && relays > 0)) {
      // It alone pays: the others behind its relay are not to be refused for what it is refused.
      connection.chargeAlone(PRICES.refusal);
      throw tooManyCalls(own);
    }
    if (relays <= RELAY_OVERDRAWN_MS) return;
    connection.chargeRefusal();
    throw tooManyCalls(relays);
  };

  /** @throws RefusalError where the relay reads too slowly for another answer of this caller's */
  const refuseCongested = (connection: Connection, type: ForwardedCall['type']): void => {
    const unsent = connection.bufferedBytes();
    // What a mutation has come to is short, and should be known.
    const owes = type === 'query' && connection.waitMs() > 0;
    if (type === 'subscription' || unsent <= (owes ? CONGESTED_BYTES : FULL_BYTES)) return;
    throw new RefusalError('OVERLOADED', 'The relay does not read its answers as fast as they are made; try again');
  };

  return {
    enter(key, caller) {
      const known = callers.get(key);
      if (known) {
        known.shown = caller;
        judge(known, judgeAnew(known, known.judged));
        return;
      }
      const waitMs = options.relayWaitMs();
      if (waitMs > RELAY_OVERDRAWN_MS) throw tooManyCalls(waitMs);
      const limit = API_LIMITS.relayCallers;
      if (callers.size >= limit)
        throw new RefusalError('OVERLOADED', `A relay may have at most ${limit} callers`, { limit });
      const closed = new AbortController();
      const judged = connect(caller, closed.signal);
      const entered: RelayedCaller = { shown: caller, judged, judgeAgainAt: undefined, closed };
      callers.set(key, entered);
      judge(entered, judged);
    },

    leave(key) {
      const caller = callers.get(key);
      callers.delete(key);
      caller?.closed.abort();
      // Whatever is still open of it: no revocation reaches it any more.
      caller?.judged.then(
        ({ connection }) => expireInTurn(connection),
        () => undefined,
      );
    },

    async call(key, { viewer, ...call }, signal) {
      const caller = callers.get(key);
      if (!caller) {
        const waitMs = options.relayWaitMs();
        if (waitMs > 0) throw tooManyCalls(waitMs);
        throw new RefusalError('UNAVAILABLE', 'the relay has not said whose call this is; try again');
      }
      if (caller.judgeAgainAt !== undefined && now() >= caller.judgeAgainAt)
        judge(caller, judgeAnew(caller, caller.judged));
      const { connection, refusal, wasAdmitted } = await caller.judged;
      if (viewer !== undefined) connection.setViewer(viewer ?? undefined);
      refuseOverdrawn(connection);
      try {
        // One that never had rights is told why by whatever it calls.
        if (refusal && wasAdmitted) throw refusal;
        const ends = call.type === 'subscription' ? endOf(signal, caller.closed.signal) : signal;
        const answer = await options.run(options.contextOf(connection, call.correlationId), call, ends);
        refuseCongested(connection, call.type);
        return answer;
      } catch (error) {
        connection.chargeRefusal();
        throw error;
      }
    },

    openCampaign() {
      const limit = API_LIMITS.relayCampaigns;
      if (campaigns >= limit)
        throw new RefusalError('RATE_LIMITED', `A relay may have at most ${limit} campaigns open`, { limit });
      campaigns += 1;
      let isClosed = false;
      return () => {
        if (!isClosed) campaigns -= 1;
        isClosed = true;
      };
    },

    close() {
      for (const { closed } of callers.values()) closed.abort();
      callers.clear();
    },
  };
}

/** The relay takes its caller for somebody else, or it has left: as an expired token. */
function expire(connection: Connection): void {
  if (connection.isAdmitted()) connection.replaceIdentity({ ...connection.identity(), expiresAt: 0 });
}

/** Once what it has sent before is decided, with the rights that it had. */
async function expireInTurn(connection: Connection): Promise<void> {
  const ticket = connection.lane.take();
  await ticket.turn();
  expire(connection);
  ticket.release();
}

function endOf(signal: AbortSignal | undefined, left: AbortSignal): AbortSignal {
  return signal ? AbortSignal.any([signal, left]) : left;
}

/** Why a connection has no rights; `undefined` where it has some. */
function refusalOf(connection: Connection): RefusalError | undefined {
  try {
    connection.admitted();
    return undefined;
  } catch (error) {
    if (error instanceof RefusalError) return error;
    throw error;
  }
}

function hasLeft(): RefusalError {
  return new RefusalError('UNAVAILABLE', 'the caller has disconnected from the relay');
}
