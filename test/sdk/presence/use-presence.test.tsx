// @vitest-environment jsdom
import { cleanup, render, screen, waitFor } from '@testing-library/react';
import { QueryClient } from '@tanstack/react-query';
import { memo, useEffect } from 'react';
import { afterEach, expect, test } from 'vitest';
import { CampaignProvider } from '../../../client-sdk/src/react/index.ts';
import { useFieldPresence, useOthers, usePresence, useViewers } from '../../../client-sdk/src/react/presence/index.ts';
import { createTestCampaign } from '../../../client-sdk/src/testing/index.ts';
import { WAIT } from '../../support/wait.ts';

afterEach(cleanup);

let renders = 0;

const Field = memo(function Field() {
  const here = useFieldPresence(['ui_content']);
  useEffect(() => {
    renders += 1;
  });
  return <p>at the content: {here.map(({ id }) => id).join() || 'nobody'}</p>;
});

function Page() {
  const { members = [], setPresence } = usePresence();
  const others = useOthers((them) => them.length);
  const viewers = useViewers();
  useEffect(() => setPresence({ focus: ['title'] }), [setPresence]);
  return (
    <div>
      <p>here: {members.map(({ id, focus }) => `${id} ${focus?.join('.') ?? '-'}`).join()}</p>
      <p>others: {others}</p>
      <p>viewers: {viewers}</p>
      <Field />
    </div>
  );
}

test('J92 the hooks of presence tell who is here, the others, who is at a field, and how many watch, on change only', async () => {
  const kit = createTestCampaign();
  render(
    <CampaignProvider client={kit.client} queryClient={new QueryClient()} campaignId="test">
      <Page />
    </CampaignProvider>,
  );
  const says = (text: RegExp) => waitFor(() => expect(screen.getByText(text)).toBeTruthy(), WAIT);
  await says(/here: tester title$/);
  await says(/others: 0/);
  const bob = kit.join({ focus: ['ui_content', 'banner'] }, 'bob');
  await says(/at the content: bob/);
  await says(/others: 1/);
  const before = renders;
  const eve = kit.join({ focus: ['title'] }, 'eve');
  await says(/others: 2/);
  bob.leave();
  eve.leave();
  await says(/at the content: nobody/);
  expect(renders).toBe(before + 1);
  await says(/others: 0/);
  kit.client.close();
});
