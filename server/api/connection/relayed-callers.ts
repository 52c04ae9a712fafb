import type { Viewer } from '../../core/document/targeting-fields.ts';
import { RefusalError } from '../../core/errors.ts';
import type { Identity } from '../../core/permissions.ts';
import type { AdmissionResult } from './connection.ts';
import type { Connection, Context } from './context.ts';
import type { ForwardedCall, ForwardedCaller } from './upstream.ts';

/** A forwarded call, as it arrives from a relay. */
export interface RelayedCall extends ForwardedCall {
  /** The viewer that its connection was given since its call before; `null`: somebody without attributes. */
  readonly viewer?: Viewer | null | undefined;
}

/**
 * Those whose calls one relay forwards: each has a connection of its own here, with its own token, rights and limits.
 */
export interface RelayedCallers {
  /** A caller of the relay's that has not called before, or shows another token. It is admitted as any other. */
  enter(key: string, caller: ForwardedCaller): void;
  /** It has disconnected there: its subscriptions end, and what it waits for. */
  leave(key: string): void;
  /**
   * Runs a call as its caller's.
   *
   * @throws RefusalError `UNAVAILABLE` where no such caller has entered
   */
  call(key: string, call: RelayedCall, signal: AbortSignal | undefined): Promise<unknown>;
  /** The relay has disconnected: all of them have. */
  close(): void;
}

export interface RelayedCallersOptions {
  /** The identity of a token; rejects with a `RefusalError`. */
  readonly identify: (token: string | undefined) => Promise<Identity>;
  /** Makes the connection of a caller; what it holds is given back when `closed` aborts. */
  readonly connect: (admission: AdmissionResult, caller: ForwardedCaller, closed: AbortSignal) => Connection;
  readonly contextOf: (connection: Connection, correlationId: string) => Context;
  readonly run: (ctx: Context, call: ForwardedCall, signal: AbortSignal | undefined) => Promise<unknown>;
}

/** Callers of one relay, at most: its own limit of connections is lower. */
const MAX_CALLERS = 100_000;

interface RelayedCaller {
  /** Resolves once its newest token is judged: the calls that came after that wait for it, and keep their order. */
  connection: Promise<Connection>;
  readonly closed: AbortController;
}

export function createRelayedCallers(options: RelayedCallersOptions): RelayedCallers {
  const callers = new Map<string, RelayedCaller>();

  const admit = (token: string | undefined): Promise<AdmissionResult> =>
    options.identify(token).then(
      (identity): AdmissionResult => ({ kind: 'admitted', identity }),
      (error: unknown): AdmissionResult => ({
        kind: 'refused',
        error:
          error instanceof RefusalError ? error : new RefusalError('UNAVAILABLE', 'The token cannot be verified now'),
      }),
    );

  const replace = async (connection: Connection, token: string | undefined): Promise<Connection> => {
    // Its mutations of before are decided with the rights of before.
    const ticket = connection.lane.take();
    const admission = await admit(token);
    await ticket.turn();
    if (admission.kind === 'admitted') connection.replaceIdentity(admission.identity);
    ticket.release();
    return connection;
  };

  return {
    enter(key, caller) {
      const known = callers.get(key);
      if (known) {
        known.connection = known.connection.then((connection) => replace(connection, caller.token));
        known.connection.catch(() => undefined);
        return;
      }
      if (callers.size >= MAX_CALLERS)
        throw new RefusalError('OVERLOADED', `A relay may have at most ${MAX_CALLERS} callers`, { limit: MAX_CALLERS });
      const closed = new AbortController();
      const connection = admit(caller.token).then((admission) => options.connect(admission, caller, closed.signal));
      callers.set(key, { connection, closed });
      connection.catch(() => undefined);
    },

    leave(key) {
      const caller = callers.get(key);
      callers.delete(key);
      caller?.closed.abort();
    },

    async call(key, { viewer, ...call }, signal) {
      const caller = callers.get(key);
      if (!caller) throw new RefusalError('UNAVAILABLE', 'the relay has not said whose call this is; try again');
      const connection = await caller.connection;
      if (viewer !== undefined) connection.setViewer(viewer ?? undefined);
      try {
        return await options.run(options.contextOf(connection, call.correlationId), call, signal);
      } catch (error) {
        connection.chargeRefusal();
        throw error;
      }
    },

    close() {
      for (const { closed } of callers.values()) closed.abort();
      callers.clear();
    },
  };
}
