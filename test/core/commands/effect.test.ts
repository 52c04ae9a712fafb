import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EditCommand } from '../../../server/core/commands/command.ts';
import { effect } from '../../../server/core/commands/effect.ts';
import type { JsonObject } from '../../../server/core/json.ts';
import { diff, mergePatch } from '../../../server/core/document/merge-patch.ts';
import { cleanJson } from '../../../server/core/document/plain-json.ts';
import { anyJson, campaignStates, editCommands, featureLists, plainDocuments } from '../arbitraries.ts';
import { canonical, naiveMeaning } from '../naive.ts';

function after(state: JsonObject, command: EditCommand): JsonObject {
  return mergePatch(state, effect(state, command));
}

describe('effect', () => {
  it('C20 applied, is what the command means', () => {
    fc.assert(
      fc.property(campaignStates, editCommands, (state, command) => {
        expect(canonical(after(state, command))).toBe(canonical(naiveMeaning(state, command)));
      }),
      { numRuns: 2_000 },
    );
  });

  it('C20 applied, is what the command means on any document, of no campaign too', () => {
    fc.assert(
      fc.property(plainDocuments, editCommands, (state, command) => {
        expect(canonical(after(state, command))).toBe(canonical(naiveMeaning(state, command)));
      }),
      { numRuns: 500 },
    );
  });

  it('C20 removes with null, merges a section by default, and replaces it where asked', () => {
    const state = { title: 'x', theme: { color: 'red', font: 'serif' } };
    expect(after(state, { type: 'update', updates: { theme: { color: null } } })).toEqual({
      title: 'x',
      theme: { font: 'serif' },
    });
    const value = { color: 'blue', gap: null };
    expect(after(state, { type: 'updateConfig', section: 'theme', value })).toEqual({
      title: 'x',
      theme: { color: 'blue', font: 'serif' },
    });
    expect(after(state, { type: 'updateConfig', section: 'theme', value, mode: 'merge' })).toEqual({
      title: 'x',
      theme: { color: 'blue', font: 'serif' },
    });
    expect(after(state, { type: 'updateConfig', section: 'theme', value, mode: 'replace' })).toEqual({
      title: 'x',
      theme: { color: 'blue' },
    });
    expect(after(state, { type: 'updateConfig', section: 'theme', value: {}, mode: 'replace' })).toEqual({
      title: 'x',
      theme: {},
    });
  });

  it('C21 is {} exactly where the state is so already', () => {
    fc.assert(
      fc.property(campaignStates, editCommands, (state, command) => {
        const change = effect(state, command);
        expect(Object.keys(change).length === 0).toBe(canonical(naiveMeaning(state, command)) === canonical(state));
        // Once it is so, the same command but for a batch, whose steps may undo each other, has nothing left to do.
        if (command.type !== 'batch') expect(effect(mergePatch(state, change), command)).toEqual({});
      }),
    );
  });

  it('C21 names no part that stays as it was', () => {
    const state = { title: 'x', theme: { color: 'red', font: 'serif' }, features: ['a'] };
    expect(
      effect(state, { type: 'update', updates: { title: 'x', theme: { color: 'red', font: 'sans' } } }),
    ).toStrictEqual({ theme: { font: 'sans' } });
    expect(
      effect(state, { type: 'updateConfig', section: 'theme', value: { color: 'red' }, mode: 'replace' }),
    ).toStrictEqual({ theme: { font: null } });
  });

  it('C22 keeps features an ordered set: old ones keep their places, new ones come last, none comes twice', () => {
    const state = { features: ['a', 'b'] };
    expect(after(state, { type: 'updateFeatures', action: 'add', features: ['c', 'a', 'c'] }).features).toEqual([
      'a',
      'b',
      'c',
    ]);
    expect(after(state, { type: 'updateFeatures', action: 'remove', features: ['a', 'x'] }).features).toEqual(['b']);
    expect(after(state, { type: 'updateFeatures', action: 'set', features: ['c', 'a', 'c'] }).features).toEqual([
      'c',
      'a',
    ]);
    expect(after(state, { type: 'updateFeatures', action: 'set', features: ['b', 'a'] }).features).toEqual(['b', 'a']);
    expect(after(state, { type: 'updateFeatures', action: 'set', features: [] }).features).toEqual([]);
    expect(after({}, { type: 'updateFeatures', action: 'set', features: [] })).toEqual({ features: [] });
    expect(effect({}, { type: 'updateFeatures', action: 'add', features: [] })).toEqual({});
    expect(effect({}, { type: 'updateFeatures', action: 'remove', features: ['a'] })).toEqual({});
    // No document holds such a list, but what an app shows before the server has checked it may.
    expect(
      after({ features: ['a', 1, null] }, { type: 'updateFeatures', action: 'add', features: ['b'] }).features,
    ).toEqual(['a', 'b']);
    expect(after({ features: 'a' }, { type: 'updateFeatures', action: 'add', features: ['b'] }).features).toEqual([
      'b',
    ]);
  });

  it('C22 keeps features an ordered set whatever is done in whatever order', () => {
    const steps = fc.array(fc.tuple(featureLists, fc.constantFrom('add' as const, 'remove' as const, 'set' as const)), {
      maxLength: 12,
    });
    fc.assert(
      fc.property(steps, (actions) => {
        let state: JsonObject = { slug: 's', title: 't' };
        for (const [features, action] of actions) {
          const before = Array.isArray(state.features) ? state.features : [];
          state = after(state, { type: 'updateFeatures', features, action });
          const now = Array.isArray(state.features) ? state.features : [];
          expect(new Set(now).size).toBe(now.length);
          if (action === 'add') expect(now.slice(0, before.length)).toEqual(before);
          if (action === 'remove')
            expect(now).toEqual(before.filter((item) => !features.some((name) => name === item)));
          if (action === 'set') expect(new Set(now)).toEqual(new Set(features));
        }
      }),
    );
  });

  it('C23 makes one effect of a batch, each command on the state that the one before it led to', () => {
    const state = { slug: 's', title: 'one' };
    const command: EditCommand = {
      type: 'batch',
      commands: [
        { type: 'update', updates: { title: null, note: 'x' } },
        { type: 'updateFeatures', action: 'add', features: ['a', 'b'] },
        { type: 'updateFeatures', action: 'remove', features: ['a'] },
        { type: 'update', updates: { title: 'two', note: null } },
      ],
    };
    expect(effect(state, command)).toStrictEqual({ title: 'two', features: ['b'] });
    expect(effect(state, { type: 'batch', commands: [] })).toEqual({});
  });

  it('C24 has an effect for whatever JSON passes `cleanJson`, and harms nothing with what does not', () => {
    const known = Object.getOwnPropertyNames(Object.prototype);
    fc.assert(
      fc.property(anyJson, anyJson, fc.constantFrom('merge' as const, 'replace' as const), (stored, sent, mode) => {
        const state = cleanJson(stored, [], 'drop');
        const input = cleanJson(sent, []);
        const value = typeof sent === 'object' && sent !== null && !Array.isArray(sent) ? (sent as JsonObject) : {};
        for (const updates of [input.ok ? input.value : {}, value]) {
          const start = state.ok ? state.value : {};
          const change = effect(start, { type: 'update', updates });
          if (updates !== value || input.ok)
            expect(effect(mergePatch(start, change), { type: 'update', updates })).toEqual({});
          effect(start, { type: 'updateConfig', section: 'views', value: updates, mode });
          effect(start, { type: 'updateFeatures', action: 'add', features: ['__proto__', 'constructor'] });
        }
      }),
      { numRuns: 500 },
    );
    expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(known);
  });

  it('C24 takes arrays of any depth', () => {
    const deep = JSON.parse('['.repeat(10_000) + ']'.repeat(10_000)) as JsonObject[];
    const change = effect({ title: 'x' }, { type: 'update', updates: { deep } });
    expect(Object.keys(change)).toEqual(['deep']);
    expect(diff({ title: 'x' }, { title: 'x', deep })).toHaveProperty('deep');
  });
});
