import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../server/core/json.ts';
import type { Role } from '../../../server/core/permissions.ts';
import { CALLERS, CAMPAIGN, engineWorld, FIRST_STATE, refusal } from '../../support/engine-world.ts';
import { testReader, watch, WAYS } from '../../support/watching.ts';

const SECRET = 'only for those who may';

/** The values of these fields hold the secret. */
const HIDDEN: Record<Role, readonly string[]> = { viewer: ['commerce', 'internal'], editor: ['internal'], admin: [] };

async function worldWithSecrets() {
  const world = engineWorld({
    rights: { commerce: { read: 'editor' }, internal: { read: 'admin' }, theme: { write: 'admin' } },
  });
  const secrets = { commerce: { price: SECRET }, internal: { note: SECRET } };
  await world.create(CAMPAIGN, { ...FIRST_STATE, theme: { color: 'red' }, ...secrets });
  return world;
}

/** The hidden fields that an answer names. */
function shown(answer: unknown): string[] {
  const text = JSON.stringify(answer);
  return ['commerce', 'internal'].filter((field) => text.includes(`"${field}"`));
}

describe('field rights', () => {
  it.each(['viewer', 'editor', 'admin'] as const)(
    'G11 M230 no read of a %s shows a field that is for roles above it',
    async (role) => {
      const { manager, clock, change } = await worldWithSecrets();
      await change({ type: 'update', updates: { title: 'T', commerce: { price: `${SECRET}!` }, internal: null } });
      const caller = CALLERS[role];
      const expected = ['commerce', 'internal'].filter((field) => !HIDDEN[role].includes(field));
      const answers = await clock.until(
        Promise.all([
          manager.at(caller, CAMPAIGN, 1),
          manager.diff(caller, CAMPAIGN, 1, 2),
          manager.history(caller, CAMPAIGN, { limit: 10 }),
        ]),
      );
      for (const answer of answers) expect(shown(answer)).toEqual(expected);
      expect(shown(await manager.get(caller, CAMPAIGN))).toEqual(expected.filter((field) => field !== 'internal'));
      // Who changed it is shown to every role all the same.
      expect(answers[2].items[0]).toMatchObject({ version: 2, actor: { id: 'ada' }, change: { title: 'T' } });
    },
  );

  it.each(WAYS)('G11 M231 nor does a stream, and new rights begin with a snapshot: %s', async (way) => {
    const { manager, clock, change } = await worldWithSecrets();
    const reader = testReader(CALLERS.viewer.identity);
    const watching = watch(manager, {}, reader, way);
    await clock.settle();
    await change({ type: 'update', updates: { commerce: { price: 'new' } } });
    await clock.settle();
    expect(shown(watching.events)).toEqual([]);
    expect(watching.mirror.version).toBe(2);
    reader.become(CALLERS.editor.identity);
    await clock.settle();
    await change({ type: 'update', updates: { commerce: { price: 'newer' }, internal: { note: 'newer' } } });
    await clock.settle();
    expect(shown(watching.events)).toEqual(['commerce']);
    expect(watching.mirror.content.state).toMatchObject({ commerce: { price: 'newer' } });
    watching.abort();
  });

  it('G11 M232 mutations, pushes and dry runs are refused by the field, whatever it holds', async () => {
    const { manager, clock } = await worldWithSecrets();
    const refused = async (updates: JsonObject): Promise<unknown> => {
      const command = { type: 'update', updates } as const;
      const direct = await refusal(clock.until(manager.mutate(CALLERS.editor, CAMPAIGN, command, {})));
      const dry = await refusal(clock.until(manager.mutate(CALLERS.editor, CAMPAIGN, command, { dryRun: true })));
      expect(dry).toMatchObject({ reason: direct.reason, message: direct.message });
      const [pushed] = await clock.until(
        manager.push(CALLERS.editor, CAMPAIGN, [{ mutationId: JSON.stringify(updates).length.toString(), command }]),
      );
      expect(pushed).toMatchObject({ ok: false, error: { reason: direct.reason, path: direct.path } });
      return { reason: direct.reason, path: direct.path };
    };
    // A right guess and a wrong one are told the same.
    for (const note of [SECRET, 'a guess']) {
      expect(await refused({ internal: { note } })).toEqual({ reason: 'FORBIDDEN', path: ['internal'] });
    }
    expect(await refused({ title: 'T', theme: { color: 'red' } })).toEqual({ reason: 'FORBIDDEN', path: ['theme'] });
    const allowed = { type: 'update', updates: { commerce: { price: 'x' } } } as const;
    expect(await clock.until(manager.mutate(CALLERS.editor, CAMPAIGN, allowed, {}))).toMatchObject({ changed: true });
  });

  it('G11 M233 a list hides the titles of campaigns whose role may not read them, row by row', async () => {
    const world = engineWorld({ rights: { title: { read: 'editor' }, status: { read: 'editor' } } });
    await world.create('one');
    await world.create('two');
    const caller = { identity: { id: 'x', grants: { one: 'viewer', two: 'editor' } }, correlationId: 'c' } as const;
    const { items } = await world.clock.until(world.manager.list(caller, { limit: 10 }));
    expect(items.map(({ campaignId, title, updatedBy }) => [campaignId, title, updatedBy])).toEqual([
      ['one', '', 'ada'],
      ['two', 'Summer', 'ada'],
    ]);
    const filtered = world.manager.list(caller, { limit: 10, status: 'active' });
    expect(await refusal(world.clock.until(filtered))).toMatchObject({ reason: 'FORBIDDEN', path: ['status'] });
  });
});
