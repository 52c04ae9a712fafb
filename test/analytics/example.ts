import type { createTRPCClient } from '@trpc/client';
import type { AppRouter } from '../../server/index.ts';

type Client = ReturnType<typeof createTRPCClient<AppRouter>>;

/** Tests a lower price on everybody, and tells the server what one visitor was shown and did. */
export async function measure(client: Client, campaignId: string) {
  await client.campaign.updateRule.mutate({
    campaignId,
    key: 'price',
    rule: {
      order: 1,
      status: 'running',
      unit: 'userId',
      coverage: 1,
      arms: {
        now: { weight: 1, change: {} },
        lower: { weight: 1, change: { merge: { commerce: { price: 9 } } } },
      },
      metrics: {
        leads: { goal: 'lead', type: 'conversion', better: 'up', role: 'goal' },
        revenue: { goal: 'paid', type: 'sum', better: 'up', cap: 500, role: 'goal' },
        errors: { goal: 'error', type: 'count', better: 'down', cap: 10, role: 'guardrail' },
      },
      // A tenth first, for half an hour; then half, until 5,000 people have been seen; then everybody.
      ramp: [
        { coverage: 0.1, for: { minutes: 30 } },
        { coverage: 0.5, for: { units: 5_000 } },
        { coverage: 1, for: { minutes: 1 } },
      ],
      guard: { metrics: ['errors'], onRegress: 'pause' },
    },
  });
  const viewer = { attributes: { userId: 'u-1' } };
  const { epoch, version, assignments } = await client.campaign.get.query({ campaignId, viewer });
  const { arm = '', phase = 1 } = assignments?.['price'] ?? {};
  // What was on the screen, and when.
  const rendered = { position: `${epoch}:${version}`, at: Date.now() };
  await client.analytics.track.mutate({
    campaignId,
    batchId: 'u-1-batch-1',
    sentAt: Date.now(),
    viewer,
    events: [
      { kind: 'exposure', rule: 'price', arm, phase, ...rendered },
      { kind: 'goal', name: 'lead', ...rendered },
      { kind: 'goal', name: 'paid', value: 19.9, ...rendered },
    ],
  });
  return client.analytics.results.query({ campaignId, rule: 'price' });
}
