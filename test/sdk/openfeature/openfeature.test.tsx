// @vitest-environment jsdom
import { OpenFeature as ServerOpenFeature, ProviderEvents as ServerProviderEvents } from '@openfeature/server-sdk';
import {
  OpenFeature,
  OpenFeatureProvider,
  ProviderEvents,
  useBooleanFlagValue,
  useStringFlagValue,
} from '@openfeature/react-sdk';
import { act, cleanup, render, screen, waitFor } from '@testing-library/react';
import { afterEach, expect, test, vi } from 'vitest';
import { createCampaignClient } from '../../../client-sdk/src/index.ts';
import { createOpenFeatureProvider as createServerProvider } from '../../../client-sdk/src/openfeature/server.ts';
import { createOpenFeatureProvider } from '../../../client-sdk/src/openfeature/web.ts';
import { createTestCampaign } from '../../../client-sdk/src/testing/index.ts';
import { WAIT } from '../../support/wait.ts';

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
  await screen.findByText('leaderboard: true', undefined, WAIT);
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
    () => expect(changed).toHaveBeenCalledWith(expect.objectContaining({ flagsChanged: ['theme', 'theme.accent'] })),
    WAIT,
  );
  expect(await flags.getStringValue('theme.accent', 'blue')).toBe('green');
});

test('K272 in React a flag with a path renders again when its value changes, and no other', async () => {
  const kit = campaign();
  await OpenFeature.setProviderAndWait(createOpenFeatureProvider(kit.client));
  const renders = { accent: 0, banner: 0 };
  function Accent() {
    renders.accent += 1;
    return <p>{`accent: ${useStringFlagValue('theme.accent', '')}`}</p>;
  }
  function Banner() {
    renders.banner += 1;
    return <p>{`banner: ${useStringFlagValue('ui_content.banner', '')}`}</p>;
  }
  render(
    <OpenFeatureProvider>
      <Accent />
      <Banner />
    </OpenFeatureProvider>,
  );
  await screen.findByText('accent: red', undefined, WAIT);
  const { banner } = renders;
  act(() => kit.push({ theme: { accent: 'green' } }));
  await waitFor(() => expect(screen.getByText('accent: green')).toBeTruthy(), WAIT);
  expect(renders.banner).toBe(banner);
});

test('K273 after an error the provider is READY again when the campaign can be read', async () => {
  const kit = campaign();
  const seen: string[] = [];
  OpenFeature.addHandler(ProviderEvents.Ready, () => void seen.push('ready'));
  OpenFeature.addHandler(ProviderEvents.Error, () => void seen.push('error'));
  const source = kit.client.campaign();
  let failing = false;
  const flaky = {
    ...kit.client,
    campaign: () => ({
      ...source,
      getSnapshot: () => (failing ? { ...source.getSnapshot(), status: 'error' as const } : source.getSnapshot()),
    }),
  };
  await OpenFeature.setProviderAndWait(createOpenFeatureProvider(flaky));
  await vi.waitFor(() => expect(seen.at(-1)).toBe('ready'), WAIT);
  seen.length = 0;
  failing = true;
  kit.push({ title: 'One' });
  await vi.waitFor(() => expect(seen).toEqual(['error']), WAIT);
  expect(OpenFeature.getClient().providerStatus).toBe('ERROR');
  failing = false;
  kit.push({ title: 'Two' });
  await vi.waitFor(() => expect(seen).toEqual(['error', 'ready']), WAIT);
  expect(OpenFeature.getClient().providerStatus).toBe('READY');
});

test('K274 names with dots of their own are reachable', async () => {
  const kit = createTestCampaign({
    state: {
      slug: 's',
      title: 'S',
      features: ['Feature.UTF-8.😊'],
      'a.b': 'top',
      custom: { 'editor.background': '#2e3440', editor: { size: 12 } },
    },
  });
  await OpenFeature.setProviderAndWait(createOpenFeatureProvider(kit.client));
  const flags = OpenFeature.getClient();
  expect(flags.getBooleanValue('Feature.UTF-8.😊', false)).toBe(true);
  expect(flags.getStringValue('a.b', '')).toBe('top');
  expect(flags.getStringValue('custom.editor.background', '')).toBe('#2e3440');
  expect(flags.getNumberValue('custom.editor.size', 0)).toBe(12);
});

test('K275 a provider whose server is away or whose client is closed is an ERROR, and not waited for without end', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    const made = createCampaignClient({ url: 'http://127.0.0.1:9' });
    const setting = OpenFeature.setProviderAndWait(createOpenFeatureProvider(made, 'spring'));
    const outcome = setting.then(
      () => 'ready',
      (error: Error) => error.message,
    );
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await outcome).toContain('could not be read within 10 s');
    expect(OpenFeature.getClient().providerStatus).toBe('ERROR');
    made.close();
    await expect(OpenFeature.setProviderAndWait(createOpenFeatureProvider(made, 'spring'))).rejects.toThrow('closed');
  } finally {
    vi.useRealTimers();
  }
});
