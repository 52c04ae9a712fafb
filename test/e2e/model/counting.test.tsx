// @vitest-environment jsdom
import { act, cleanup, fireEvent, render, screen } from '@testing-library/react';
import { afterEach, expect, test, vi } from 'vitest';
import * as analytics from '@campaign-state/client/analytics';
import { createTestCampaign } from '@campaign-state/client/testing';
import { Counting } from '../../../demo/src/audience/Counting.tsx';
import { WAIT } from '../../support/wait.ts';

const CONSENT = 'campaign-state-consent';
const started = vi.hoisted(() => vi.fn<(client: unknown, options: { consent: boolean }) => void>());

vi.mock('@campaign-state/client/analytics', async (original) => {
  const code = await original<typeof analytics>();
  const startTracking: typeof code.startTracking = (client, options) => {
    started(client, { consent: options?.consent !== false });
    return code.startTracking(client, options);
  };
  return { ...code, startTracking };
});

afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
  localStorage.clear();
});

test('D151 a tab writes what is decided in it, and nothing that it hears; a refusal that it hears it does not tell again', async () => {
  const { client } = createTestCampaign({ campaignId: 'spring' });
  const campaign = client.campaign('spring');
  campaign.subscribe(() => undefined);
  await vi.waitFor(() => expect(campaign.getSnapshot().position).toBeDefined(), WAIT);
  const write = vi.spyOn(Storage.prototype, 'setItem');
  render(<Counting client={client} campaign={campaign.getSnapshot()} />);
  fireEvent.click(screen.getByRole('button', { name: 'Yes, count me' }));
  await vi.waitFor(() => expect(started.mock.calls.map(([, { consent }]) => consent)).toEqual([true]), WAIT);
  expect(write.mock.calls).toEqual([[CONSENT, 'given']]);

  const hear = (decision: string): void => {
    localStorage.setItem(CONSENT, decision);
    write.mockClear();
    started.mockClear();
    act(() => void dispatchEvent(new StorageEvent('storage', { key: CONSENT })));
  };
  hear('refused');
  await screen.findByText('You are not counted.', undefined, WAIT);
  await vi.dynamicImportSettled();
  expect([write.mock.calls, started.mock.calls]).toEqual([[], []]);
  hear('given');
  await screen.findByText('You are counted.', undefined, WAIT);
  await vi.waitFor(() => expect(started.mock.calls.map(([, { consent }]) => consent)).toEqual([true]), WAIT);
  expect(write).not.toHaveBeenCalled();

  fireEvent.click(screen.getByRole('button', { name: 'Stop that' }));
  await screen.findByText('You are not counted.', undefined, WAIT);
  await vi.waitFor(() => expect(started.mock.calls.map(([, { consent }]) => consent)).toEqual([true, false]), WAIT);
  expect(write.mock.calls).toEqual([[CONSENT, 'refused']]);
});
