import { createTRPCClient, createWSClient, wsLink } from '@trpc/client';
import type { AppRouter } from '../../server/index.ts';
import { MARKED_SEGMENT, markedRule, MARKER } from '../support/marked-rules.ts';

/** Milliseconds between two changes of the rules. */
const PAUSE_MS = 500;

/** Somebody who changes rules all the time, each of which says the marker at every place that has a text. */
export interface Marking {
  /** How often they were changed. */
  readonly changes: number;
  stop(): Promise<void>;
}

/** Plants the marker in the rules of a campaign, and goes on changing them. */
export async function startMarking(
  url: string,
  { campaignId, token, onFailure }: { campaignId: string; token: string; onFailure(why: string): void },
): Promise<Marking> {
  const socket = createWSClient({
    url: `${url.replace('http', 'ws')}/trpc`,
    connectionParams: { contract: '1', token },
  });
  const { campaign } = createTRPCClient<AppRouter>({ links: [wsLink({ client: socket })] });
  await campaign.updateSegment.mutate({ campaignId, key: MARKER, segment: MARKED_SEGMENT });
  let changes = 0;
  let stopped = false;

  const change = async (): Promise<void> => {
    await campaign.updateRule.mutate({ campaignId, ...markedRule(changes) });
    changes += 1;
  };
  await change();

  const run = async (): Promise<void> => {
    while (!stopped) {
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      if (stopped) return;
      await change().catch((error: unknown) => {
        if (!stopped) onFailure(error instanceof Error ? error.message : String(error));
      });
    }
  };
  const running = run();
  return {
    get changes() {
      return changes;
    },
    async stop() {
      stopped = true;
      await running;
      await socket.close();
    },
  };
}
