import { describe, expect, it } from 'vitest';
import { CALLERS, CAMPAIGN, engineWorld, FIRST_STATE, refusal, setTitle } from '../../support/engine-world.ts';
import { testReader, watch, WAYS } from '../../support/watching.ts';

describe('rights', () => {
  it('G11 M160 each call needs its role, and a refusal reveals nothing of the campaign', async () => {
    const { manager, create } = engineWorld();
    await create();
    for (const campaignId of [CAMPAIGN, 'unknown']) {
      for (const call of [
        manager.get(CALLERS.stranger, campaignId),
        manager.history(CALLERS.stranger, campaignId, { limit: 1 }),
        manager.at(CALLERS.stranger, campaignId, 1),
        manager.diff(CALLERS.stranger, campaignId, 1, 1),
        manager.whenDurable(CALLERS.stranger, campaignId, 'e:1'),
        manager.mutate(CALLERS.stranger, campaignId, setTitle('x'), {}),
        manager.mutate(CALLERS.viewer, campaignId, setTitle('x'), {}),
        manager.mutate(CALLERS.anonymous, campaignId, setTitle('x'), {}),
        manager.push(CALLERS.viewer, campaignId, []),
        manager.mutate(CALLERS.editor, campaignId, { type: 'archive' }, {}),
        manager.create(CALLERS.editor, campaignId, FIRST_STATE, {}),
        manager.history(CALLERS.anonymous, campaignId, { limit: 1 }),
        manager.at(CALLERS.anonymous, campaignId, 1),
        manager.diff(CALLERS.anonymous, campaignId, 1, 1),
      ]) {
        const { reason, message } = await refusal(call);
        expect(reason).toBe('FORBIDDEN');
        expect(message.replaceAll(campaignId, '…')).not.toMatch(/Summer|there is no/);
      }
    }
    expect(() => manager.trace(CALLERS.editor, testReader(CALLERS.editor.identity))).toThrow(
      /your role does not allow/,
    );
  });

  it('G11 M161 rights are per campaign, and a named grant takes precedence over the wildcard', async () => {
    const world = engineWorld();
    await world.create('one');
    await world.create('two');
    const caller = { identity: { id: 'x', grants: { '*': 'editor', one: 'viewer' } as const }, correlationId: 'c' };
    expect(await refusal(world.manager.mutate(caller, 'one', setTitle('x'), {}))).toMatchObject({
      reason: 'FORBIDDEN',
    });
    expect(await world.clock.until(world.manager.mutate(caller, 'two', setTitle('x'), {}))).toMatchObject({
      changed: true,
    });
    const only = { identity: { id: 'y', grants: { two: 'viewer' } as const }, correlationId: 'c' };
    expect((await world.manager.list(only, { limit: 10 })).items.map(({ campaignId }) => campaignId)).toEqual(['two']);
    expect((await world.manager.list(CALLERS.stranger, { limit: 10 })).items).toEqual([]);
  });
});

describe('the list for callers without a token', () => {
  it('G11 M168 shows no title and no status that their view hides, and is not filtered by them', async () => {
    const { manager, clock, create } = engineWorld({ hiddenFromPublic: ['title', 'status'] });
    await create();
    const { items } = await clock.until(manager.list(CALLERS.anonymous, { limit: 10 }));
    expect(items).toEqual([
      {
        campaignId: CAMPAIGN,
        title: '',
        status: undefined,
        owner: 'the owner',
        version: 1,
        updatedAt: expect.any(Number),
      },
    ]);
    expect(await refusal(manager.list(CALLERS.anonymous, { limit: 10, status: 'active' }))).toMatchObject({
      reason: 'FORBIDDEN',
      path: ['status'],
    });
    expect((await clock.until(manager.list(CALLERS.viewer, { limit: 10, status: 'active' }))).items).toMatchObject([
      { title: 'Summer', status: 'active' },
    ]);
  });
});

describe.each(WAYS)('rights of subscribers, by %s', (way) => {
  it('G11 M162 callers without a token see no hidden field: not in the state, the entries, the list, nor in errors', async () => {
    const world = engineWorld({ hiddenFromPublic: ['owner_id', 'about'] });
    const { manager, clock } = world;
    const secret = 'do not show this';
    await world.create(CAMPAIGN, { ...FIRST_STATE, owner_id: secret, about: { note: secret } });
    const watching = watch(manager, { receipts: true }, testReader(CALLERS.anonymous.identity), way);
    await clock.settle();
    await world.change(
      { type: 'update', updates: { title: 'Autumn', owner_id: `${secret} either`, about: { more: secret } } },
      { comment: secret, mutationId: `${secret} id` },
    );
    await world.change({ type: 'update', updates: { about: null } });
    await world.change({ type: 'archive' }, { comment: secret });
    await clock.advance(1_000);
    const resumed = watch(
      manager,
      { lastEventId: watching.events[0]?.resumeId },
      testReader(CALLERS.anonymous.identity),
      way,
    );
    const seen = [
      watching.events,
      resumed.events,
      await manager.get(CALLERS.anonymous, CAMPAIGN),
      await clock.until(manager.list(CALLERS.anonymous, { limit: 10 })),
      await refusal(manager.history(CALLERS.anonymous, CAMPAIGN, { limit: 10 })),
      await refusal(manager.mutate(CALLERS.anonymous, CAMPAIGN, { type: 'rollback', toVersion: 1 }, {})),
    ];
    await clock.settle();
    const text = JSON.stringify(seen);
    expect(text).not.toContain(secret);
    for (const name of ['owner_id', 'about', 'actor', 'ada', 'mutationId', 'comment', 'updatedBy'])
      expect(text).not.toContain(name);
    // What they may see they do see, and empty where nothing visible changed.
    expect(resumed.events).toMatchObject([
      {
        event: {
          entries: [
            { version: 2, change: { title: 'Autumn' } },
            { version: 3, change: {} },
            { version: 4, type: 'archive' },
          ],
        },
      },
    ]);
    expect(watching.mirror.content).toMatchObject({ state: { title: 'Autumn' }, archivedAt: expect.any(Number) });
    expect(watching.mirror.version).toBe(4);
  });

  it('G11 M163 a draft does not exist for callers without a token, also when it becomes one again', async () => {
    const world = engineWorld();
    await world.create();
    const watching = watch(world.manager, {}, testReader(CALLERS.anonymous.identity), way);
    const [editor] = [watch(world.manager, {}, testReader(), way)];
    await world.clock.settle();
    await world.change({ type: 'update', updates: { status: 'draft', title: 'not for you' } });
    expect(watching.end).toMatchObject({ refusal: { reason: 'NOT_FOUND' } });
    expect(JSON.stringify(watching.events)).not.toContain('not for you');
    expect(watching.reader.listeners).toBe(0);
    expect(editor.end).toBeUndefined();
    for (const call of [
      world.manager.get(CALLERS.anonymous, CAMPAIGN),
      world.manager.whenDurable(CALLERS.anonymous, CAMPAIGN, 'e:1'),
    ]) {
      const { message } = await refusal(call);
      expect(message).toBe(
        (await refusal(world.manager.get(CALLERS.anonymous, 'unknown'))).message.replace('unknown', CAMPAIGN),
      );
    }
    expect((await world.manager.list(CALLERS.anonymous, { limit: 10 })).items).toEqual([]);
    expect((await world.manager.list(CALLERS.viewer, { limit: 10 })).items).toHaveLength(1);
  });

  it('M164 a token that expires ends the stream in time, although nothing changes', async () => {
    const world = engineWorld();
    await world.create();
    const reader = testReader({ ...CALLERS.viewer.identity, expiresAt: world.clock.now() + 1_000 });
    const watching = watch(world.manager, {}, reader, way);
    await world.clock.advance(999);
    expect(watching.end).toBeUndefined();
    await world.clock.advance(1);
    expect(watching.end).toMatchObject({ refusal: { reason: 'UNAUTHORIZED' } });
    expect(reader.listeners).toBe(0);
  });

  it('M165 a token that is replaced in time continues the stream; one without the right ends it', async () => {
    const world = engineWorld();
    await world.create();
    const reader = testReader({ ...CALLERS.viewer.identity, expiresAt: world.clock.now() + 1_000 });
    const watching = watch(world.manager, {}, reader, way);
    await world.clock.advance(500);
    reader.become({ ...CALLERS.viewer.identity, expiresAt: world.clock.now() + 2 ** 40 });
    await world.clock.advance(10_000);
    await world.title('one');
    expect(watching.mirror).toMatchObject({ version: 2, snapshots: ['start'] });
    reader.become(CALLERS.stranger.identity);
    await world.clock.settle();
    expect(watching.end).toMatchObject({ refusal: { reason: 'FORBIDDEN' } });
  });

  it('G11 M166 another view begins with a snapshot, and resume ids of one view are not valid in another', async () => {
    const world = engineWorld();
    await world.create();
    const reader = testReader(CALLERS.anonymous.identity);
    const watching = watch(world.manager, {}, reader, way);
    await world.clock.settle();
    const restricted = watching.events[0]?.resumeId;
    reader.become(CALLERS.viewer.identity);
    await world.clock.settle();
    expect(watching.events[1]).toMatchObject({ event: { type: 'snapshot', reason: 'view', state: FIRST_STATE } });
    reader.become(CALLERS.anonymous.identity);
    await world.clock.settle();
    expect(watching.events[2]).toMatchObject({ resumeId: restricted, event: { type: 'snapshot', reason: 'view' } });
    const crossing = watch(world.manager, { lastEventId: restricted }, testReader(CALLERS.viewer.identity), way);
    await world.clock.settle();
    expect(crossing.events).toMatchObject([{ event: { type: 'snapshot', reason: 'view', state: FIRST_STATE } }]);
    expect(watching.end).toBeUndefined();
  });

  it('G11 M167 a reader without a token is never sent what was written while the campaign was a draft', async () => {
    const world = engineWorld();
    await world.create();
    const reader = testReader(CALLERS.anonymous.identity);
    const before = watch(world.manager, {}, reader, way);
    await world.clock.settle();
    const resumeId = before.events[0]?.resumeId ?? '';
    await world.change({ type: 'update', updates: { status: 'draft' } });
    await world.title('a secret working title');
    await world.change({ type: 'update', updates: { status: 'active', title: 'Public' } });
    // With the position where it left off, and with one that it has made up.
    for (const lastEventId of [resumeId, resumeId.replace(/:\d+/, ':0')]) {
      const again = watch(world.manager, { lastEventId }, testReader(CALLERS.anonymous.identity), way);
      await world.clock.settle();
      expect(again.events).toMatchObject([
        { event: { type: 'snapshot', reason: 'too-old', state: { title: 'Public' } } },
      ]);
      expect(JSON.stringify(again.events)).not.toContain('secret');
    }
  });
});
