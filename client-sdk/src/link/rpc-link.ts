import { TRPCClientError, type Operation, type OperationResultEnvelope, type TRPCLink } from '@trpc/client';
import { observable, type Observer } from '@trpc/server/observable';
import type { AppRouter } from '../../../server/api/procedures/router.ts';
import type { CampaignError } from '../errors.ts';

type RpcError = TRPCClientError<AppRouter>;
type Result = OperationResultEnvelope<unknown, RpcError>;

/** A call or a stream that has not ended. */
interface Request {
  readonly op: Operation;
  readonly observer: Observer<Result, RpcError>;
  /** After which event the stream goes on over the next socket. */
  lastEventId: string | undefined;
}

/** A frame of the server: an answer to a call, or an event of a stream. */
interface Answer {
  readonly id: number;
  readonly error?: unknown;
  readonly result?: { readonly type?: string; readonly id?: string; readonly data?: unknown };
}

export interface RpcLinkOptions {
  /** Something is to be sent, and there is no socket. */
  readonly onWanted: () => void;
  /** The last request has ended. */
  readonly onUnused: () => void;
}

/** The link of a tRPC client whose sockets come and go. */
export interface RpcLink {
  readonly link: TRPCLink<AppRouter>;
  /** Whether anything waits for an answer, or for a socket. */
  readonly isNeeded: () => boolean;
  /** From now on frames go there: first all that has waited for it. */
  readonly attach: (send: (frame: string) => void) => void;
  /** The socket is gone. Streams wait for the next one; whoever waits for an answer is told that there will be none. */
  readonly detach: (reason: CampaignError) => void;
  readonly receive: (frame: string) => void;
  /** There will be no socket any more. */
  readonly end: (reason: CampaignError) => void;
}

/**
 * tRPC's messages over one socket after another. `wsLink` of `@trpc/client` does the same, and two things besides that
 * are not wanted here: it opens sockets when it thinks fit, and holds every frame back for a timer's turn to join it
 * with others. Behind a page that has to render what was just edited, that turn comes a frame later. Here a frame
 * leaves before the call returns.
 */
export function createRpcLink({ onWanted, onUnused }: RpcLinkOptions): RpcLink {
  /** In the order in which they were made. While there is a socket, it has carried all of them. */
  const requests = new Map<number, Request>();
  let send: ((frame: string) => void) | undefined;

  /** A list of its own: who is told of an end may begin anew. */
  const all = () => [...requests.values()];

  function transmit(request: Request): void {
    const { op, lastEventId } = request;
    send?.(JSON.stringify({ id: op.id, method: op.type, params: { path: op.path, input: op.input, lastEventId } }));
  }

  function forget(request: Request): void {
    if (requests.delete(request.op.id) && requests.size === 0) onUnused();
  }

  function fail(request: Request, error: RpcError): void {
    forget(request);
    request.observer.error(error);
  }

  /** What `useSubscription` and others show of a stream's link. */
  function tellState(request: Request, error: RpcError | null): void {
    if (request.op.type !== 'subscription') return;
    request.observer.next({
      result: send ? { type: 'state', state: 'pending', error: null } : { type: 'state', state: 'connecting', error },
    });
  }

  function begin(op: Operation, observer: Observer<Result, RpcError>): () => void {
    const request: Request = { op, observer, lastEventId: undefined };
    requests.set(op.id, request);
    tellState(request, null);
    if (send) transmit(request);
    else onWanted();
    const abandon = () => observer.complete();
    if (op.signal?.aborted) abandon();
    else op.signal?.addEventListener('abort', abandon, { once: true });
    return () => {
      op.signal?.removeEventListener('abort', abandon);
      if (requests.has(op.id) && op.type === 'subscription')
        send?.(JSON.stringify({ id: op.id, method: 'subscription.stop' }));
      forget(request);
    };
  }

  function answered(request: Request, { error, result }: Answer): void {
    if (error !== undefined || !result) return fail(request, TRPCClientError.from<AppRouter>({ error }));
    const { observer, op } = request;
    if (op.type !== 'subscription') forget(request);
    else if (result.type === 'data') request.lastEventId = result.id;
    else if (result.type === 'stopped') forget(request);
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
      const waiting = all();
      for (const request of waiting) transmit(request);
      for (const request of waiting) tellState(request, null);
    },
    detach(reason) {
      if (!send) return;
      send = undefined;
      const error = TRPCClientError.from<AppRouter>(reason);
      for (const request of all()) {
        if (request.op.type !== 'subscription') fail(request, error);
        else tellState(request, error);
      }
    },
    receive(frame) {
      // Only the server writes here.
      const answer = JSON.parse(frame) as Answer;
      const request = requests.get(answer.id);
      if (request) answered(request, answer);
    },
    end(reason) {
      send = undefined;
      for (const request of all()) fail(request, TRPCClientError.from<AppRouter>(reason));
    },
  };
}
