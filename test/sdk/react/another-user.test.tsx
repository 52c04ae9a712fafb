// @vitest-environment jsdom
import { cleanup, render, screen } from '@testing-library/react';
import { afterEach, expect, test } from 'vitest';
import { CampaignProvider, useCampaignHistory } from '../../../client-sdk/src/react/index.ts';
import { createTestCampaign } from '../../../client-sdk/src/testing/index.ts';
import { later } from '../support/world.ts';

afterEach(cleanup);

/** What each render has shown, so that nothing is missed between two of them. */
const renders: string[] = [];

function History() {
  const { entries } = useCampaignHistory();
  const shown = entries.map(({ comment = '' }) => comment).join();
  renders.push(shown);
  return <p>{`history: ${shown}`}</p>;
}

test('K240 after a change of the client, no render shows what the former one was answered', async () => {
  const kits = await Promise.all(
    ['anna', 'ben'].map(async (user) => {
      const kit = createTestCampaign();
      later(kit.client.close);
      await kit.client.campaign().update({ title: user }, { comment: `by ${user}` });
      return kit;
    }),
  );
  const [hers, his] = kits.map(({ client }) => (
    <CampaignProvider key="provider" client={client}>
      <History />
    </CampaignProvider>
  ));
  const { rerender } = render(hers);
  await screen.findByText(/by anna/, undefined, { timeout: 20_000 });
  await kits[0]?.client.forget();
  const before = renders.length;
  rerender(his);
  await screen.findByText(/by ben/, undefined, { timeout: 20_000 });
  expect(renders.slice(before).filter((shown) => shown.includes('anna'))).toEqual([]);
});
