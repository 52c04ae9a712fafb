import { createTRPCClient, createWSClient, wsLink } from '@trpc/client';
import type { RuleInput } from '../../server/core/document/targeting-fields.ts';
import type { AppRouter } from '../../server/index.ts';

/** A text that nobody below `editor` may ever be sent: it stands in rules, segments and arms that reach no attacker. */
export const MARKER = 'zq7marker';

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
  await campaign.updateSegment.mutate({
    campaignId,
    key: MARKER,
    segment: { description: MARKER, when: { plan: MARKER } },
  });
  let changes = 0;
  let stopped = false;

  const change = async (): Promise<void> => {
    const rule: RuleInput = {
      order: 1 + (changes % 3),
      description: `${MARKER} ${changes}`,
      status: changes % 4 === 3 ? 'paused' : 'running',
      unit: 'userId',
      when: changes % 2 === 0 ? { secret: MARKER } : { $savedGroup: { id: MARKER } },
      coverage: 1,
      arms: {
        [`${MARKER}-one`]: { weight: 1 + (changes % 5), change: { merge: { ui_content: { banner: MARKER } } } },
        [`${MARKER}-two`]: { weight: 1, change: { features: { add: [MARKER] } } },
      },
    };
    await campaign.updateRule.mutate({ campaignId, key: `rule-${changes % 3}`, rule });
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
