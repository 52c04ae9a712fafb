import { expect, test, vi } from 'vitest';
import type { CampaignClientOptions } from '../../../client-sdk/src/index.ts';
import { breathe } from '../support/breathe.ts';
import { manualClock } from '../support/manual-clock.ts';
import { SECRET, token } from '../support/token.ts';
import { client, later, live, proxyOf, server, WAIT } from '../support/world.ts';

const auth = { kind: 'secret', secret: SECRET } as const;
const expired = () => token('editor', -60);

/** A client that is read, and the statuses of its connection in order. */
function watched(url: string, options: Partial<CampaignClientOptions>) {
  const made = client(url, options);
  const campaign = made.campaign('spring');
  const statuses: string[] = [];
  later(made.connection.subscribe(() => statuses.push(made.connection.getSnapshot().status)));
  later(campaign.subscribe(() => undefined));
  return { made, campaign, statuses, status: () => made.connection.getSnapshot().status };
}

test.each([
  ['a string', 0, async () => ({ token: await expired() })],
  ['a string, later', 5, async () => ({ token: await expired() })],
  [
    'a slow function',
    50,
    async () => ({ token: () => new Promise<string>((resolve) => setTimeout(() => resolve(''), 200)) }),
  ],
  ['none', 0, async () => ({})],
] as const)('K254 a good token that is given while %s is on its way is not lost', async (_name, afterMs, options) => {
  const { url } = await server({ auth });
  const { made, campaign, status } = watched(url, await options());
  if (afterMs > 0) await new Promise((resolve) => setTimeout(resolve, afterMs));
  await made.authenticate(await token('editor'));
  await vi.waitFor(() => expect(status()).toBe('connected'), WAIT);
  await live(campaign);
  expect(await campaign.update({ title: 'Mine' })).toMatchObject({ version: 2 });
});

test('K254 a good token that is given between the open socket and the refusal is not lost', async () => {
  const { port } = await server({ auth });
  const proxy = await proxyOf({ port });
  const good = await token('editor');
  let opened = () => {};
  const isOpen = new Promise<void>((resolve) => (opened = resolve));
  class Observed extends WebSocket {
    constructor(url: string) {
      super(url);
      const stall = () => {
        if (proxy.connections() > 1) return;
        proxy.stall();
        opened();
      };
      this.addEventListener('open', stall);
    }
  }
  const { made, campaign } = watched(proxy.url, { token: await expired(), WebSocket: Observed });
  await isOpen;
  await made.authenticate(good);
  proxy.restore();
  await vi.waitFor(() => expect(campaign.getSnapshot().status).toBe('success'), WAIT);
});

test('K255 after authenticate, the token function is called again at later connects', async () => {
  const { port } = await server({ auth });
  const proxy = await proxyOf({ port });
  const [first, second, third] = [await token('viewer'), await token('editor'), await token('admin')];
  const answers = [first, third];
  const tokenFunction = vi.fn(() => answers[Math.min(tokenFunction.mock.calls.length, 2) - 1]);
  const { made, campaign, status } = watched(proxy.url, { token: tokenFunction });
  await live(campaign);
  await made.authenticate(second);
  expect(await campaign.update({ title: 'As editor' })).toMatchObject({ version: 2 });
  expect(tokenFunction).toHaveBeenCalledTimes(1);
  proxy.sever();
  await vi.waitFor(() => expect(status()).toBe('reconnecting'), WAIT);
  proxy.restore();
  await vi.waitFor(() => expect(status()).toBe('connected'), WAIT);
  expect(tokenFunction).toHaveBeenCalledTimes(2);
});

test('K255 a token that the server refuses on a live link is not used for the next one', async () => {
  const { port } = await server({ auth });
  const proxy = await proxyOf({ port });
  const { made, campaign, status } = watched(proxy.url, { token: await token('editor') });
  await live(campaign);
  await expect(made.authenticate('nonsense')).rejects.toMatchObject({ reason: 'UNAUTHORIZED' });
  proxy.sever();
  await vi.waitFor(() => expect(status()).toBe('reconnecting'), WAIT);
  proxy.restore();
  await vi.waitFor(() => expect(status()).toBe('connected'), WAIT);
});

test.each<[string, () => string | Promise<string>, string]>([
  [
    'throws',
    () => {
      throw new Error('no session');
    },
    'no session',
  ],
  ['rejects', () => Promise.reject(new Error('no session')), 'no session'],
  ['returns an object', () => ({ token: 'x' }) as unknown as string, 'must return a string'],
])('K256 a token function that %s fails the attempt, is named, and called again', async (_name, fails, message) => {
  const { url } = await server({ auth });
  const good = await token('editor');
  let calls = 0;
  const { made, campaign, status } = watched(url, { token: () => ((calls += 1) === 1 ? fails() : good) });
  await vi.waitFor(() => expect(made.connection.getSnapshot().reason).toBe('token-failed'), WAIT);
  expect(made.connection.getSnapshot()).toMatchObject({ status: 'reconnecting', attempt: 1 });
  expect(made.connection.getSnapshot().error?.message).toContain(message);
  await vi.waitFor(() => expect(status()).toBe('connected'), WAIT);
  await live(campaign);
});

test('K256 a token function that does not answer within 10 s has failed, and a given token is not kept waiting by it', async () => {
  const { url } = await server({ auth });
  const clock = manualClock();
  const good = await token('editor');
  const tokenFunction = vi.fn(() => new Promise<string>(() => {}));
  const { made, campaign, status } = watched(url, { clock, token: tokenFunction });
  await vi.waitFor(() => expect(tokenFunction).toHaveBeenCalled(), WAIT);
  clock.advance(9_999);
  await breathe();
  expect(status()).toBe('connecting');
  clock.advance(1);
  await vi.waitFor(() => expect(made.connection.getSnapshot().reason).toBe('token-failed'), WAIT);
  clock.advance(4_000);
  await breathe();
  await made.authenticate(good);
  await vi.waitFor(() => expect(campaign.getSnapshot().status).toBe('success'), WAIT);
});

test('K256 null and undefined stand for no token; a refused one is asked for again every 5 s, and not tried again', async () => {
  const { url } = await server({ auth });
  const clock = manualClock();
  const good = await token('editor');
  let current: string | null = null;
  const tokenFunction = vi.fn(() => current);
  const { campaign, status } = watched(url, { clock, token: tokenFunction });
  await vi.waitFor(() => expect(status()).toBe('needs-auth'), WAIT);
  const calls = tokenFunction.mock.calls.length;
  clock.advance(5_000);
  await vi.waitFor(() => expect(tokenFunction.mock.calls.length).toBe(calls + 1), WAIT);
  await breathe();
  expect(status()).toBe('needs-auth');
  current = good;
  clock.advance(5_000);
  await vi.waitFor(() => expect(campaign.getSnapshot().status).toBe('success'), WAIT);
});

test('K256 a function whose every token is refused is not asked in a loop', async () => {
  const { url } = await server({ auth });
  const clock = manualClock();
  let made = 0;
  const { status } = watched(url, { clock, token: () => `nonsense ${(made += 1)}` });
  const startedAt = clock.now();
  await vi.waitFor(() => {
    clock.advance(50);
    expect(status()).toBe('needs-auth');
  }, WAIT);
  expect(made).toBe(2);
  while (clock.now() < startedAt + 60_000) {
    clock.advance(50);
    if (clock.now() % 500 === 0) await breathe();
  }
  expect(made).toBeLessThanOrEqual(2 + 60 / 5);
});

test('K257 connected is said once the server has accepted the token; a refresh does not show needs-auth', async () => {
  const { url } = await server({ auth });
  const tokens = [await expired(), await token('editor')];
  const { campaign, statuses } = watched(url, { token: () => tokens.shift() });
  await live(campaign);
  expect(statuses).not.toContain('needs-auth');
  expect(statuses.indexOf('connected')).toBe(statuses.length - 1);
});

test('K257 a refused token is never shown as connected', async () => {
  const { url } = await server({ auth });
  const { statuses, status } = watched(url, { token: await expired() });
  await vi.waitFor(() => expect(status()).toBe('needs-auth'), WAIT);
  expect(statuses).not.toContain('connected');
});
