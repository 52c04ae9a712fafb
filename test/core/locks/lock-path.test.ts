import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SimpleCommand } from '../../../server/core/commands/command.ts';
import { effect } from '../../../server/core/commands/effect.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../../server/core/json.ts';
import { commandTouches, patchTouches, pathsConflict } from '../../../server/core/locks/lock-path.ts';
import { campaignStates, editCommands } from '../arbitraries.ts';

const paths = fc.array(fc.constantFrom('a', 'b', 'title', 'features', 'ui_content', 'banner', ''), { maxLength: 4 });

function at(document: JsonObject, path: readonly string[]): JsonValue | undefined {
  let value: JsonValue | undefined = document;
  for (const key of path) value = isJsonObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  return value;
}

describe('paths of locks', () => {
  it('J1 two paths conflict where one is the other or leads to it, whichever comes first', () => {
    fc.assert(
      fc.property(paths, paths, (a, b) => {
        const length = Math.min(a.length, b.length);
        const expected = JSON.stringify(a.slice(0, length)) === JSON.stringify(b.slice(0, length));
        expect(pathsConflict(a, b)).toBe(expected);
        expect(pathsConflict(b, a)).toBe(expected);
        expect(pathsConflict(a, [])).toBe(true);
      }),
    );
  });

  it('J2 a patch touches what it writes at, above and below a path, and leaves alone what is beside it', () => {
    const path = ['ui_content', 'banner'];
    expect(patchTouches({ ui_content: { banner: 'x' } }, path)).toBe(true);
    expect(patchTouches({ ui_content: { banner: null } }, path)).toBe(true);
    expect(patchTouches({ ui_content: { banner: {} } }, path)).toBe(true);
    expect(patchTouches({ ui_content: { banner: { text: 'x' } } }, path)).toBe(true);
    expect(patchTouches({ ui_content: null }, path)).toBe(true);
    expect(patchTouches({ ui_content: ['x'] }, path)).toBe(true);
    expect(patchTouches({ ui_content: { footer: 'x' } }, path)).toBe(false);
    expect(patchTouches({ ui_content: {} }, path)).toBe(false);
    expect(patchTouches({ title: 'x' }, path)).toBe(false);
    expect(patchTouches({ title: 'x' }, [])).toBe(true);
    expect(patchTouches({}, [])).toBe(false);
    expect(patchTouches({}, ['toString'])).toBe(false);
  });

  it('J3 an edit that changes what stands at a path touches it', () => {
    fc.assert(
      fc.property(campaignStates, editCommands, paths, (state, command, path) => {
        const change = effect(state, command);
        const touched = commandTouches(command, path);
        if (patchTouches(change, path) && at(change, path) !== undefined) expect(touched).toBe(true);
        if (touched && path.length > 0) expect(commandTouches(command, path.slice(0, -1))).toBe(true);
      }),
    );
  });

  it('J4 rollback, archive and restore touch every path; a replaced section touches all that is in it', () => {
    expect(commandTouches({ type: 'rollback', toVersion: 1 }, ['a', 'b'])).toBe(true);
    expect(commandTouches({ type: 'archive' }, ['a'])).toBe(true);
    expect(commandTouches({ type: 'restore' }, [])).toBe(true);
    const value = { footer: 'x' };
    const path = ['ui_content', 'banner'];
    expect(commandTouches({ type: 'updateConfig', section: 'ui_content', value }, path)).toBe(false);
    expect(commandTouches({ type: 'updateConfig', section: 'ui_content', value, mode: 'replace' }, path)).toBe(true);
    const commands: SimpleCommand[] = [
      { type: 'update', updates: { title: 'x' } },
      { type: 'updateConfig', section: 'ui_content', value },
    ];
    expect(commandTouches({ type: 'batch', commands }, path)).toBe(false);
    expect(commandTouches({ type: 'batch', commands }, ['ui_content'])).toBe(true);
    expect(commandTouches({ type: 'updateFeatures', features: [], action: 'set' }, ['features'])).toBe(true);
  });
});
