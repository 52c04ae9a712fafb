import { createCampaignClient } from '@campaign-state/client';
import { withinRate } from './within-rate.ts';

const SEASONS = ['Spring', 'Summer', 'Autumn', 'Winter'];
const KINDS = ['appeal', 'book fair', 'open day', 'lottery', 'pledge', 'concert', 'harvest', 'relief fund'];
const OWNERS = ['ada', 'grace', 'mary'];
const STATUSES = ['draft', 'active', 'paused', 'ended'];
/** Calls that are on their way at once. */
const AT_ONCE = 20;

/** Creates so many campaigns on that server, `many_0` and so on, of different titles, owners, tags and statuses. */
export async function createManyCampaigns(url: string, count: number): Promise<void> {
  const client = createCampaignClient({ url });
  const of = (list: readonly string[], index: number) => list[index % list.length] ?? '';
  try {
    for (let first = 0; first < count; first += AT_ONCE)
      await Promise.all(
        Array.from({ length: Math.min(AT_ONCE, count - first) }, (_, offset) => {
          const index = first + offset;
          return withinRate(() =>
            client.trpc.campaign.create.mutate({
              campaignId: `many_${index}`,
              state: {
                slug: `many_${index}`,
                title: `${of(SEASONS, index)} ${of(KINDS, Math.floor(index / SEASONS.length))} ${index}`,
                status: of(STATUSES, index),
                owner_id: of(OWNERS, index),
                tags: [of(SEASONS, index).toLowerCase(), `tag-${index % 5}`],
              },
            }),
          );
        }),
      );
  } finally {
    client.close();
  }
}
