import { createTRPCClient, httpLink } from '@trpc/client';
import type { AppRouter } from '../../server/api/procedures/router.ts';
import { readHeld, type HeldCampaign } from './held.ts';
import type { Instance } from './instance.ts';
import type { World } from './world.ts';

/** Campaigns that everyone watches, and two that nobody does: they leave memory and Redis between two edits. */
export const WATCHED = ['faults_a', 'faults_b', 'faults_c', 'faults_d'];
export const SLEEPERS = ['faults_sleeper_a', 'faults_sleeper_b'];

/** Calls to one instance or relay, past all proxies. */
export function over(instance: Pick<Instance, 'port'>) {
  return createTRPCClient<AppRouter>({ links: [httpLink({ url: `http://127.0.0.1:${instance.port}/trpc` })] });
}

export async function createCampaigns({ instances }: World): Promise<void> {
  const [first] = instances;
  if (!first) throw new Error('a world has instances');
  for (const campaignId of [...WATCHED, ...SLEEPERS]) {
    await over(first).campaign.create.mutate({
      campaignId,
      state: { slug: campaignId, title: 'At the start', features: ['referral'] },
    });
  }
}

/** The campaigns of the run, as Postgres holds them. */
export function readCampaigns({ postgres, namespace }: World): Promise<HeldCampaign[]> {
  return readHeld(postgres.url, namespace, [...WATCHED, ...SLEEPERS]);
}
