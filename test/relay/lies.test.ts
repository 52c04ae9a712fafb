import { expect, test } from 'vitest';
import { watch, wsClient } from '../api/support/clients.ts';
import { CAMPAIGN, startGuarded, tokenFor, until } from '../api/support/server.ts';
import { openLyingProxy, type Lie } from './support/lying-proxy.ts';
import { startRelay } from './support/relay.ts';

const input = { campaignId: CAMPAIGN };
const isEntries = (text: string): boolean => text.includes('"type":"entries"') && text.includes('"change"');
let held: string | undefined;

const LIES: readonly [string, Lie][] = [
  ['an event is left out', (text) => (isEntries(text) ? [] : [text])],
  ['an event comes twice', (text) => (isEntries(text) ? [text, text] : [text])],
  ['a value is another one', (text) => [isEntries(text) ? text.replace('"true ', '"false ') : text]],
  ['a member is missing', (text) => [isEntries(text) ? text.replace('"version"', '"w"') : text]],
  ['garbage', (text) => (isEntries(text) ? ['{"id":', text] : [text])],
  [
    'two events change places',
    (text) => {
      if (!isEntries(text)) return [text];
      const before = held;
      held = before === undefined ? text : undefined;
      return before === undefined ? [] : [text, before];
    },
  ],
];

test.each(LIES)('Q9 a lie of what stands before upstream is noticed, and never shown: %s', async (_what, lie) => {
  held = undefined;
  const origin = await startGuarded();
  const proxy = await openLyingProxy(origin.url);
  const relay = await startRelay(proxy);
  const token = await tokenFor({ '*': 'admin' });
  const [there, here] = [wsClient(origin.url, { token }), wsClient(relay.url, { token })];
  const watching = watch(here, input);
  await until(() => watching.events.length > 0);
  proxy.lie = lie;
  for (let edit = 1; edit <= 6; edit += 1)
    await there.campaign.update.mutate({ ...input, updates: { description: `true ${edit}` } });
  await until(() => proxy.lies() > 0);
  proxy.lie = undefined;
  await there.campaign.update.mutate({ ...input, updates: { description: 'true end' } });
  await until(() => watching.mirror.content.state['description'] === 'true end');
  expect(watching.error).toBeUndefined();
  expect(JSON.stringify(watching.events)).not.toContain('"false ');
  expect(await here.campaign.get.query(input)).toEqual(await there.campaign.get.query(input));
  // What was missed came as entries: the relay asked from where it stood.
  expect(watching.mirror.snapshots).toEqual(['start']);
});
