// @vitest-environment jsdom
import { OpenFeature as ServerOpenFeature, ProviderEvents as ServerProviderEvents } from '@openfeature/server-sdk';
import { OpenFeature, OpenFeatureProvider, ProviderEvents, useBooleanFlagValue } from '@openfeature/react-sdk';
import { act, cleanup, render, screen, waitFor } from '@testing-library/react';
import { afterEach, expect, test, vi } from 'vitest';
import { createOpenFeatureProvider as createServerProvider } from '../../../client-sdk/src/openfeature/server.ts';
import { createOpenFeatureProvider } from '../../../client-sdk/src/openfeature/web.ts';
import { createTestCampaign } from '../../../client-sdk/src/testing/index.ts';

const WAIT = { timeout: 20_000, interval: 10 };
const STATE = {
  slug: 'spring',
  title: 'Spring',
  features: ['leaderboard'],
  broadcast_enabled: true,
  theme: { accent: 'red', columns: 3 },
  ui_content: { banner: 'Hello' },
};

afterEach(async () => {
  cleanup();
  await OpenFeature.close();
  await ServerOpenFeature.close();
});

function campaign() {
  return createTestCampaign({ campaignId: 'spring', state: structuredClone(STATE) });
}

test('K55 typed getters read features and paths of the document', async () => {
  const kit = campaign();
  await OpenFeature.setProviderAndWait(createOpenFeatureProvider(kit.client));
  const flags = OpenFeature.getClient();
  expect(flags.getBooleanDetails('leaderboard', false)).toMatchObject({
    value: true,
    reason: 'STATIC',
    flagMetadata: { campaignId: 'spring', version: 1 },
  });
  expect(flags.getBooleanDetails('polls', true)).toMatchObject({ value: false, reason: 'DISABLED' });
  expect(flags.getBooleanValue('broadcast_enabled', false)).toBe(true);
  expect(flags.getStringValue('theme.accent', 'blue')).toBe('red');
  expect(flags.getNumberValue('theme.columns', 1)).toBe(3);
  expect(flags.getObjectValue('ui_content', {})).toEqual({ banner: 'Hello' });
  expect(flags.getStringDetails('theme.nothing', 'blue')).toMatchObject({
    value: 'blue',
    reason: 'ERROR',
    errorCode: 'FLAG_NOT_FOUND',
  });
  expect(flags.getNumberDetails('theme.accent', 1)).toMatchObject({
    value: 1,
    reason: 'ERROR',
    errorCode: 'TYPE_MISMATCH',
  });
  expect(flags.getBooleanDetails('theme.accent', true)).toMatchObject({ value: true, errorCode: 'TYPE_MISMATCH' });
  expect(flags.getStringDetails('constructor.name', 'x')).toMatchObject({ errorCode: 'FLAG_NOT_FOUND' });
});

test('K56 events follow the stream and the link', async () => {
  const kit = campaign();
  const seen: string[] = [];
  for (const event of [ProviderEvents.Ready, ProviderEvents.Stale, ProviderEvents.Error] as const)
    OpenFeature.addHandler(event, () => void seen.push(event));
  OpenFeature.addHandler(
    ProviderEvents.ConfigurationChanged,
    (details) => void seen.push(`changed ${JSON.stringify(details?.flagsChanged)}`),
  );
  await OpenFeature.setProviderAndWait(createOpenFeatureProvider(kit.client, 'spring'));
  await vi.waitFor(() => expect(seen.at(-1)).toBe(ProviderEvents.Ready), WAIT);
  seen.length = 0;

  kit.push({ features: ['polls'] });
  await vi.waitFor(() => expect(seen).toEqual(['changed ["leaderboard","polls","features"]']), WAIT);
  expect(OpenFeature.getClient().getBooleanValue('leaderboard', true)).toBe(false);
  kit.drop();
  await vi.waitFor(() => expect(seen.at(-1)).toBe(ProviderEvents.Stale), WAIT);
  expect(OpenFeature.getClient().getBooleanDetails('polls', false)).toMatchObject({ value: true, reason: 'STALE' });
  kit.reconnect();
  await vi.waitFor(() => expect(seen.at(-1)).toBe(ProviderEvents.Ready), WAIT);
  expect(OpenFeature.getClient().getBooleanDetails('polls', false)).toMatchObject({ value: true, reason: 'STATIC' });
});

test('K56 a campaign that cannot be read is an error', async () => {
  const kit = campaign();
  await expect(OpenFeature.setProviderAndWait(createOpenFeatureProvider(kit.client, 'nowhere'))).rejects.toMatchObject({
    reason: 'NOT_FOUND',
  });
  expect(OpenFeature.getClient().providerStatus).toBe('ERROR');
});

test('K55 K56 React renders the flags of the live stream', async () => {
  const kit = campaign();
  await OpenFeature.setProviderAndWait(createOpenFeatureProvider(kit.client));
  function Board() {
    return <p>{`leaderboard: ${useBooleanFlagValue('leaderboard', false)}`}</p>;
  }
  render(
    <OpenFeatureProvider>
      <Board />
    </OpenFeatureProvider>,
  );
  await screen.findByText('leaderboard: true');
  act(() => kit.push({ features: [] }));
  await waitFor(() => expect(screen.getByText('leaderboard: false')).toBeTruthy(), WAIT);
});

test('K55 K56 the same in Node', async () => {
  const kit = campaign();
  const changed = vi.fn();
  await ServerOpenFeature.setProviderAndWait(createServerProvider(kit.client));
  const flags = ServerOpenFeature.getClient();
  flags.addHandler(ServerProviderEvents.ConfigurationChanged, changed);
  expect(await flags.getBooleanValue('leaderboard', false)).toBe(true);
  expect(await flags.getStringDetails('theme.accent', 'blue')).toMatchObject({ value: 'red', reason: 'STATIC' });
  expect(await flags.getObjectDetails('title', {})).toMatchObject({ value: {}, errorCode: 'TYPE_MISMATCH' });
  kit.push({ theme: { accent: 'green' } });
  await vi.waitFor(
    () => expect(changed).toHaveBeenCalledWith(expect.objectContaining({ flagsChanged: ['theme'] })),
    WAIT,
  );
  expect(await flags.getStringValue('theme.accent', 'blue')).toBe('green');
});
