import { createCampaignClient } from '@campaign-state/client';
import { campaignKey, useCampaign, useCampaignHandle } from '@campaign-state/client/vue';
import { createApp, defineComponent, h } from 'vue';

/** Shows the banner and edits it: rendered again only when the banner or the sync state changes. */
const Banner = defineComponent(() => {
  const campaign = useCampaignHandle();
  const banner = useCampaign(({ state }) => state.ui_content?.banner ?? '');
  const saved = useCampaign(({ sync }) => sync.state);
  const edit = ({ target }: Event) => {
    if (target instanceof HTMLInputElement)
      void campaign.value.pacedUpdate({ ui_content: { banner: target.value } }, { wait: 300 });
  };
  return () => [
    h('h1', banner.value),
    h('input', { value: banner.value, onInput: edit, onBlur: () => campaign.value.flush() }),
    h('small', saved.value),
  ];
});

/** Mounts the app; returns how to unmount it. */
export function mountBannerApp(root: Element, url: string): () => void {
  const client = createCampaignClient({ url });
  const app = createApp(Banner);
  app.provide(campaignKey, { client, campaignId: undefined });
  app.mount(root);
  return () => {
    app.unmount();
    client.close();
  };
}
