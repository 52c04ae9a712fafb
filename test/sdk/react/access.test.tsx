// @vitest-environment jsdom
import { TextEncoder } from 'node:util';
import { cleanup, render, screen, waitFor } from '@testing-library/react';
import { afterEach, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { createCampaignClient } from '../../../client-sdk/src/index.ts';
import { CampaignProvider, useAccess } from '../../../client-sdk/src/react/index.ts';
import { startServer } from '../support/server.ts';
import { SECRET, token } from '../support/token.ts';

// The server runs in this realm, and its tokens take Node's own bytes, which jsdom replaces.
vi.stubGlobal('Uint8Array', Object.getPrototypeOf(Buffer));
vi.stubGlobal('TextEncoder', TextEncoder);

const closing: (() => unknown)[] = [];
afterEach(async () => {
  cleanup();
  for (const close of closing.splice(0).reverse()) await close();
});

function Access() {
  const { role, mayEdit, mayRead, mayWrite } = useAccess({ campaignId: 'spring' });
  const fields = ['title', 'scripts', 'commerce'].map(
    (field) => `${field}:${mayRead(field) ? 'r' : '-'}${mayWrite(field) ? 'w' : '-'}`,
  );
  return <p>{[role ?? 'unknown', String(mayEdit), ...fields].join(' ')}</p>;
}

test('K282 useAccess follows the rights by field, also after another token is in force', async () => {
  const { url, close } = await startServer({
    auth: { kind: 'secret', secret: SECRET },
    rights: { scripts: { write: 'admin' }, commerce: { read: 'editor' } },
  });
  closing.push(close);
  // With the WebSocket of `ws`: Node's own speaks in Node's events, which jsdom replaces.
  const client = createCampaignClient({ url, WebSocket, token: await token('viewer') });
  closing.push(client.close);
  render(
    <CampaignProvider client={client}>
      <Access />
    </CampaignProvider>,
  );
  // Nothing is forbidden before the server has said so.
  expect(screen.getByText('unknown true title:rw scripts:rw commerce:rw')).toBeTruthy();
  const shown = (text: string) => waitFor(() => expect(screen.getByText(text)).toBeTruthy(), { timeout: 20_000 });
  await shown('viewer false title:r- scripts:r- commerce:--');
  await client.authenticate(await token('editor'));
  await shown('editor true title:rw scripts:r- commerce:rw');
  await client.authenticate(await token('admin'));
  await shown('admin true title:rw scripts:rw commerce:rw');
});
