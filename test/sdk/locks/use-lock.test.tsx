// @vitest-environment jsdom
import { cleanup, fireEvent, render, screen, waitFor } from '@testing-library/react';
import { QueryClient } from '@tanstack/react-query';
import { StrictMode, useEffect, useState } from 'react';
import { afterEach, expect, test } from 'vitest';
import { CampaignProvider } from '../../../client-sdk/src/react/index.ts';
import { lockInTheWay, watchLocks } from '../../../client-sdk/src/locks/index.ts';
import { useLock, useLockedBy } from '../../../client-sdk/src/react/locks/index.ts';
import { createTestCampaign } from '../../../client-sdk/src/testing/index.ts';
import { WAIT } from '../../support/wait.ts';

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
  const says = (text: string) => waitFor(() => expect(screen.getByText(text)).toBeTruthy(), WAIT);
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

function Fields() {
  const banner = useLockedBy(['ui_content', 'banner']);
  const title = useLockedBy(['title']);
  const { acquire } = useLock(['ui_content']);
  useEffect(() => {
    renders += 1;
  });
  return (
    <div>
      <p>{`banner ${banner?.holder ?? 'open'}, title ${title?.holder ?? 'open'}`}</p>
      <button onClick={() => void acquire()}>lock the section</button>
    </div>
  );
}

test('J59 useLockedBy tells a field who has locked it, with its section or alone; a lock of this page closes nothing', async () => {
  const kit = createTestCampaign();
  render(
    <CampaignProvider client={kit.client} queryClient={new QueryClient()} campaignId="test">
      <Fields />
    </CampaignProvider>,
  );
  const says = (text: string) => waitFor(() => expect(screen.getByText(text)).toBeTruthy(), WAIT);
  const release = kit.lock(['ui_content']);
  await says('banner other-user, title open');
  release();
  await says('banner open, title open');
  fireEvent.click(screen.getByText('lock the section'));
  const { client: other } = kit.connect();
  const locks = watchLocks(other, 'test');
  const stop = locks.subscribe(() => undefined);
  await waitFor(
    () => expect(locks.getSnapshot().locks).toMatchObject([{ path: ['ui_content'], mayTakeOver: true }]),
    WAIT,
  );
  // One page: its other clients hold it too.
  expect(lockInTheWay(locks.getSnapshot(), ['ui_content', 'cta'])).toBeUndefined();
  await says('banner open, title open');
  const before = renders;
  const more = kit.lock(['slug']);
  await waitFor(() => expect(locks.getSnapshot().locks).toHaveLength(2), WAIT);
  expect(renders).toBe(before);
  more();
  stop();
  other.close();
  kit.client.close();
});
