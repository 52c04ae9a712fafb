// @vitest-environment jsdom
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cleanup, fireEvent, render, screen, waitFor } from '@testing-library/react';
import { CampaignProvider } from '@campaign-state/client/react';
import { afterEach, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { Shop } from '../../../client-sdk/examples/typed-sections/app.tsx';
import { startShopServer } from '../../../client-sdk/examples/typed-sections/server.ts';
import { createLogger } from '../../../server/index.ts';
import { client, later, WAIT } from '../support/world.ts';

// Node's own does not get on with jsdom's events.
vi.stubGlobal('WebSocket', WebSocket);
afterEach(cleanup);

const STATE = {
  slug: 'shop',
  title: 'Shop',
  features: ['referral'],
  ui_content: { banner: 'Hello' },
  commerce: { enabled: true, currency: 'EUR' },
};

test('K19 K65 one file narrows what the app may say and what the server takes', async () => {
  const { url, close } = await startShopServer({
    port: 0,
    logger: createLogger('silent'),
    campaigns: [{ campaignId: 'shop', state: STATE }],
  });
  later(close);
  const made = client(url);
  render(
    <CampaignProvider client={made}>
      <Shop />
    </CampaignProvider>,
  );
  await screen.findByText(/EUR without polls/, undefined, WAIT);
  for (const name of ['Ask', 'Mark as new', 'Sell in dollars']) fireEvent.click(screen.getByText(name));
  await screen.findByText('New USD with polls', undefined, WAIT);
  const campaign = made.campaign();
  await waitFor(() => expect(campaign.getSnapshot().sync.pendingCount).toBe(0), WAIT);

  // What the types refuse, the server refuses of whoever has none: word by word the same file.
  const wrong = (updates: object) => campaign.update(updates);
  await expect(wrong({ features: ['pols'] })).rejects.toMatchObject({ reason: 'INVALID', path: ['features', 0] });
  await expect(wrong({ commerce: { currency: 'GBP' } })).rejects.toMatchObject({
    reason: 'INVALID',
    path: ['commerce', 'currency'],
  });
  await expect(wrong({ ui_content: { banner: 'x'.repeat(81) } })).rejects.toMatchObject({
    reason: 'TOO_LARGE',
    limit: 80,
  });
  expect(campaign.getSnapshot().state).toMatchObject({
    features: ['referral', 'polls'],
    commerce: { enabled: true, currency: 'USD' },
  });
});

test('K19 features, sections and paths are typed, and others do not compile', async () => {
  const tsc = join(import.meta.dirname, '../../../node_modules/.bin/tsc');
  await promisify(execFile)(tsc, ['--noEmit', '-p', import.meta.dirname]).catch(({ stdout }: { stdout: string }) =>
    expect.fail(stdout),
  );
});
