import { trpc, useCampaign, useCampaignSnapshot } from '@campaign-state/client/react';
import { faultOfId } from '../campaigns/campaign-id.ts';
import { TextField } from '../fields/TextField.tsx';
import { useSettled } from '../use-settled.ts';

/** How long nothing must have been typed before it is looked up, in milliseconds. */
const SETTLED_MS = 400;

/**
 * The slug, and whether another campaign goes by it: it is no address, and may be any text, but a campaign's id is made
 * of it where it is exported and begun elsewhere.
 */
export function SlugField() {
  const slug = useCampaign((document) => document.slug) ?? '';
  const campaignId = useCampaignSnapshot((snapshot) => snapshot.campaignId);
  const settled = useSettled(slug, SETTLED_MS);
  const isOther = settled === slug && slug !== campaignId && faultOfId(slug) === undefined;
  const other = trpc.campaign.get.useQuery({ campaignId: slug }, { enabled: isOther, retry: false, staleTime: 30_000 });
  const advice = isOther && other.data ? `This is the id of another campaign, “${other.data.state.title}”.` : undefined;
  return <TextField label="Slug" path={['slug']} value={slug} updates={(next) => ({ slug: next })} advice={advice} />;
}
