import type { createTRPCClient } from '@trpc/client';
import type { AppRouter } from '../../server/index.ts';

type Client = ReturnType<typeof createTRPCClient<AppRouter>>;

/** Greets visitors from Lagos, and tests a lower price on half of all others. */
export async function launch(client: Client, campaignId: string) {
  const lagos = { $savedGroup: { id: 'lagos' } };
  await client.campaign.updateSegment.mutate({ campaignId, key: 'lagos', segment: { when: { city: 'Lagos' } } });
  await client.campaign.updateRule.mutate({
    campaignId,
    key: 'greeting',
    rule: {
      order: 1,
      status: 'running',
      when: lagos,
      unit: 'userId',
      coverage: 1,
      arms: { shown: { weight: 1, change: { merge: { ui_content: { banner: 'Ẹ káàbọ̀!' } } } } },
    },
  });
  const price = {
    order: 2,
    status: 'running' as const,
    when: { $not: lagos },
    unit: 'userId',
    // A device keeps its arm over a login.
    fallbackUnit: 'deviceId',
    arms: {
      now: { weight: 1, change: {} },
      lower: { weight: 1, change: { merge: { commerce: { price: 9 } }, features: { add: ['sale'] } } },
    },
  };
  await client.campaign.updateRule.mutate({ campaignId, key: 'price', rule: { ...price, coverage: 0.1 } });
  // Nobody who has an arm loses it.
  await client.campaign.updateRule.mutate({ campaignId, key: 'price', rule: { ...price, coverage: 0.5 } });
  const viewer = { attributes: { userId: 'u-1', deviceId: 'd-1', city: 'Abuja' } };
  const { rules } = await client.campaign.explain.query({ campaignId, viewer });
  const { state } = await client.campaign.get.query({ campaignId, viewer });
  return { rules, state };
}
