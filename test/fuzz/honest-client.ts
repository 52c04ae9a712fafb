import { createTRPCClient, createWSClient, wsLink } from '@trpc/client';
import type { AppRouter } from '../../server/index.ts';

/** A client that minds its own business while others attack: it writes, and waits until it has seen what it wrote. */
export interface HonestClient {
  readonly rounds: number;
  /** The longest that a change took from the call to its arrival on the client's own stream, in milliseconds. */
  readonly slowest: number;
  stop(): Promise<void>;
}

/** Milliseconds after which a change that has not arrived is a failure. */
const ARRIVAL_MS = 20_000;
const PAUSE_MS = 100;

export function startHonestClient(
  url: string,
  { campaignId, token, onFailure }: { campaignId: string; token: string; onFailure(why: string): void },
): HonestClient {
  const socket = createWSClient({
    url: `${url.replace('http', 'ws')}/trpc`,
    connectionParams: { contract: '1', token },
    retryDelayMs: () => 100,
  });
  const client = createTRPCClient<AppRouter>({ links: [wsLink({ client: socket })] });
  let seen = '';
  let wake = (): void => undefined;
  const note = (description: unknown): void => {
    if (typeof description === 'string') seen = description;
  };
  const subscription = client.campaign.watch.subscribe(
    { campaignId },
    {
      onData({ data }) {
        if (data.type === 'snapshot') note(data.state.description);
        if (data.type === 'entries') for (const { change } of data.entries) note(change.description);
        wake();
      },
      onError: (error) => onFailure(`the stream ended: ${error.message}`),
    },
  );
  let rounds = 0;
  let slowest = 0;
  let stopped = false;
  const giveUp = new AbortController();

  const round = async (): Promise<void> => {
    const description = `round ${rounds}`;
    const startedAt = performance.now();
    const arrived = new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`${description} did not arrive in ${ARRIVAL_MS} ms`)),
        ARRIVAL_MS,
      );
      wake = () => {
        if (seen !== description) return;
        clearTimeout(timer);
        resolve();
      };
    });
    const { signal } = giveUp;
    await Promise.all([client.campaign.update.mutate({ campaignId, updates: { description } }, { signal }), arrived]);
    slowest = Math.max(slowest, performance.now() - startedAt);
    rounds += 1;
  };

  const run = async (): Promise<void> => {
    while (!stopped) {
      await round().catch((error: unknown) => {
        if (!stopped) onFailure(error instanceof Error ? error.message : String(error));
      });
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  };
  const running = run();

  return {
    get rounds() {
      return rounds;
    },
    get slowest() {
      return slowest;
    },
    async stop() {
      stopped = true;
      giveUp.abort();
      await running;
      subscription.unsubscribe();
      await socket.close();
    },
  };
}
