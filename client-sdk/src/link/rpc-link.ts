import { TRPCClientError, type Operation, type OperationResultEnvelope, type TRPCLink } from '@trpc/client';
import { observable, type Observer } from '@trpc/server/observable';
import type { AppRouter } from '../../../server/api/procedures/router.ts';
import { utf8Bytes } from '../../../server/core/document/plain-json.ts';
import { CLIENT_LIMITS } from '../../../server/core/limits.ts';
import { callGuarded, reportUncaught, type ErrorReporter } from '../callbacks.ts';
import type { Clock } from '../clock.ts';
import { CampaignError } from '../errors.ts';

type RpcError = TRPCClientError<AppRouter>;
type Result = OperationResultEnvelope<unknown, RpcError>;

/** A call or a subscription that has not ended. */
interface Request {
  readonly op: Operation;
  readonly observer: Observer<Result, RpcError>;
  /** The event after which the subscription resumes over the next socket. */
  lastEventId: string | undefined;
  cancelTimeout: () => void;
}

/** A frame of the server: the response to a call, or an event of a subscription. */
interface ServerMessage {
  readonly id: number;
  readonly error?: unknown;
  readonly result?: { readonly type?: string; readonly id?: string; readonly data?: unknown };
}

/** Options of {@link createRpcLink}. */
export interface RpcLinkOptions {
  /** Something is to be sent, and there is no socket. */
  readonly onNeeded: () => void;
  /** The last request has ended. */
  readonly onUnused: () => void;
  /** A response has come that shows that the server accepts this caller. Called before the response is passed on. */
  readonly onAccepted: () => void;
  readonly clock: Pick<Clock, 'after'>;
  /** Takes what the app's observers throw. */
  readonly report?: ErrorReporter | undefined;
}

/** A call that finds no connection within this time fails, in milliseconds. Streams wait as long as they are wanted. */
const UNSENT_CALL_TIMEOUT_MS = 30_000;

/** A tRPC client's link over one socket after another. */
export interface RpcLink {
  readonly link: TRPCLink<AppRouter>;
  /** Whether any request waits for a response, or for a socket. */
  readonly isNeeded: () => boolean;
  /** Sends frames there from now on (`connection.ts`, `onOpen`): first of all every request that is open. */
  readonly attach: (send: (frame: string) => void) => void;
  /** The socket is gone. Subscriptions wait for the next one; calls fail, for their outcome is unknown. */
  readonly detach: (reason: CampaignError) => void;
  readonly receive: (frame: string) => void;
  /** Fails every request: there will be no socket any more. */
  readonly end: (reason: CampaignError) => void;
}

/**
 * Sends a tRPC client's requests over whichever socket is attached, and resumes subscriptions on the next one.
 *
 * In place of `wsLink` of `@trpc/client`, which opens sockets by rules of its own and defers every frame by a timer's
 * turn to batch it with others: behind a page that renders what was just edited, that turn comes a frame later. Here a
 * frame is sent before the call returns.
 */
export function createRpcLink({
  onNeeded,
  onUnused,
  onAccepted,
  clock,
  report = reportUncaught,
}: RpcLinkOptions): RpcLink {
  /** Open requests in the order in which they were made. While a socket is attached, all of them were sent over it. */
  const requests = new Map<number, Request>();
  let send: ((frame: string) => void) | undefined;

  /** A copy: an observer that is called may begin another request. */
  const openRequests = () => [...requests.values()];

  function transmit(request: Request): void {
    send?.(frameOf(request));
    request.cancelTimeout();
  }

  function remove(request: Request): void {
    request.cancelTimeout();
    if (requests.delete(request.op.id) && requests.size === 0) onUnused();
  }

  function fail(request: Request, error: RpcError): void {
    remove(request);
    callGuarded(() => request.observer.error(error), report);
  }

  function failWithoutConnection(request: Request): void {
    request.cancelTimeout = clock.after(UNSENT_CALL_TIMEOUT_MS, () =>
      fail(request, TRPCClientError.from<AppRouter>(noConnection())),
    );
  }

  /** Reports the link's state to a subscription's observer: what `useSubscription` shows. */
  function reportState(request: Request, error: RpcError | null): void {
    if (request.op.type !== 'subscription') return;
    const result = send
      ? ({ type: 'state', state: 'pending', error: null } as const)
      : ({ type: 'state', state: 'connecting', error } as const);
    callGuarded(() => request.observer.next({ result }), report);
  }

  function begin(op: Operation, observer: Observer<Result, RpcError>): () => void {
    const request: Request = { op, observer, lastEventId: undefined, cancelTimeout: () => {} };
    const frame = sendableFrame(request);
    if (frame instanceof CampaignError) {
      observer.error(TRPCClientError.from<AppRouter>(frame));
      return () => undefined;
    }
    requests.set(op.id, request);
    reportState(request, null);
    if (send) {
      send(frame);
    } else {
      if (op.type !== 'subscription') failWithoutConnection(request);
      onNeeded();
    }
    const abandon = () => observer.complete();
    if (op.signal?.aborted) abandon();
    else op.signal?.addEventListener('abort', abandon, { once: true });
    return () => {
      op.signal?.removeEventListener('abort', abandon);
      // Of a call too: over http it may wait behind another one. A server knows no subscription of that id then.
      if (requests.has(op.id)) send?.(JSON.stringify({ id: op.id, method: 'subscription.stop' }));
      remove(request);
    };
  }

  function respond(request: Request, { error, result }: ServerMessage): void {
    if (error !== undefined || !result) return fail(request, TRPCClientError.from<AppRouter>({ error }));
    const { observer, op } = request;
    if (op.type !== 'subscription') remove(request);
    else if (result.type === 'data') request.lastEventId = result.id;
    else if (result.type === 'stopped') remove(request);
    // What the procedures answer, by their types.
    callGuarded(() => observer.next({ result: { type: 'data', ...result } as Result['result'] }), report);
    if (!requests.has(op.id)) observer.complete();
  }

  return {
    link:
      () =>
      ({ op }) =>
        observable<Result, RpcError>((observer) => begin(op, observer)),
    isNeeded: () => requests.size > 0,
    attach(given) {
      send = given;
      const waiting = openRequests();
      for (const request of waiting) transmit(request);
      for (const request of waiting) reportState(request, null);
    },
    detach(reason) {
      if (!send) return;
      send = undefined;
      const error = TRPCClientError.from<AppRouter>(reason);
      for (const request of openRequests()) {
        if (request.op.type !== 'subscription') fail(request, error);
        else reportState(request, error);
      }
    },
    receive(frame) {
      // Only the server writes here.
      const message = JSON.parse(frame) as ServerMessage;
      const request = requests.get(message.id);
      if (!isUnauthorized(message.error)) onAccepted();
      if (request) respond(request, message);
    },
    end(reason) {
      send = undefined;
      for (const request of openRequests()) fail(request, TRPCClientError.from<AppRouter>(reason));
    },
  };
}

/** The frame that makes a request. */
function frameOf({ op: { id, type, path, input }, lastEventId }: Request): string {
  return JSON.stringify({ id, method: type, params: { path, input, lastEventId } });
}

/**
 * The frame, or why the request cannot be sent at all: its input is no JSON, or larger than what the server reads. Sent
 * all the same, it would end the link, and every link after it.
 */
function sendableFrame(request: Request): string | CampaignError {
  try {
    const frame = frameOf(request);
    const bytes = utf8Bytes(frame);
    if (bytes <= CLIENT_LIMITS.messageBytes) return frame;
    const message = `It takes ${bytes} bytes; at most ${CLIENT_LIMITS.messageBytes} can be sent`;
    return new CampaignError({ reason: 'TOO_LARGE', message, limit: CLIENT_LIMITS.messageBytes });
  } catch (cause) {
    const message = `The input of ${request.op.path} is not plain JSON`;
    return new CampaignError({ reason: 'INVALID', message }, { cause });
  }
}

function noConnection(): CampaignError {
  const message = `There was no connection within ${UNSENT_CALL_TIMEOUT_MS / 1_000} s`;
  return new CampaignError({ reason: 'UNAVAILABLE', message, retryable: true });
}

/** Whether an answer shows that the server does not accept the caller. */
function isUnauthorized(error: unknown): boolean {
  const { data } = (error ?? {}) as { data?: { code?: unknown; reason?: unknown } };
  return data?.code === 'UNAUTHORIZED' || data?.reason === 'UNAUTHORIZED' || data?.reason === 'UPGRADE_REQUIRED';
}
