import { createCampaignClient } from '@campaign-state/client';

// A page that watches several campaigns; tracing adds headers of its own to every request, as its libraries do.
const parameters = new URLSearchParams(location.search);
const traced = globalThis.fetch;
globalThis.fetch = (address, init) => {
  const headers = new Headers(init?.headers);
  headers.set('traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01');
  headers.set('baggage', 'sentry-environment=production');
  headers.set('sentry-trace', '0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1');
  return traced(address, { ...init, headers });
};

const client = createCampaignClient({ url: parameters.get('server') ?? '/' });
const output = document.querySelector('output');
const list = document.querySelector('ul');
function showConnection(): void {
  const { status, reason = '' } = client.connection.getSnapshot();
  if (output) output.textContent = `${status} ${reason}`.trim();
}
client.connection.subscribe(showConnection);
showConnection();

for (const id of parameters.getAll('campaign')) {
  const campaign = client.campaign(id);
  const item = document.createElement('li');
  const input = document.createElement('input');
  input.ariaLabel = id;
  item.append(input);
  list?.append(item);
  campaign.subscribe(() => {
    const { title = '' } = campaign.getSnapshot().state;
    // What is being typed is not replaced.
    if (document.activeElement !== input && input.value !== title) input.value = title;
  });
  input.addEventListener('change', () => void campaign.update({ title: input.value }));
}
