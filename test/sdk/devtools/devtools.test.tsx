// @vitest-environment jsdom
import { act, cleanup, render, screen } from '@testing-library/react';
import { afterEach, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { createClientWithDevtools, type Devtools } from '../../../client-sdk/src/devtools/index.ts';
import { CampaignDevtools } from '../../../client-sdk/src/devtools/react/index.ts';
import type { CampaignClient, CampaignClientOptions } from '../../../client-sdk/src/index.ts';
import { breathe } from '../support/breathe.ts';
import { client, later, live, server, WAIT } from '../support/world.ts';

afterEach(cleanup);

function open(options: CampaignClientOptions): { client: CampaignClient; devtools: Devtools } {
  // Node's own does not get on with the events of this DOM.
  const made = createClientWithDevtools({ WebSocket, ...options });
  later(made.client.close);
  return made;
}

const edits = (devtools: Devtools) => devtools.getSnapshot().campaigns.flatMap((campaign) => campaign.edits);

test('K287 devtools show the link, frames without tokens, campaigns, and what is pending with its age and reason', async () => {
  const { url } = await server();
  const secret = 'a "quoted" secret';
  const { client: made, devtools } = open({ url, token: secret });
  expect(devtools.getSnapshot()).toMatchObject({ connection: { status: 'connecting' }, frames: [], campaigns: [] });
  const spring = made.campaign('spring');
  await live(spring);
  const { connection, frames, campaigns } = devtools.getSnapshot();
  expect(connection).toMatchObject({ status: 'connected', why: 'The server has accepted this caller' });
  expect(frames[0]).toMatchObject({ direction: 'out', text: expect.stringContaining('"token":"…"') });
  expect(frames.some(({ direction, text }) => direction === 'in' && text.includes('"snapshot"'))).toBe(true);
  expect(frames.some(({ text }) => text.includes('secret'))).toBe(false);
  expect(campaigns).toMatchObject([
    { campaignId: 'spring', status: 'success', sync: 'saved', why: 'Live', version: 1, durableVersion: 1, edits: [] },
  ]);
  await breathe();
  void spring.pacedUpdate({ title: 'typed' }, { wait: 60_000 });
  expect(edits(devtools)).toMatchObject([
    {
      state: 'held',
      command: { type: 'update', updates: { title: 'typed' } },
      why: 'Held back by its pace (pacedUpdate): the app is still adding to it',
    },
  ]);
  expect(edits(devtools)[0]?.age).toBeGreaterThanOrEqual(0);
  spring.flush();
  await vi.waitFor(() => expect(edits(devtools)).toEqual([]), WAIT);
  await spring.update({ title: '' }).catch(() => undefined);
  expect(devtools.getSnapshot().campaigns[0]?.rejected).toMatchObject([{ error: { reason: 'INVALID' } }]);
  devtools.clear();
  expect(devtools.getSnapshot().frames).toEqual([]);
});

test('K287 offline: nothing gets through, and http is not tried; what waits leaves when it is over', async () => {
  const { url } = await server();
  const opened = vi.fn();
  class Counted extends WebSocket {
    constructor(address: string) {
      super(address);
      opened();
    }
  }
  const { client: made, devtools } = open({ url, WebSocket: Counted });
  const spring = made.campaign('spring');
  await live(spring);
  expect(opened).toHaveBeenCalledTimes(1);
  const fetched = vi.spyOn(globalThis, 'fetch');
  later(() => fetched.mockRestore());
  devtools.setOffline(true);
  await vi.waitFor(() => expect(made.connection.getSnapshot().status).toBe('offline'), WAIT);
  const change = spring.update({ title: 'In the tunnel' });
  expect(edits(devtools)).toMatchObject([{ state: 'waiting', why: 'Waits for the connection, which is offline' }]);
  devtools.clear();
  await vi.waitFor(() => expect(made.connection.getSnapshot().attempt).toBeGreaterThan(1), WAIT);
  expect(devtools.getSnapshot().frames).toEqual([]);
  expect(fetched).not.toHaveBeenCalled();
  expect(opened).toHaveBeenCalledTimes(1);
  devtools.setOffline(false);
  expect(await change).toMatchObject({ version: 2 });
  expect(made.connection.getSnapshot().status).toBe('connected');
});

test('K287 drop: the link is lost and comes back; delay: frames are held back, in their order', async () => {
  const { url } = await server();
  const { client: made, devtools } = open({ url });
  const spring = made.campaign('spring');
  await live(spring);
  const statuses: string[] = [];
  later(made.connection.subscribe(() => statuses.push(made.connection.getSnapshot().status)));
  devtools.drop();
  expect(made.connection.getSnapshot()).toMatchObject({ status: 'reconnecting', reason: 'lost' });
  expect(devtools.getSnapshot().connection.why).toMatch(/^Attempt 1 failed \(lost: .*\); /);
  await vi.waitFor(() => expect(statuses.at(-1)).toBe('connected'), WAIT);
  devtools.setDelay(50);
  expect(devtools.getSnapshot().delayMs).toBe(50);
  const started = performance.now();
  const changes = [1, 2, 3].map((counter) => spring.update({ counter }));
  expect((await Promise.all(changes)).map(({ version }) => version)).toEqual([2, 3, 4]);
  expect(performance.now() - started).toBeGreaterThanOrEqual(95);
  devtools.setDelay(0);
  expect(await spring.update({ counter: 4 })).toMatchObject({ version: 5 });
});

test('K287 the panel shows it all, and its buttons work', async () => {
  const { url } = await server();
  const { client: made, devtools } = open({ url, onConflict: 'ask' });
  const spring = made.campaign('spring');
  await live(spring);
  render(<CampaignDevtools devtools={devtools} delayMs={20} />);
  await screen.findByText('connected', undefined, WAIT);
  screen.getByText(/success, saved, version 1 \(1 durable\): Live/);
  act(() => screen.getByRole('button', { name: 'offline' }).click());
  expect(screen.getByRole('button', { name: 'offline' }).getAttribute('aria-pressed')).toBe('true');
  await screen.findByText(/no network/, undefined, WAIT);
  act(() => void spring.update({ title: 'Mine' }));
  await screen.findByText(
    /waiting .* s \{"type":"update","updates":\{"title":"Mine"\}\}: Waits for the connection/,
    undefined,
    WAIT,
  );
  await client(url, { WebSocket }).campaign('spring').update({ title: 'Theirs' });
  act(() => screen.getByRole('button', { name: 'offline' }).click());
  await screen.findByText(/conflict title: theirs "Theirs", mine "Mine"/, undefined, WAIT);
  await screen.findByText(/Kept back until its conflict is resolved: title/, undefined, WAIT);
  act(() => screen.getByRole('button', { name: 'delay 20 ms' }).click());
  expect(devtools.getSnapshot().delayMs).toBe(20);
  act(() => screen.getByRole('button', { name: 'delay 20 ms' }).click());
  act(() => screen.getByRole('button', { name: 'drop' }).click());
  await screen.findByText(/^\d+ frames$/, undefined, WAIT);
  act(() => screen.getByRole('button', { name: 'clear' }).click());
});
