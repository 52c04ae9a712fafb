import { createCampaignClient, type Campaign, type CampaignSnapshot } from '@campaign-state/client';
import { createApp, defineComponent, h, onScopeDispose, shallowRef, type ShallowRef } from 'vue';

/** A campaign's snapshot as a ref. Equal parts of two snapshots are the same objects, so that `computed` stops there. */
export function useCampaign(campaign: Campaign): Readonly<ShallowRef<CampaignSnapshot>> {
  const snapshot = shallowRef(campaign.getSnapshot());
  onScopeDispose(campaign.subscribe(() => (snapshot.value = campaign.getSnapshot())));
  return snapshot;
}

/** An app that shows the banner and edits it; returns how to unmount it. */
export function mountBannerApp(root: Element, url: string): () => void {
  const client = createCampaignClient({ url });
  const campaign = client.campaign();

  const Banner = defineComponent(() => {
    const snapshot = useCampaign(campaign);
    const edit = ({ target }: Event) => {
      if (target instanceof HTMLInputElement)
        void campaign.pacedUpdate({ ui_content: { banner: target.value } }, { wait: 300 });
    };
    return () => {
      const { state, sync } = snapshot.value;
      const banner = state.ui_content?.banner ?? '';
      return [
        h('h1', banner),
        h('input', { value: banner, onInput: edit, onBlur: campaign.flush }),
        h('small', sync.state),
      ];
    };
  });

  const app = createApp(Banner);
  app.mount(root);
  return () => {
    app.unmount();
    client.close();
  };
}
