import { expect, test } from 'vitest';
import { z } from 'zod';
import { refusal, wsClient } from '../support/clients.ts';
import { CAMPAIGN, startGuarded, tokenFor } from '../support/server.ts';

const sections = { commerce: z.object({ price: z.number().max(9) }), scripts: z.record(z.string(), z.object({})) };
const rights = { commerce: { read: 'admin' } } as const;

test('P56 G11 editors are told what documents may hold, each without the fields that are hidden from it', async () => {
  const { url } = await startGuarded({ sections, rights });
  const as = async (role: 'viewer' | 'editor' | 'admin') =>
    wsClient(url, { token: await tokenFor({ [CAMPAIGN]: role }, { sub: role }) }).campaign.schema;
  const [viewer, editor, admin] = await Promise.all([as('viewer'), as('editor'), as('admin')]);

  expect(await refusal(viewer.query({ campaignId: CAMPAIGN }))).toMatchObject({ reason: 'FORBIDDEN' });
  expect(await refusal(editor.query({ campaignId: 'secret' }))).toMatchObject({ reason: 'FORBIDDEN' });
  const { fields: all } = await admin.query({ campaignId: CAMPAIGN });
  expect(all?.['commerce']).toMatchObject([{ properties: { price: { maximum: 9 } } }]);
  const { fields } = await editor.query({ campaignId: CAMPAIGN });
  expect(fields).not.toHaveProperty('commerce');
  expect(fields?.['scripts']).toHaveLength(2);
});

test('P56 who names the hash of what it has is not sent it again, until it is another one', async () => {
  const [one, two] = await Promise.all([startGuarded({ sections }), startGuarded()]);
  const token = await tokenFor({ [CAMPAIGN]: 'editor' });
  const [first, second] = [one, two].map(({ url }) => wsClient(url, { token }).campaign.schema);
  const { hash: known } = (await first?.query({ campaignId: CAMPAIGN })) ?? {};
  if (known === undefined) throw new Error('no hash');
  expect(await first?.query({ campaignId: CAMPAIGN, known })).toEqual({ hash: known });
  const other = await second?.query({ campaignId: CAMPAIGN, known });
  expect(other?.hash).not.toBe(known);
  expect(Object.keys(other?.fields ?? {})).toContain('title');
});
