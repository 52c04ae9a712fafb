// @vitest-environment jsdom
import { cleanup, fireEvent, render, screen, waitFor } from '@testing-library/react';
import { QueryClient } from '@tanstack/react-query';
import { StrictMode, useEffect, useState } from 'react';
import { afterEach, expect, test } from 'vitest';
import { CampaignProvider } from '../../../client-sdk/src/react/index.ts';
import { useLock } from '../../../client-sdk/src/react/locks/index.ts';
import { createTestCampaign } from '../../../client-sdk/src/testing/index.ts';

afterEach(cleanup);

let renders = 0;

function Editor({ path }: { readonly path: readonly string[] }) {
  useEffect(() => {
    renders += 1;
  });
  const { state, holder, error, acquire, steal } = useLock(path, { ttl: 10_000 });
  return (
    <div>
      <p>{`${state} ${holder ?? 'nobody'} ${error?.reason ?? 'no error'}`}</p>
      <button onClick={() => void acquire()}>edit</button>
      <button onClick={() => void steal()}>take over</button>
    </div>
  );
}

function Page() {
  const [isOpen, setOpen] = useState(true);
  return (
    <div>
      <button onClick={() => setOpen(false)}>close</button>
      {isOpen && <Editor path={['title']} />}
    </div>
  );
}

test('J57 useLock renders on change only, takes a lock over, and releases it when its component goes', async () => {
  const kit = createTestCampaign();
  render(
    <StrictMode>
      <CampaignProvider client={kit.client} queryClient={new QueryClient()} campaignId="test">
        <Page />
      </CampaignProvider>
    </StrictMode>,
  );
  const says = (text: string) => waitFor(() => expect(screen.getByText(text)).toBeTruthy());
  await says('free nobody no error');
  const release = kit.lock(['title']);
  await says('theirs other-user no error');
  fireEvent.click(screen.getByText('edit'));
  await says('theirs other-user LOCKED');
  fireEvent.click(screen.getByText('take over'));
  await says('mine tester no error');
  release();
  const before = renders;
  kit.push({ slug: 'another' });
  await kit.client.campaign('test').update({ title: 'Mine' });
  expect(renders).toBe(before);
  fireEvent.click(screen.getByText('close'));
  const { client: other } = kit.connect();
  await (await other.campaign('test').lock(['title'], { wait: true })).release();
  other.close();
  kit.client.close();
});
