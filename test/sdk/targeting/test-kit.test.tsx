// @vitest-environment jsdom
import { QueryClient } from '@tanstack/react-query';
import { act, cleanup, render, screen } from '@testing-library/react';
import { afterEach, expect, test, vi } from 'vitest';
import { CampaignProvider, useCampaign } from '../../../client-sdk/src/react/index.ts';
import { useExperiment } from '../../../client-sdk/src/react/experiments/index.ts';
import { createTestCampaign } from '../../../client-sdk/src/testing/index.ts';
import { WAIT } from '../../support/wait.ts';

afterEach(cleanup);

const banner = (text: string) => ({ weight: 1, change: { merge: { ui_content: { banner: text } } } });

/** A document that an app's test would write by hand: ranges are data. */
const STATE = {
  slug: 'spring',
  title: 'Spring',
  ui_content: { banner: 'Hello' },
  segments: { lagos: { when: { city: 'Lagos' } } },
  rules: {
    greeting: {
      order: 1,
      status: 'running' as const,
      when: { $savedGroup: { id: 'lagos' } },
      unit: 'userId',
      seed: 's',
      hashVersion: 2 as const,
      phase: 1,
      coverage: 1,
      arms: { a: banner('Arm a'), b: banner('Arm b') },
      ranges: { a: [[0, 5_000]] as [number, number][], b: [[5_000, 10_000]] as [number, number][] },
    },
  },
};
const viewer = (userId: string, city = 'Lagos') => ({ attributes: { userId, city } });

function Page() {
  const text = useCampaign((state) => state.ui_content?.banner);
  const { arm, reason } = useExperiment('greeting');
  return <p>{`${text} ${arm} ${reason}`}</p>;
}

test('T347 the test kit plays cohorts: a page is tried as any viewer, by the rules of the document and as they change', async () => {
  const kit = createTestCampaign({ campaignId: 'spring', state: STATE, viewer: viewer('u-1', 'Abuja') });
  render(
    <CampaignProvider client={kit.client} queryClient={new QueryClient()} campaignId="spring">
      <Page />
    </CampaignProvider>,
  );
  await screen.findByText('Hello undefined undefined', undefined, WAIT);
  // Nothing of the rules is sent to who looks as somebody.
  expect(Object.keys(kit.client.campaign('spring').getSnapshot().state)).toEqual(['slug', 'title', 'ui_content']);

  act(() => kit.client.setViewer(viewer('u-1')));
  const { textContent: told } = await screen.findByText(/^Arm (a a|b b) SPLIT$/, undefined, WAIT);
  const arm = told?.includes('Arm a') ? 'a' : 'b';

  // A ramp down to the other arm alone, and what others write, reach the page as entries.
  const other = arm === 'a' ? 'b' : 'a';
  const { ranges: _ranges, ...rule } = STATE.rules.greeting;
  const only = { ...rule, arms: { [other]: rule.arms[other] } };
  await act(() => kit.client.trpc.campaign.updateRule.mutate({ campaignId: 'spring', key: 'greeting', rule: only }));
  await screen.findByText(`Arm ${other} ${other} TARGETING_MATCH`, undefined, WAIT);
  act(() => kit.push({ ui_content: { banner: 'For the others' }, title: 'Summer' }));
  await vi.waitFor(() => expect(kit.client.campaign('spring').getSnapshot().state.title).toBe('Summer'), WAIT);
  await screen.findByText(`Arm ${other} ${other} TARGETING_MATCH`, undefined, WAIT);

  const { client: guest } = kit.connect(viewer('u-2', 'Abuja'));
  const stop = guest.campaign('spring').subscribe(() => undefined);
  await vi.waitFor(
    () => expect(guest.campaign('spring').getSnapshot().state.ui_content?.banner).toBe('For the others'),
    WAIT,
  );
  expect(guest.campaign('spring').getSnapshot().assignments).toEqual({});
  kit.drop();
  kit.push({ title: 'Autumn' });
  kit.reconnect();
  await vi.waitFor(() => expect(kit.client.campaign('spring').getSnapshot().state.title).toBe('Autumn'), WAIT);
  await screen.findByText(`Arm ${other} ${other} TARGETING_MATCH`, undefined, WAIT);
  stop();
  guest.close();
  kit.client.close();
});
