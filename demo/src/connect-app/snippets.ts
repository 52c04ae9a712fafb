import { clientOf, type Server } from './client-lines.ts';

/** Where an app connects to, and to what. */
export interface Target extends Server {
  readonly campaignId: string;
}

/** The lines that connect an app of one kind. */
export interface Snippet {
  readonly name: string;
  /** What is installed before, where anything is. */
  readonly install?: string;
  readonly lines: (target: Target) => string;
}

export const SNIPPETS: readonly Snippet[] = [
  {
    name: 'React',
    install: 'npm install @campaign-state/client @tanstack/react-query',
    lines: (target) => `import { createCampaignClient } from '@campaign-state/client';
import { CampaignProvider, useCampaign } from '@campaign-state/client/react';

const client = ${clientOf(target)};

function Page() {
  const title = useCampaign((campaign) => campaign.title);
  return <h1>{title}</h1>;
}

export function App() {
  return (
    <CampaignProvider client={client} campaignId="${target.campaignId}">
      <Page />
    </CampaignProvider>
  );
}`,
  },
  {
    name: 'Vue',
    install: 'npm install @campaign-state/client',
    lines: (target) => `// main.ts
import { createCampaignClient } from '@campaign-state/client';
import { campaignKey } from '@campaign-state/client/vue';
import { createApp } from 'vue';
import App from './App.vue';

const client = ${clientOf(target)};
createApp(App).provide(campaignKey, { client, campaignId: '${target.campaignId}' }).mount('#app');

// App.vue
<script setup lang="ts">
import { useCampaign } from '@campaign-state/client/vue';

const title = useCampaign(({ state }) => state.title);
</script>

<template>
  <h1>{{ title }}</h1>
</template>`,
  },
  {
    name: 'Svelte',
    install: 'npm install @campaign-state/client',
    lines: (target) => `<script lang="ts">
  import { createCampaignClient } from '@campaign-state/client';
  import { campaignStore } from '@campaign-state/client/svelte';

  const client = ${clientOf(target)};
  const title = campaignStore(client.campaign('${target.campaignId}'), ({ state }) => state.title);
</script>

<h1>{$title}</h1>`,
  },
  {
    name: 'Node',
    install: 'npm install @campaign-state/client',
    lines: (target) => `import { createCampaignClient } from '@campaign-state/client';

const client = ${clientOf(target)};
const campaign = client.campaign('${target.campaignId}');
campaign.subscribe(() => console.log(campaign.getSnapshot().state.title));`,
  },
  {
    name: 'curl',
    lines: ({ url, campaignId, needsToken }) =>
      `curl -N -G ${needsToken ? '-H "authorization: Bearer $TOKEN" ' : ''}'${url}/trpc/campaign.watch' \\
  --data-urlencode 'input={"campaignId":"${campaignId}"}'`,
  },
  {
    name: 'OpenFeature',
    install: 'npm install @campaign-state/client @openfeature/web-sdk',
    lines: (target) => `import { OpenFeature } from '@openfeature/web-sdk';
import { createCampaignClient } from '@campaign-state/client';
import { createOpenFeatureProvider } from '@campaign-state/client/openfeature';

const client = ${clientOf(target)};
await OpenFeature.setProviderAndWait(createOpenFeatureProvider(client, '${target.campaignId}'));
OpenFeature.getClient().getBooleanValue('lead_form', false);`,
  },
];
