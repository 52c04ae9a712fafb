import { expect, test } from 'vitest';
import { httpClient, refusal, wsClient } from '../support/clients.ts';
import { CAMPAIGN, startGuarded, tokenFor } from '../support/server.ts';

const rights = { scripts: { write: 'admin' }, commerce: { read: 'editor' } } as const;

test.each([
  ['ws', wsClient],
  ['http', (url: string, { token }: { token: string }) => httpClient(url, token)],
])(
  'P30 G11 roles by field hold over %s: who may not write is refused by the field, who may not read is not shown it',
  async (_name, connect) => {
    const { url } = await startGuarded({ rights });
    const as = async (role: 'viewer' | 'editor' | 'admin') =>
      connect(url, { token: await tokenFor({ '*': role }, { sub: role }) });
    const [viewer, editor, admin] = await Promise.all([as('viewer'), as('editor'), as('admin')]);

    const updates = { scripts: { welcome: { main_text: 'Hello' } } };
    expect(await refusal(editor.campaign.update.mutate({ campaignId: CAMPAIGN, updates }))).toMatchObject({
      reason: 'FORBIDDEN',
      path: expect.arrayContaining(['scripts']),
    });
    await admin.campaign.update.mutate({ campaignId: CAMPAIGN, updates });
    await editor.campaign.update.mutate({ campaignId: CAMPAIGN, updates: { commerce: { price: 7 } } });

    const shown = async (client: typeof viewer) =>
      Object.keys((await client.campaign.get.query({ campaignId: CAMPAIGN })).state);
    expect(await shown(editor)).toContain('commerce');
    expect(await shown(viewer)).not.toContain('commerce');
    expect(await shown(viewer)).toContain('scripts');
  },
);
