import { TRPCClientError, type Operation, type OperationResultEnvelope, type TRPCLink } from '@trpc/client';
import { observable, type Observer } from '@trpc/server/observable';
import type { AppRouter } from '../../../server/api/procedures/router.ts';
import type { CampaignError } from '../errors.ts';

type RpcError = TRPCClientError<AppRouter>;
type Result = OperationResultEnvelope<unknown, RpcError>;

/** A call or a subscription that has not ended. */
interface Request {
  readonly op: Operation;
  readonly observer: Observer<Result, RpcError>;
  /** The event after which the subscription resumes over the next socket. */
  lastEventId: string | undefined;
}

/** A frame of the server: the response to a call, or an event of a subscription. */
interface ServerMessage {
  readonly id: number;
  readonly error?: unknown;
  readonly result?: { readonly type?: string; readonly id?: string; readonly data?: unknown };
}

export interface RpcLinkOptions {
  /** Something is to be sent, and there is no socket. */
  readonly onNeeded: () => void;
  /** The last request has ended. */
  readonly onUnused: () => void;
}

/** A tRPC client's link over one socket after another. */
export interface RpcLink {
  readonly link: TRPCLink<AppRouter>;
  /** Whether any request waits for a response, or for a socket. */
  readonly isNeeded: () => boolean;
  /** Sends frames there from now on: first of all every request that is open. */
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
export function createRpcLink({ onNeeded, onUnused }: RpcLinkOptions): RpcLink {
  /** Open requests in the order in which they were made. While a socket is attached, all of them were sent over it. */
  const requests = new Map<number, Request>();
  let send: ((frame: string) => void) | undefined;

  /** A copy: an observer that is called may begin another request. */
  const openRequests = () => [...requests.values()];

  function transmit(request: Request): void {
    const { op, lastEventId } = request;
    send?.(JSON.stringify({ id: op.id, method: op.type, params: { path: op.path, input: op.input, lastEventId } }));
  }

  function remove(request: Request): void {
    if (requests.delete(request.op.id) && requests.size === 0) onUnused();
  }

  function fail(request: Request, error: RpcError): void {
    remove(request);
    request.observer.error(error);
  }

  /** Reports the link's state to a subscription's observer: what `useSubscription` shows. */
  function reportState(request: Request, error: RpcError | null): void {
    if (request.op.type !== 'subscription') return;
    request.observer.next({
      result: send ? { type: 'state', state: 'pending', error: null } : { type: 'state', state: 'connecting', error },
    });
  }

  function begin(op: Operation, observer: Observer<Result, RpcError>): () => void {
    const request: Request = { op, observer, lastEventId: undefined };
    requests.set(op.id, request);
    reportState(request, null);
    if (send) transmit(request);
    else onNeeded();
    const abandon = () => observer.complete();
    if (op.signal?.aborted) abandon();
    else op.signal?.addEventListener('abort', abandon, { once: true });
    return () => {
      op.signal?.removeEventListener('abort', abandon);
      if (requests.has(op.id) && op.type === 'subscription')
        send?.(JSON.stringify({ id: op.id, method: 'subscription.stop' }));
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
    observer.next({ result: { type: 'data', ...result } as Result['result'] });
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
      if (request) respond(request, message);
    },
    end(reason) {
      send = undefined;
      for (const request of openRequests()) fail(request, TRPCClientError.from<AppRouter>(reason));
    },
  };
}
