// @vitest-environment jsdom
import { cleanup, render, screen } from '@testing-library/react';
import { afterEach, expect, test } from 'vitest';
import { clientOf } from '../../../demo/src/connect-app/client-lines.ts';
import { AloneLink } from '../../../demo/src/ways/AloneLink.tsx';

afterEach(() => {
  cleanup();
  sessionStorage.clear();
});

test('D54 a window knows who opened it only where it needs a copy of the token', () => {
  const { unmount } = render(<AloneLink campaignId="spring">Open alone</AloneLink>);
  expect(screen.getByRole('link').getAttribute('rel')).toBe('noreferrer');
  unmount();
  sessionStorage.setItem('campaign-state-token', 'secret');
  render(<AloneLink campaignId="spring">Open alone</AloneLink>);
  expect(screen.getByRole('link').getAttribute('rel')).toBe('opener');
});

test('D47 lines that create a client ask for a token where this server does, in every place that shows them', () => {
  const server = { url: 'https://x.example', needsToken: true };
  expect(clientOf({ ...server, needsToken: false })).toBe("createCampaignClient({ url: 'https://x.example' })");
  expect(clientOf(server)).toBe("createCampaignClient({ url: 'https://x.example', token: () => getToken() })");
  expect(clientOf(server, ['tracking: { consent: true }'])).toBe(
    "createCampaignClient({\n  url: 'https://x.example',\n  token: () => getToken(),\n  tracking: { consent: true },\n})",
  );
});
