// @vitest-environment jsdom
import { OpenFeature } from '@openfeature/react-sdk';
import { act, cleanup, render, screen, waitFor } from '@testing-library/react';
import { hydrateRoot } from 'react-dom/client';
import { renderToString } from 'react-dom/server';
import { afterEach, expect, test, vi } from 'vitest';
// Node's own speaks in Node's events, which jsdom replaces.
import { WebSocket } from 'ws';
import { prefetchCampaign, type CampaignClient, type KeyValueStorage } from '../../../client-sdk/src/index.ts';
import { createOpenFeatureProvider } from '../../../client-sdk/src/openfeature/web.ts';
import { CampaignProvider, useCampaign } from '../../../client-sdk/src/react/index.ts';
import {
  useAssignments,
  useExperiment,
  useFeatureDetails,
  type ExperimentOptions,
} from '../../../client-sdk/src/react/experiments/index.ts';
import type { RuleInput } from '../../../server/core/document/targeting-fields.ts';
import { client, live, proxyOf, server, WAIT } from '../support/world.ts';

const COLOUR: RuleInput = {
  order: 1,
  status: 'running',
  unit: 'userId',
  when: { team: { $exists: true } },
  coverage: 1,
  arms: {
    red: { weight: 1, change: { merge: { theme: { accent: 'red' } } } },
    blue: { weight: 1, change: { merge: { theme: { accent: 'blue' } } } },
  },
};

const STAFF: RuleInput = {
  order: 2,
  status: 'running',
  unit: 'userId',
  when: { team: 'staff' },
  coverage: 1,
  arms: { on: { weight: 1, change: { features: { add: ['staff'] } } } },
};

afterEach(async () => {
  cleanup();
  await OpenFeature.close();
});

/** A campaign with two rules, and clients. Everybody is an admin, who sees what a viewer sees by naming it. */
async function targeted() {
  const wire = await proxyOf(await server());
  const { url } = wire;
  const editor = client(url, { WebSocket });
  for (const [key, rule] of [
    ['colour', COLOUR],
    ['staff', STAFF],
  ] as const)
    await editor.trpc.campaign.updateRule.mutate({ campaignId: 'spring', key, rule });
  const open = (options: Parameters<typeof client>[1] = {}) => client(url, { WebSocket, ...options });
  return { wire, editor, open };
}

const as = (userId: string, more: Record<string, string> = { team: 'guests' }) => ({ attributes: { userId, ...more } });

/** Two people who have different arms. */
async function twoPeople(open: (options: object) => CampaignClient): Promise<Record<'red' | 'blue', string>> {
  const found: Record<string, string> = {};
  const { trpc } = open({});
  for (let index = 0; found['red'] === undefined || found['blue'] === undefined; index += 1) {
    const { assignments } = await trpc.campaign.get.query({
      campaignId: 'spring',
      viewer: as(`user-${index}`),
    });
    const arm = assignments?.['colour']?.arm;
    if (arm !== undefined) found[arm] ??= `user-${index}`;
  }
  return { red: found['red'] ?? '', blue: found['blue'] ?? '' };
}

function Page({ hold }: ExperimentOptions) {
  const { arm, reason, isPending } = useExperiment('colour', { hold });
  const accent = useCampaign((state) => state.theme?.['accent']);
  const { isOn, variant } = useFeatureDetails('staff');
  const told = Object.keys(useAssignments()).join();
  return <p>{`${arm} ${reason} ${isPending} ${String(accent)} ${isOn} ${variant} [${told}]`}</p>;
}

function shown(): string | null | undefined {
  return document.querySelector('p')?.textContent;
}

test('T340 a client shows what its viewer sees; another viewer takes no new connection, and until it is known what that one sees nothing changes', async () => {
  const { open } = await targeted();
  const { red, blue } = await twoPeople(open);
  const app = open({ viewer: as(red) });
  const campaign = app.campaign('spring');
  await live(campaign);
  expect(campaign.getSnapshot()).toMatchObject({
    state: { theme: { accent: 'red' } },
    assignments: { colour: { arm: 'red', reason: 'SPLIT', phase: 1 } },
    isViewerPending: false,
  });
  const accents: unknown[] = [];
  const statuses = new Set<string>();
  campaign.subscribe(() => accents.push(campaign.getSnapshot().state.theme?.['accent']));
  app.connection.subscribe(() => statuses.add(app.connection.getSnapshot().status));

  app.setViewer(as(blue, { team: 'staff' }));
  expect(campaign.getSnapshot()).toMatchObject({ state: { theme: { accent: 'red' } }, isViewerPending: true });
  await vi.waitFor(() => expect(campaign.getSnapshot().isViewerPending).toBe(false), WAIT);
  expect(campaign.getSnapshot()).toMatchObject({
    state: { theme: { accent: 'blue' }, features: ['referral', 'staff'] },
    assignments: { colour: { arm: 'blue' }, staff: { arm: 'on', reason: 'TARGETING_MATCH' } },
  });
  // Never without an accent, and never back.
  expect([...new Set(accents)]).toEqual(['red', 'blue']);
  expect([...statuses]).toEqual([]);
});

test('T341 hooks give the arm, all assignments and the details of a feature, and follow the rule at once', async () => {
  const { open, editor } = await targeted();
  const { red } = await twoPeople(open);
  const app = open({ viewer: as(red, { team: 'staff' }) });
  render(
    <CampaignProvider client={app} campaignId="spring">
      <Page />
    </CampaignProvider>,
  );
  expect(shown()).toContain('undefined undefined true');
  await screen.findByText('red SPLIT false red true on [colour,staff]', {}, WAIT);
  await editor.trpc.campaign.updateRule.mutate({
    campaignId: 'spring',
    key: 'colour',
    rule: { ...COLOUR, status: 'paused' },
  });
  await screen.findByText('undefined undefined false undefined true on [staff]', {}, WAIT);
});

test('T342 an arm that is held stays while the page lives: over an edit of the rule, and over a login', async () => {
  const { open, editor } = await targeted();
  const { red, blue } = await twoPeople(open);
  const app = open({ viewer: as(red) });
  render(
    <CampaignProvider client={app} campaignId="spring">
      <Page hold="page" />
    </CampaignProvider>,
  );
  await screen.findByText(/^red SPLIT false red/, {}, WAIT);
  act(() => app.setViewer(as(blue)));
  await screen.findByText(/^red SPLIT false blue/, {}, WAIT);
  await editor.trpc.campaign.updateRule.mutate({ campaignId: 'spring', key: 'colour', rule: null });
  await screen.findByText(/^red SPLIT false undefined/, {}, WAIT);
});

test('T343 a page that was rendered for a viewer hydrates with the same arm, and shows no other until its stream is there', async () => {
  const { open } = await targeted();
  const { blue } = await twoPeople(open);
  const seed = await prefetchCampaign(open(), { viewer: as(blue) });
  expect(seed.assignments).toMatchObject({ colour: { arm: 'blue' } });
  const seeds = [JSON.parse(JSON.stringify(seed)) as typeof seed];
  const tree = (app: CampaignClient) => (
    <CampaignProvider client={app} campaignId="spring">
      <Page />
    </CampaignProvider>
  );
  const container = document.createElement('div');
  container.innerHTML = renderToString(tree(open({ seeds, viewer: as(blue) })));
  document.body.append(container);
  expect(container.textContent).toBe('blue SPLIT false blue false undefined [colour]');
  const texts = new Set<string | null>();
  const observer = new MutationObserver(() => texts.add(container.textContent));
  observer.observe(container, { childList: true, characterData: true, subtree: true });
  const app = open({ seeds, viewer: as(blue) });
  const root = await act(() => hydrateRoot(container, tree(app)));
  await waitFor(() => expect(app.connection.getSnapshot().status).toBe('connected'), WAIT);
  await vi.waitFor(() => expect(app.campaign('spring').getSnapshot().durableVersion).toBeGreaterThan(0), WAIT);
  expect([...texts]).toEqual([]);
  observer.disconnect();
  act(() => root.unmount());
  container.remove();
});

test('T344 what is kept on the device is kept for each viewer apart: a reload without a network shows nobody the arm of another', async () => {
  const { wire, open } = await targeted();
  const { red, blue } = await twoPeople(open);
  const kept = new Map<string, string>();
  const storage: KeyValueStorage = {
    getItem: async (key) => kept.get(key) ?? null,
    setItem: async (key, value) => void kept.set(key, value),
    removeItem: async (key) => void kept.delete(key),
    getAllKeys: async () => [...kept.keys()],
  };
  const first = open({ viewer: as(red), persist: true, storage });
  await live(first.campaign('spring'));
  await vi.waitFor(() => expect([...kept.values()].join()).toContain('"red"'), WAIT);
  first.close();

  wire.sever();
  const offline = { persist: true, storage };
  const again = open({ viewer: as(red), ...offline });
  const stop = again.campaign('spring').subscribe(() => {});
  await vi.waitFor(
    () =>
      expect(again.campaign('spring').getSnapshot()).toMatchObject({
        isStale: true,
        state: { theme: { accent: 'red' } },
        assignments: { colour: { arm: 'red' } },
      }),
    WAIT,
  );
  stop();
  const other = open({ viewer: as(blue), ...offline });
  other.campaign('autumn').subscribe(() => {});
  other.campaign('spring').subscribe(() => {});
  // It was asked for before the one that is there.
  const third = open({ viewer: as(red), ...offline });
  third.campaign('spring').subscribe(() => {});
  await vi.waitFor(() => expect(third.campaign('spring').getSnapshot().isStale).toBe(true), WAIT);
  expect(other.campaign('spring').getSnapshot()).toMatchObject({ position: undefined, assignments: {} });
});

test('T345 the context of OpenFeature is the viewer: another one takes no new connection, and flags have variants and reasons', async () => {
  const { open } = await targeted();
  const { red, blue } = await twoPeople(open);
  const app = open();
  await OpenFeature.setContext({ targetingKey: red, ...as(red).attributes });
  await OpenFeature.setProviderAndWait(createOpenFeatureProvider(app, 'spring'));
  const flags = OpenFeature.getClient();
  expect(flags.getStringDetails('colour', 'none')).toMatchObject({ value: 'red', variant: 'red', reason: 'SPLIT' });
  expect(flags.getStringDetails('theme.accent', 'none')).toMatchObject({ value: 'red', reason: 'TARGETING_MATCH' });
  expect(flags.getBooleanDetails('staff', true)).toMatchObject({ value: false, reason: 'DISABLED' });
  const statuses = new Set<string>();
  app.connection.subscribe(() => statuses.add(app.connection.getSnapshot().status));
  await OpenFeature.setContext({ targetingKey: blue, ...as(blue, { team: 'staff' }).attributes });
  expect(flags.getStringValue('colour', 'none')).toBe('blue');
  expect(flags.getBooleanDetails('staff', false)).toMatchObject({
    value: true,
    variant: 'on',
    reason: 'TARGETING_MATCH',
  });
  await OpenFeature.setContext({ team: 'guests' });
  expect(flags.getStringDetails('colour', 'none')).toMatchObject({ value: 'none', errorCode: 'FLAG_NOT_FOUND' });
  expect(flags.getBooleanDetails('colour', true)).toMatchObject({ value: false, reason: 'DEFAULT' });
  await OpenFeature.setContext({});
  expect(flags.getBooleanDetails('referral', false)).toMatchObject({ value: true, reason: 'STATIC' });
  expect([...statuses]).toEqual([]);
});
