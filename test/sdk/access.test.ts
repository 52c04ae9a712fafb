import { expect, test, vi } from 'vitest';
import { WebSocketServer } from 'ws';
import { manualClock } from './support/manual-clock.ts';
import { SECRET, token } from './support/token.ts';
import { client, later, live, proxyOf, server, WAIT } from './support/world.ts';
import { breathe } from './support/breathe.ts';

const auth = { kind: 'secret', secret: SECRET } as const;

test('K12 without a token the status is needs-auth, without further attempts until there is one', async () => {
  const proxy = await proxyOf(await server({ auth }));
  const made = client(proxy.url);
  const campaign = made.campaign('spring');
  later(campaign.subscribe(() => undefined));
  const early = campaign.update({ title: 'Early' });
  await vi.waitFor(
    () =>
      expect(made.connection.getSnapshot()).toMatchObject({ status: 'needs-auth', error: { reason: 'UNAUTHORIZED' } }),
    WAIT,
  );
  const attempts = proxy.connections();
  for (let turn = 0; turn < 50; turn += 1) await breathe();
  expect(proxy.connections()).toBe(attempts);

  await made.authenticate(await token('editor'));
  await vi.waitFor(
    () => expect(campaign.getSnapshot()).toMatchObject({ status: 'success', state: { title: 'Early' } }),
    WAIT,
  );
  expect(await early).toMatchObject({ version: 2 });
});

test('K12 the token function is called at every connect', async () => {
  const started = await server({ auth });
  const proxy = await proxyOf(started);
  const asked = vi.fn(() => token('editor'));
  const campaign = client(proxy.url, { token: asked }).campaign('spring');
  await live(campaign);
  expect(asked).toHaveBeenCalledTimes(1);
  proxy.cut();
  await vi.waitFor(() => expect(asked).toHaveBeenCalledTimes(2), WAIT);
  expect(await campaign.update({ title: 'With the second' })).toMatchObject({ version: 2 });
});

test('K12 a token function that fails is called again, with backoff', async () => {
  const { url } = await server({ auth });
  const asked = vi.fn(() => token('viewer')).mockRejectedValueOnce(new Error('the login service is down'));
  const made = client(url, { token: asked });
  await live(made.campaign('spring'));
  expect(asked).toHaveBeenCalledTimes(2);
});

test('K12 after a refused token the token function is polled for another, without connection attempts meanwhile', async () => {
  const proxy = await proxyOf(await server({ auth }));
  const clock = manualClock();
  let current = 'nonsense';
  const made = client(proxy.url, { token: () => current, clock });
  const campaign = made.campaign('spring');
  later(campaign.subscribe(() => undefined));
  await vi.waitFor(() => expect(made.connection.getSnapshot().status).toBe('needs-auth'), WAIT);
  const attempts = proxy.connections();
  for (let turn = 0; turn < 20; turn += 1) {
    clock.advance(5_000);
    await breathe();
  }
  expect(proxy.connections()).toBe(attempts);

  current = await token('viewer');
  await vi.waitFor(() => {
    clock.advance(1_000);
    expect(campaign.getSnapshot().status).toBe('success');
  }, WAIT);
});

test('K12 authenticate changes the rights of an open link; a bad token changes nothing', async () => {
  const proxy = await proxyOf(await server({ auth }));
  const made = client(proxy.url, { token: await token('viewer') });
  const campaign = made.campaign('spring');
  await live(campaign);
  await expect(campaign.update({ title: 'Not allowed' })).rejects.toMatchObject({ reason: 'FORBIDDEN' });
  expect(campaign.getSnapshot().state.title).toBe('Spring');
  await expect(made.authenticate('nonsense')).rejects.toMatchObject({ reason: 'UNAUTHORIZED' });
  expect(made.connection.getSnapshot().status).toBe('connected');

  await made.authenticate(await token('editor'));
  expect(await campaign.update({ title: 'Allowed' })).toMatchObject({ version: 2 });
  expect(proxy.connections()).toBe(1);
});

test('K12 an expired token is replaced by the token function, and no edit is lost', async () => {
  const { url } = await server({ auth });
  const tokens = [await token('editor', 2), await token('editor')];
  const made = client(url, { token: () => tokens.shift() });
  const campaign = made.campaign('spring');
  await live(campaign);
  await vi.waitFor(() => expect(tokens).toHaveLength(0), WAIT);
  expect(await campaign.update({ title: 'After' })).toMatchObject({ version: 2 });
});

test('K13 an unsupported contract closes the client for good', async () => {
  const wss = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  later(() => wss.close());
  let connections = 0;
  wss.on('connection', (socket) => {
    connections += 1;
    socket.send(
      JSON.stringify({
        id: null,
        error: {
          code: -32600,
          message: 'Contract 1 is no longer spoken',
          data: { code: 'BAD_REQUEST', reason: 'UPGRADE_REQUIRED' },
        },
      }),
    );
  });
  await new Promise((resolve) => wss.once('listening', resolve));
  const address = wss.address();
  const made = client(`http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`);
  const campaign = made.campaign('spring');
  later(campaign.subscribe(() => undefined));
  await vi.waitFor(
    () =>
      expect(made.connection.getSnapshot()).toMatchObject({ status: 'closed', error: { reason: 'UPGRADE_REQUIRED' } }),
    WAIT,
  );
  await vi.waitFor(
    () => expect(campaign.getSnapshot()).toMatchObject({ status: 'error', error: { reason: 'UPGRADE_REQUIRED' } }),
    WAIT,
  );
  for (let turn = 0; turn < 50; turn += 1) await breathe();
  expect(connections).toBe(1);
});
