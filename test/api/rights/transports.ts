import { createTRPCUntypedClient, createWSClient, httpLink, TRPCClientError, wsLink } from '@trpc/client';
import type { TRPCUntypedClient } from '@trpc/client';
import type { AppRouter } from '../../../server/api/procedures/router.ts';
import { openEvents } from '../support/sse.ts';
import { cleanUp } from '../support/server.ts';
import { typeOf, type ProcedurePath } from './table.ts';

/** What came of a call: its answer, or the first event of a stream; or the reason of the refusal. */
export type Outcome = { readonly answer: unknown } | { readonly reason: string };

/** Called when a stream has begun: makes something happen that each of them tells. */
export type Begun = () => Promise<unknown>;

/** Calls a procedure over one transport. */
export type Ask = (path: ProcedurePath, input: unknown) => Promise<Outcome>;

function reasonOf(error: unknown): Outcome {
  const data: unknown = error instanceof TRPCClientError ? error.data : undefined;
  if (typeof data === 'object' && data !== null && 'reason' in data) return { reason: String(data.reason) };
  throw error;
}

/** Calls with a stock client; a subscription ends with its first event. */
function byClient(client: TRPCUntypedClient<AppRouter>, begun: Begun): Ask {
  return async (path, input) => {
    try {
      if (typeOf(path) === 'query') return { answer: await client.query(path, input) };
      if (typeOf(path) === 'mutation') return { answer: await client.mutation(path, input) };
      return await new Promise<Outcome>((resolve, reject) => {
        const subscription = client.subscription(path, input, {
          onData(answer) {
            subscription.unsubscribe();
            resolve({ answer });
          },
          onStarted: () => void begun(),
          onError: reject,
        });
      });
    } catch (error) {
      return reasonOf(error);
    }
  };
}

/** Over ws, on one connection. */
export function overWs(url: string, token: string | undefined, begun: Begun): Ask {
  const socket = createWSClient({
    url: `${url.replace('http', 'ws')}/trpc`,
    connectionParams: { contract: '1', ...(token !== undefined && { token }) },
    retryDelayMs: () => 20,
  });
  cleanUp(() => socket.close());
  return byClient(createTRPCUntypedClient<AppRouter>({ links: [wsLink({ client: socket })] }), begun);
}

const bearer = (token: string | undefined): Record<string, string> =>
  token === undefined ? {} : { authorization: `Bearer ${token}` };

/** Queries and mutations over http, subscriptions over SSE. */
export function overHttp(url: string, token: string | undefined, begun: Begun): Ask {
  const headers = bearer(token);
  const call = byClient(
    createTRPCUntypedClient<AppRouter>({ links: [httpLink({ url: `${url}/trpc`, headers })] }),
    begun,
  );
  return async (path, input) => {
    if (typeOf(path) !== 'subscription') return call(path, input);
    const query = input === undefined ? '' : `?input=${encodeURIComponent(JSON.stringify(input))}`;
    for await (const { event, data } of openEvents(`${url}/trpc/${path}${query}`, headers)) {
      if (event === 'serialized-error') {
        const { data: details }: { data: { reason: string } } = JSON.parse(data);
        return { reason: details.reason };
      }
      // Behind a relay the stream begins later than here: what was changed too early is changed once more.
      if (event !== 'connected' && event !== 'ping') return { answer: JSON.parse(data) };
      void begun();
    }
    throw new Error(`${path}: the stream ended without an event`);
  };
}
