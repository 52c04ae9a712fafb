// @vitest-environment jsdom
import { OpenFeature } from '@openfeature/react-sdk';
import { cleanup, render, screen, waitFor } from '@testing-library/react';
import { StrictMode } from 'react';
import { afterEach, expect, test, vi } from 'vitest';
import type { CampaignClient } from '../../../client-sdk/src/index.ts';
import { createOpenFeatureProvider } from '../../../client-sdk/src/openfeature/web.ts';
import { useExperiment, useTrack } from '../../../client-sdk/src/react/experiments/index.ts';
import { CampaignProvider } from '../../../client-sdk/src/react/index.ts';
import { WAIT } from '../support/world.ts';
import { DEVICE, LOGGED_IN, measured, storage, tracked } from './measured.ts';

afterEach(async () => {
  cleanup();
  await OpenFeature.close();
});

function Page() {
  const { arm } = useExperiment('colour');
  const track = useTrack();
  return (
    <button data-testid="arm" onClick={() => track('paid', { value: 19.9 })}>
      {arm ?? '-'}
    </button>
  );
}

function show(made: CampaignClient): () => void {
  const { unmount } = render(
    <StrictMode>
      <CampaignProvider client={made} campaignId="spring">
        <Page />
      </CampaignProvider>
    </StrictMode>,
  );
  return unmount;
}

const shown = () => waitFor(() => expect(screen.getByTestId('arm').textContent).not.toBe('-'), WAIT);

test('E40 two pages, a reload and a login are one person with one exposure, told by the hook itself', async () => {
  const { page, counted, told } = await measured();
  const first = page();
  const tracking = tracked(first);
  const leave = show(first);
  await shown();
  screen.getByTestId('arm').click();
  await tracking.flush();
  await vi.waitFor(async () => expect(await counted()).toMatchObject({ units: 1, revenue: 19.9 }), WAIT);
  leave();
  // Again on the same page, on another one, and after a login.
  show(first)();
  await tracking.flush();
  const exposures = told.join().split('"exposure"').length - 1;
  expect(exposures).toBe(1);
  for (const viewer of [DEVICE, LOGGED_IN]) {
    const other = page(viewer);
    const tracks = tracked(other);
    const goes = show(other);
    await shown();
    await tracks.flush();
    goes();
  }
  await tracking.flush();
  expect(await counted()).toEqual({ units: 1, unverified: 0, leads: 0, revenue: 19.9 });
});

test('E41 events wait for the network, over a reload too, and count once if two pages send them', async () => {
  const { wire, page, counted } = await measured();
  const kept = storage();
  const before = page();
  const tracking = tracked(before, { storage: kept });
  const stop = before.campaign('spring').subscribe(() => undefined);
  await vi.waitFor(() => expect(before.campaign('spring').getSnapshot().position).toBeDefined(), WAIT);
  wire.sever();
  tracking.expose('colour', 'spring');
  tracking.track('lead', { campaignId: 'spring' });
  await tracking.flush();
  await vi.waitFor(() => expect(kept.kept.size).toBe(1), WAIT);
  // The page is loaded again while the old one still lives.
  const after = page();
  tracked(after, { storage: kept });
  wire.restore();
  await vi.waitFor(() => expect(kept.kept.size).toBe(0), WAIT);
  await tracking.flush();
  await vi.waitFor(async () => expect(await counted()).toMatchObject({ units: 1, leads: 1 }), WAIT);
  stop();
});

test('E42 without consent nothing is sent or stored, and what was not sent is forgotten with it', async () => {
  const { page, counted, told } = await measured();
  const kept = storage();
  const made = page();
  const tracking = tracked(made, { storage: kept, consent: false });
  show(made);
  await shown();
  tracking.track('lead', { campaignId: 'spring' });
  await tracking.flush();
  expect(kept.kept.size).toBe(0);
  tracking.setConsent(true);
  tracking.track('lead', { campaignId: 'spring' });
  tracking.setConsent(false);
  await tracking.flush();
  await vi.waitFor(() => expect(kept.kept.size).toBe(0), WAIT);
  expect(told).toEqual([]);
  tracking.setConsent(true);
  tracking.expose('colour', 'spring');
  await tracking.flush();
  expect(await counted()).toMatchObject({ units: 1, leads: 0 });
});

test('E43 OpenFeature’s track tells a goal with its value', async () => {
  const { page, counted } = await measured();
  const made = page();
  const tracking = tracked(made);
  await OpenFeature.setProviderAndWait(createOpenFeatureProvider(made, 'spring'), DEVICE.attributes);
  tracking.expose('colour', 'spring');
  OpenFeature.getClient().track('paid', { value: 5 });
  OpenFeature.getClient().track('lead');
  await tracking.flush();
  expect(await counted()).toMatchObject({ units: 1, leads: 1, revenue: 5 });
});

test('E44 what the server will never take is dropped with a warning, and what comes behind it is sent', async () => {
  const { page, counted } = await measured();
  const warn = vi.fn();
  const made = page();
  const tracking = tracked(made, { logger: { warn, error: warn } });
  const stop = made.campaign('spring').subscribe(() => undefined);
  await vi.waitFor(() => expect(made.campaign('spring').getSnapshot().position).toBeDefined(), WAIT);
  tracking.track('no name', { campaignId: 'spring' });
  await tracking.flush();
  expect(warn).toHaveBeenCalledTimes(1);
  tracking.expose('colour', 'spring');
  await tracking.flush();
  expect(await counted()).toMatchObject({ units: 1 });
  stop();
});

test('E45 a page that is left hands what it has not sent to the browser, and once it is back nothing counts twice', async () => {
  const { wire, page, counted, url } = await measured();
  const made = page();
  const tracking = tracked(made, { beacon: { url } });
  const stop = made.campaign('spring').subscribe(() => undefined);
  await vi.waitFor(() => expect(made.campaign('spring').getSnapshot().position).toBeDefined(), WAIT);
  wire.sever();
  tracking.expose('colour', 'spring');
  tracking.track('paid', { value: 3, campaignId: 'spring' });
  window.dispatchEvent(new Event('pagehide'));
  await vi.waitFor(async () => expect(await counted()).toMatchObject({ units: 1, revenue: 3 }), WAIT);
  wire.restore();
  await vi.waitFor(() => expect(made.connection.getSnapshot().status).toBe('connected'), WAIT);
  await tracking.stop();
  expect(await counted()).toMatchObject({ units: 1, revenue: 3 });
  stop();
});

test('E47 pages report what they have painted, a sample of them, and reach says how far a change has come', async () => {
  const { page, editor } = await measured();
  const made = page();
  const tracking = tracked(made);
  const stop = tracking.reportPaints(1, 'spring');
  expect(tracking.reportPaints(0, 'spring')).toBeInstanceOf(Function);
  await vi.waitFor(() => expect(made.campaign('spring').getSnapshot().position).toBeDefined(), WAIT);
  const receipt = await editor.trpc.campaign.update.mutate({ campaignId: 'spring', updates: { title: 'Painted' } });
  const version = 'position' in receipt ? receipt.position : '';
  await vi.waitFor(() => expect(made.campaign('spring').getSnapshot().state.title).toBe('Painted'), WAIT);
  await vi.waitFor(async () => {
    await tracking.flush();
    const reach = await editor.trpc.analytics.reach.query({ campaignId: 'spring', version });
    expect(reach).toMatchObject({ connected: 1, painted: 1, reports: 1 });
    expect(reach.p99).toBeLessThan(60_000);
  }, WAIT);
  stop();
});
