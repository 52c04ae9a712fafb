// @vitest-environment jsdom
import { act, cleanup, fireEvent, render, screen, waitFor } from '@testing-library/react';
import { Component, StrictMode, Suspense, useState, type ReactNode } from 'react';
import { afterEach, expect, test, vi } from 'vitest';
import { CampaignError } from '../../../client-sdk/src/index.ts';
import {
  shallowEqual,
  skipToken,
  useCampaign,
  useLostConnection,
  usePacedUpdate,
  useSuspenseCampaign,
  useUndo,
} from '../../../client-sdk/src/react/index.ts';
import { CampaignTestProvider, createTestCampaign } from '../../../client-sdk/src/testing/index.ts';
import { WAIT } from '../../support/wait.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  cleanup();
  vi.restoreAllMocks();
  for (const close of closing.splice(0).reverse()) await close();
});

class Boundary extends Component<{ children: ReactNode }, { error: unknown }> {
  override state: { error: unknown } = { error: undefined };
  static getDerivedStateFromError(error: unknown) {
    return { error };
  }
  override render() {
    const { error } = this.state;
    return error instanceof CampaignError ? <p>{`cannot: ${error.reason}`}</p> : this.props.children;
  }
}

test('K48 a component suspends until the first snapshot, and an error reaches the boundary', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const kit = createTestCampaign({ campaignId: 'spring', state: { slug: 'spring', title: 'Spring' } });
  closing.push(kit.client.close);
  function Title({ campaignId }: { campaignId?: string }) {
    const title: string = useSuspenseCampaign((state) => state.title, { campaignId });
    return <h1>{title}</h1>;
  }
  const { rerender } = render(
    <StrictMode>
      <CampaignTestProvider campaign={kit}>
        <Suspense fallback={<p>wait</p>}>
          <Title />
        </Suspense>
      </CampaignTestProvider>
    </StrictMode>,
  );
  expect(screen.getByText('wait')).toBeTruthy();
  await screen.findByText('Spring', undefined, WAIT);
  act(() => kit.push({ title: 'Summer' }));
  await screen.findByText('Summer', undefined, WAIT);

  rerender(
    <CampaignTestProvider campaign={kit}>
      <Boundary>
        <Suspense fallback={<p>wait</p>}>
          <Title campaignId="nowhere" />
        </Suspense>
      </Boundary>
    </CampaignTestProvider>,
  );
  await screen.findByText('cannot: NOT_FOUND', undefined, WAIT);
});

test('K49 undo, and paced updates that are sent when the component unmounts', async () => {
  const kit = createTestCampaign({ state: { slug: 's', title: 'A' } });
  closing.push(kit.client.close);
  function Field() {
    const title = useCampaign((state) => state.title);
    const { updateCampaign } = usePacedUpdate({ wait: 60_000 });
    return <input value={title ?? ''} onChange={(event) => void updateCampaign({ title: event.target.value })} />;
  }
  function Page() {
    const [open, setOpen] = useState(true);
    const { undo, redo, canUndo, canRedo } = useUndo();
    return (
      <>
        {open && <Field />}
        <button onClick={() => setOpen(false)}>close</button>
        <button disabled={!canUndo} onClick={undo}>
          undo
        </button>
        <button disabled={!canRedo} onClick={redo}>
          redo
        </button>
      </>
    );
  }
  render(
    <CampaignTestProvider campaign={kit}>
      <Page />
    </CampaignTestProvider>,
  );
  const input = await screen.findByDisplayValue<HTMLInputElement>('A', undefined, WAIT);
  for (const value of ['AB', 'ABC']) {
    fireEvent.change(input, { target: { value } });
    expect(input.value).toBe(value);
  }
  expect(kit.history()).toHaveLength(1);
  fireEvent.click(screen.getByText('close'));
  await waitFor(() => expect(kit.state().title).toBe('ABC'), WAIT);
  expect(kit.history()).toHaveLength(2);
  fireEvent.click(screen.getByText('undo'));
  await waitFor(() => expect(kit.state().title).toBe('A'), WAIT);
  expect(screen.getByText<HTMLButtonElement>('undo').disabled).toBe(true);
  fireEvent.click(screen.getByText('redo'));
  await waitFor(() => expect(kit.state().title).toBe('ABC'), WAIT);
});

test('K49 a lost connection is reported once, and its return once', async () => {
  const kit = createTestCampaign();
  closing.push(kit.client.close);
  const told: string[] = [];
  function Listener() {
    useLostConnection((event) => told.push(event), { afterMs: 20 });
    return null;
  }
  render(
    <CampaignTestProvider campaign={kit}>
      <Listener />
    </CampaignTestProvider>,
  );
  kit.drop();
  await waitFor(() => expect(told).toEqual(['lost']), WAIT);
  kit.reconnect();
  expect(told).toEqual(['lost', 'restored']);
});

test('K49 with skipToken nothing is subscribed to', async () => {
  const kit = createTestCampaign({ state: { slug: 's', title: 'A' } });
  closing.push(kit.client.close);
  function Title({ skip }: { skip: boolean }) {
    return <p>{`title: ${useCampaign(skip ? skipToken : (state) => state.title)}`}</p>;
  }
  const app = (skip: boolean) => (
    <CampaignTestProvider campaign={kit}>
      <Title skip={skip} />
    </CampaignTestProvider>
  );
  const { rerender } = render(app(true));
  await act(async () => undefined);
  expect(kit.client.campaign().getSnapshot().status).toBe('pending');
  expect(screen.getByText('title: undefined')).toBeTruthy();
  rerender(app(false));
  await screen.findByText('title: A', undefined, WAIT);
});

test('K40 with shallowEqual, a selector that makes an object renders when a member of it changes', async () => {
  const kit = createTestCampaign({ state: { slug: 'spring', title: 'Spring' } });
  closing.push(kit.client.close);
  let renders = 0;
  function Both() {
    renders += 1;
    const { title, status } = useCampaign((state) => ({ title: state.title, status: state.status }), {
      isEqual: shallowEqual,
    });
    return <p>{`${title} ${status}`}</p>;
  }
  render(
    <CampaignTestProvider campaign={kit}>
      <Both />
    </CampaignTestProvider>,
  );
  await screen.findByText('Spring undefined', undefined, WAIT);
  const before = renders;
  act(() => kit.push({ description: 'not shown' }));
  await waitFor(() => expect(kit.client.campaign().getSnapshot().version).toBe(2), WAIT);
  expect(renders).toBe(before);
  act(() => kit.push({ status: 'active' }));
  await screen.findByText('Spring active', undefined, WAIT);
});
