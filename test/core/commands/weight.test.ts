import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SimpleCommand } from '../../../server/core/commands/command.ts';
import { decide, type Check, type Request } from '../../../server/core/commands/decide.ts';
import { weightOf } from '../../../server/core/commands/weight.ts';
import { jsonBytes } from '../../../server/core/document/plain-json.ts';
import { contentOf } from '../../../server/core/stream/apply.ts';
import { editCommands } from '../arbitraries.ts';

const title: SimpleCommand = { type: 'update', updates: { title: 'New' } };
const record = (members: number) => Object.fromEntries(Array.from({ length: members }, (_, n) => [`key${n}`, n]));

describe('weight of a command', () => {
  it('C91 a change of a few fields is the unit', () => {
    expect(weightOf(title)).toBe(1);
    expect(weightOf({ type: 'updateConfig', section: 'theme', value: { accent: 'red', radius: 4 } })).toBe(1);
    expect(weightOf({ type: 'archive' })).toBe(1);
  });

  it('C91 a batch weighs what its commands weigh', () => {
    expect(weightOf({ type: 'batch', commands: Array.from({ length: 100 }, () => title) })).toBe(100);
    const simple = editCommands.filter((command) => command.type !== 'batch');
    fc.assert(
      fc.property(fc.array(simple, { minLength: 1, maxLength: 20 }), (commands) => {
        const sum = commands.reduce((total, command) => total + weightOf(command), 0);
        expect(weightOf({ type: 'batch', commands: commands as SimpleCommand[] })).toBe(sum);
      }),
    );
  });

  it('C91 it grows with the members, the items and the text that are asked for', () => {
    const update = (updates: object) => weightOf({ type: 'update', updates: { metadata: { ...updates } } });
    expect(update(record(18_000))).toBeGreaterThan(4_000);
    expect(update({ text: 'x'.repeat(250_000) })).toBeGreaterThan(100);
    expect(update({ list: Array.from({ length: 40_000 }, () => 1) })).toBeGreaterThan(100);
    expect(update(record(1_000))).toBeLessThan(update(record(2_000)));
    expect(update(record(20))).toBe(1);
    expect(
      weightOf({
        type: 'updateFeatures',
        features: Array.from({ length: 1_000 }, () => 'x'.repeat(128)),
        action: 'set',
      }),
    ).toBeGreaterThan(50);
  });

  it.each([
    ['update', { type: 'update', updates: record(5_000) }, 'updates'],
    ['updateConfig', { type: 'updateConfig', section: 'theme', value: record(5_000) }, 'value'],
    [
      'batch',
      { type: 'batch', commands: Array.from({ length: 100 }, () => ({ type: 'update', updates: record(100) })) },
      'commands',
    ],
  ] as const)(
    'C94 a command that weighs more than 1,024 is refused by the name of what is too much: %s',
    (_name, command, member) => {
      const document = { slug: 's', title: 'T' };
      const situation = {
        campaignId: 'summer',
        epoch: 'e',
        version: 1,
        lineage: [],
        content: contentOf(document, undefined),
        documentBytes: jsonBytes(document),
      };
      const identity = { id: 'ed', grants: { summer: 'editor' } } as const;
      let checked = 0;
      const check: Check = (state) => {
        checked += 1;
        return { ok: true, state };
      };
      expect(decide(situation, { command, identity } as Request, check)).toMatchObject({
        kind: 'rejected',
        refusal: {
          reason: 'TOO_LARGE',
          path: [member],
          limit: 1_024,
          message: expect.stringMatching(/weighs \d+; at most 1024/),
        },
      });
      expect(checked).toBe(0);
      const half = { type: 'update', updates: record(2_000) } as const;
      expect(decide(situation, { command: half, identity }, check)).toMatchObject({ kind: 'entry' });
    },
  );

  it('C91 it is a whole number of at least 1, whatever the command', () => {
    fc.assert(
      fc.property(editCommands, (command) => {
        expect(weightOf(command)).toBeGreaterThanOrEqual(1);
        expect(Number.isInteger(weightOf(command))).toBe(true);
      }),
    );
    expect(weightOf({ type: 'batch', commands: [] })).toBe(1);
  });
});
