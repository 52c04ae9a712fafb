import { createCampaignClient } from '@campaign-state/client';

/** A page without a framework: an element that shows the banner, an input that edits it, and the sync state. */
export function mountBanner(root: HTMLElement, url: string): () => void {
  const client = createCampaignClient({ url });
  const campaign = client.campaign();

  const heading = document.createElement('h1');
  const input = document.createElement('input');
  const saved = document.createElement('small');
  root.replaceChildren(heading, input, saved);

  input.addEventListener(
    'input',
    () => void campaign.pacedUpdate({ ui_content: { banner: input.value } }, { wait: 300 }),
  );
  input.addEventListener('blur', campaign.flush);

  function show(): void {
    const { state, sync } = campaign.getSnapshot();
    const banner = state.ui_content?.banner ?? '';
    heading.textContent = banner;
    if (input.value !== banner) input.value = banner;
    saved.textContent = sync.state;
  }
  const stop = campaign.subscribe(show);
  show();
  return () => {
    stop();
    client.close();
  };
}
