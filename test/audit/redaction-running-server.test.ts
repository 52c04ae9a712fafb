import { expect, test } from 'vitest';
import { createMemoryArchive } from '../../server/archive/index.ts';
import { httpClient, refusal, wsClient } from '../api/support/clients.ts';
import { CAMPAIGN, startGuarded, tokenFor, until } from '../api/support/server.ts';
import { PATH, VALUE } from './support/redacted-history.ts';
import { pem } from './support/signed-archive.ts';

const LONG = { timeout: 240_000 };

test(
  'V40 over a running server: memory, history, audit and whoever comes back have it no more, and nobody who watches is told',
  LONG,
  async () => {
    const archive = createMemoryArchive();
    const { url } = await startGuarded({ archive, auditKey: pem });
    const admin = httpClient(url, await tokenFor({ '*': 'admin' }, { sub: 'root' }));
    const watching = wsClient(url, { token: await tokenFor({ '*': 'viewer' }) });
    const events: { id: string; event: object }[] = [];
    watching.campaign.watch.subscribe(
      { campaignId: CAMPAIGN },
      { onData: ({ id, data }) => events.push({ id, event: data }) },
    );
    const change = (about: object, comment?: string) =>
      admin.campaign.update.mutate({
        campaignId: CAMPAIGN,
        updates: { about } as never,
        durability: 'durable',
        ...(comment !== undefined && { comment }),
      });
    await until(() => events.length === 1);
    const brought = await change({ contact: VALUE, text: 'Us' }, `by ${VALUE}`);
    await until(() => JSON.stringify(events).includes(VALUE));
    const behind = events.at(-1)?.id ?? '';
    expect(
      await refusal(admin.audit.redact.mutate({ campaignId: CAMPAIGN, position: brought.position, path: PATH })),
    ).toMatchObject({ reason: 'CONFLICT', path: ['path'] });
    await change({ contact: null });
    await until(() => JSON.stringify(events.at(-1)).includes('null'));
    const count = events.length;

    const receipt = await admin.audit.redact.mutate({
      campaignId: CAMPAIGN,
      position: brought.position,
      path: PATH,
      comment: true,
    });
    expect(receipt).toMatchObject({ path: PATH, comment: true, complete: true, salted: true });
    const version = Number(brought.position.split(':')[1]);
    const seen = JSON.stringify([
      await admin.campaign.history.query({ campaignId: CAMPAIGN }),
      await admin.campaign.at.query({ campaignId: CAMPAIGN, version }),
      await admin.campaign.diff.query({ campaignId: CAMPAIGN, from: version - 1, to: version }),
      await admin.audit.query.query({ campaignId: CAMPAIGN }),
    ]);
    expect(seen).not.toContain('Ada');
    expect(seen).toContain('"redacted":[{"path":["about","contact"]');
    expect(seen).not.toContain('"salt"');
    expect(await admin.audit.verify.query({ campaignId: CAMPAIGN })).toMatchObject({ findings: [] });
    expect((await admin.audit.events.query()).items[0]).toMatchObject({
      kind: 'redact',
      actor: 'root',
      campaignId: CAMPAIGN,
      head: brought.position,
      place: PATH,
      comment: true,
    });

    // Whoever comes back from a version that had it is sent what there is; whoever watched on is sent the next change.
    const back: object[] = [];
    watching.campaign.watch.subscribe(
      { campaignId: CAMPAIGN, lastEventId: behind },
      { onData: ({ data }) => back.push(data) },
    );
    await until(() => back.length === 1);
    expect(back).toMatchObject([{ type: 'snapshot', state: { about: { text: 'Us' } } }]);
    await admin.campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title: 'Next' } });
    await until(() => events.length > count);
    expect(events.slice(count)).toMatchObject([
      { event: { type: 'entries', entries: [{ change: { title: 'Next' } }] } },
    ]);
    expect(JSON.stringify(back)).not.toContain('Ada');
  },
);
