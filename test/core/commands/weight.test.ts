import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SimpleCommand } from '../../../server/core/commands/command.ts';
import { weightOf } from '../../../server/core/commands/weight.ts';
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
