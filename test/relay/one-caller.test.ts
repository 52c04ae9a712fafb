import { expect, test } from 'vitest';
import { API_LIMITS } from '../../server/api/limits.ts';
import { rawSocket, refusal, watch, wsClient, type Raw } from '../api/support/clients.ts';
import { CAMPAIGN, cleanUp, startGuarded, tokenFor, until } from '../api/support/server.ts';
import { openTcpProxy } from '../support/tcp-proxy.ts';
import { startRelay } from './support/relay.ts';

const input = { campaignId: CAMPAIGN };

async function start() {
  const origin = await startGuarded();
  const proxy = await openTcpProxy(origin.port);
  cleanUp(() => proxy.close());
  const relay = await startRelay(proxy);
  const token = await tokenFor({ '*': 'admin' });
  const raw = (url: string): Promise<Raw> => rawSocket(url, { headers: { authorization: `Bearer ${token}` } });
  return { origin, proxy, relay, token, raw };
}

/** A message whose JSON `JSON.stringify` would not make. */
function sendText({ socket }: Raw, id: number, method: string, path: string, inputText: string): void {
  socket.send(`{"id":${id},"method":"${method}","params":{"path":"${path}","input":${inputText}}}`);
}

/** What a call, or a subscription that has begun, was refused for. */
async function refused(raw: Raw, id: number): Promise<unknown> {
  return (await raw.answer(id, ({ error }) => error !== undefined)).error?.data;
}

function withValue(text: string): string {
  return `{"campaignId":"${CAMPAIGN}","updates":{"n":${text}}}`;
}

test('Q13 an integer beyond 2^53 in a forwarded call is refused as upstream refuses it, and ends that call alone', async () => {
  const { origin, proxy, relay, token, raw } = await start();
  const [there, here] = [await raw(origin.url), await raw(relay.url)];
  for (const each of [there, here]) sendText(each, 1, 'mutation', 'campaign.update', withValue('9007199254740993'));
  const [direct, relayed] = [await there.answer(1), await here.answer(1)];
  expect(direct.error?.data).toMatchObject({ reason: 'INVALID', path: ['updates', 'n'] });
  expect(relayed.error).toMatchObject({
    message: direct.error?.message,
    data: { reason: 'INVALID', path: ['updates', 'n'] },
  });
  // A subscription is opened anew with the link, with whatever it was asked.
  sendText(here, 2, 'subscription', 'lock.watch', '{"campaignId":9007199254740993}');
  await refused(here, 2);
  const client = wsClient(relay.url, { token });
  const watching = watch(client, input);
  await until(() => watching.events.length > 0);
  proxy.cut();
  await until(() => proxy.connections() === 2 && relay.isUp);
  expect(await client.campaign.update.mutate({ ...input, updates: { title: 'Up' } })).toMatchObject({ changed: true });
  await until(() => watching.mirror.content.state['title'] === 'Up');
});

test('Q13 a number that is written with an exponent is changed as it is upstream', async () => {
  const { origin, relay, token, raw } = await start();
  const here = await raw(relay.url);
  sendText(here, 1, 'mutation', 'campaign.update', withValue('[1e20,-1.25e300,1e15,0.1]'));
  expect((await here.answer(1)).result?.data).toMatchObject({ changed: true });
  const { state } = await wsClient(origin.url, { token }).campaign.get.query(input);
  expect(state).toMatchObject({ n: [1e20, -1.25e300, 1e15, 0.1] });
});

test('Q13 input that is nested too deeply to be passed on is refused by its name, and ends that call alone', async () => {
  const { proxy, relay, token, raw } = await start();
  const here = await raw(relay.url);
  const levels = 200_000;
  const deep = '['.repeat(levels) + ']'.repeat(levels);
  sendText(here, 1, 'mutation', 'campaign.update', withValue(deep));
  sendText(here, 2, 'subscription', 'lock.watch', `{"campaignId":${deep}}`);
  for (const id of [1, 2])
    expect(await refused(here, id)).toMatchObject({ reason: 'INVALID', path: ['input'], limit: 32 });
  proxy.cut();
  await until(() => proxy.connections() === 2 && relay.isUp);
  expect(await wsClient(relay.url, { token }).campaign.history.query(input)).toMatchObject({ items: [{}] });
});

test('Q14 input that grows beyond what upstream takes is refused by the limit, and cuts nobody', async () => {
  const { proxy, relay, token, raw } = await start();
  const client = wsClient(relay.url, { token });
  await client.campaign.history.query(input);
  const here = await raw(relay.url);
  // Five bytes that become seventeen.
  const numbers = Array.from({ length: 150_000 }, () => '1e15').join(',');
  sendText(here, 1, 'mutation', 'campaign.update', withValue(`[${numbers}]`));
  sendText(here, 2, 'subscription', 'lock.watch', withValue(`[${numbers}]`));
  for (const id of [1, 2])
    expect(await refused(here, id)).toMatchObject({
      reason: 'TOO_LARGE',
      path: ['input'],
      limit: API_LIMITS.forwardedBytes,
    });
  expect(await client.campaign.history.query(input)).toMatchObject({ items: [{}] });
  expect(proxy.connections()).toBe(1);
});

test('Q14 the largest message of a client, with the largest viewer, is passed on', async () => {
  const { proxy, relay, token } = await start();
  const client = wsClient(relay.url, { token });
  const texts = Array.from({ length: 8 }, (_, index) => [`text${index}`, 'v'.repeat(490)] as const);
  await client.session.setViewer.mutate({ viewer: { attributes: Object.fromEntries(texts) } });
  const large = 'x'.repeat(API_LIMITS.messageBytes - 130);
  // The document may have a quarter of it: upstream has read it, and says so.
  expect(await refusal(client.campaign.update.mutate({ ...input, updates: { large } }))).toMatchObject({
    reason: 'TOO_LARGE',
    limit: 256 * 1024,
  });
  expect(proxy.connections()).toBe(1);
});
