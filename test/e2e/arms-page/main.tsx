import { createRoot, hydrateRoot } from 'react-dom/client';
import { createCampaignClient, type CampaignSeed, type Viewer } from '@campaign-state/client';
import { ArmsPage } from './page.tsx';

const KEPT = 'viewer';
const server = new URLSearchParams(location.search).get('server');
const root = document.getElementById('root');
if (server === null || !root) throw new Error('This page needs ?server=');

/** What the rendered page brought; nothing where only the shell was kept. */
const rendered = document.getElementById('seed')?.textContent;
const seeds: CampaignSeed[] = rendered === undefined ? [] : [JSON.parse(rendered)];
const viewer: Viewer = JSON.parse(localStorage.getItem(KEPT) ?? '{"attributes":{"deviceId":"d-1"}}');
const client = createCampaignClient({ url: server, viewer, seeds, persist: true });
const page = (
  <ArmsPage
    client={client}
    logIn={(next) => {
      localStorage.setItem(KEPT, JSON.stringify(next));
      client.setViewer(next);
    }}
  />
);
if (seeds.length > 0) hydrateRoot(root, page);
else createRoot(root).render(page);
