import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { over } from '../campaigns.ts';
import type { World } from '../world.ts';

/** Campaigns that are changed as often as is asked for, and watched by nobody: snapshots of them are compared alone. */
export const FLOODED = ['faults_flood_a', 'faults_flood_b', 'faults_flood_c', 'faults_flood_d'];

/** Milliseconds from one call to the next of each campaign. */
const EVERY_MS = 100;
/** Calls of one campaign that wait for an answer at once: an instance that is away must not collect them. */
const MAX_UNDER_WAY = 5;

/** Changes being made, whatever becomes of each. */
export interface Flood {
  stop(): Promise<void>;
}

/** @param rate changes a second, of all of the campaigns together */
export async function flood({ instances }: World, rate: number): Promise<Flood> {
  const [first] = instances;
  if (!first) throw new Error('a world has instances');
  for (const campaignId of FLOODED)
    await over(first).campaign.create.mutate({ campaignId, state: { slug: campaignId, title: 'At the start' } });
  const inCall = Math.max(1, Math.round((rate * EVERY_MS) / 1_000 / FLOODED.length));
  let stopped = false;
  let turn = 0;

  const write = async (campaignId: string, underWay: Set<Promise<unknown>>): Promise<void> => {
    while (!stopped) {
      const up = instances.filter(({ port }) => port !== undefined);
      const instance = up[turn % Math.max(1, up.length)];
      if (instance && underWay.size < MAX_UNDER_WAY) {
        const mutations = Array.from({ length: inCall }, () => {
          turn += 1;
          const updates = { [`field${turn % 20}`]: `change ${turn}` };
          return { mutationId: randomUUID(), command: { type: 'update' as const, updates } };
        });
        const answer = over(instance)
          .campaign.push.mutate({ campaignId, mutations })
          // Away, as the plan has it; what it has become of is in the history or is not.
          .catch(() => undefined)
          .finally(() => underWay.delete(answer));
        underWay.add(answer);
      }
      await pause(EVERY_MS);
    }
  };
  const writing = FLOODED.map((campaignId) => write(campaignId, new Set()));

  return {
    async stop() {
      stopped = true;
      await Promise.all(writing);
    },
  };
}
