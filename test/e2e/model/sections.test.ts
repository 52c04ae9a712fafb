import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { patchBetween, sharedPlaces } from '../../../demo/src/sections/json.ts';
import { lineAt, read, write } from '../../../demo/src/sections/json-text.ts';
import { faultOfName, sectionsOf } from '../../../demo/src/sections/section-names.ts';
import { jsonEqual, type JsonObject, type JsonValue } from '../../../server/core/json.ts';
import { mergePatch } from '../../../server/core/document/merge-patch.ts';

const { json } = fc.letrec<{ json: JsonValue }>((tie) => ({
  json: fc.oneof(
    { depthSize: 'small' },
    fc.oneof(fc.boolean(), fc.integer(), fc.string()),
    fc.array(tie('json'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('a', 'b', 'c', 'toString'), tie('json'), { maxKeys: 3 }),
  ),
}));

/** A document with that section after that change of it. */
const changed = (section: JsonValue | undefined, patch: JsonValue) =>
  mergePatch((section === undefined ? {} : { section }) as JsonObject, { section: patch } as JsonObject)[
    'section'
  ] as JsonValue;

describe('the patch of a section', () => {
  it('D19 leads from what was begun with to what was written, and is none where both say the same', () => {
    fc.assert(
      fc.property(fc.option(json, { nil: undefined }), json, (before, after) => {
        const patch = patchBetween(before, after);
        expect(patch === undefined).toBe(jsonEqual(before, after));
        if (patch !== undefined) expect(changed(before, patch)).toEqual(after);
      }),
    );
  });

  it('D19 touches nothing that both have in common', () => {
    const before = { faq: { main_text: 'old', mood: 'kind' }, welcome: { steps: [1, 2] } };
    expect(patchBetween(before, { faq: { main_text: 'new', mood: 'kind' }, welcome: { steps: [1, 2] } })).toEqual({
      faq: { main_text: 'new' },
    });
    expect(patchBetween(before, { faq: before.faq })).toEqual({ welcome: null });
    expect(patchBetween(before, { welcome: { steps: [2, 1] }, faq: before.faq })).toEqual({
      welcome: { steps: [2, 1] },
    });
  });

  it('D19 names the places where two editors would overwrite each other, and no others', () => {
    expect(sharedPlaces({ a: { x: 1, y: 2 }, b: 1 }, { a: { y: 3, z: 4 } })).toEqual(['a.y']);
    expect(sharedPlaces({ a: null }, { a: { y: 3 } })).toEqual(['a']);
    expect(sharedPlaces({ a: 1, b: null, c: 2 }, { b: null, c: 3 })).toEqual(['c']);
    expect(sharedPlaces({ a: 1 }, { b: 1 })).toEqual([]);
    expect(sharedPlaces({ a: 1 }, null)).toEqual(['']);
    expect(sharedPlaces(undefined, { a: 1 })).toEqual([]);
  });
});

describe('the text of a section', () => {
  it('D19 is read back as it was written', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(read(write(value))).toEqual({ ok: true, value });
      }),
    );
  });

  it.each([
    ['{\n  "a": 1,\n  b: 2\n}', 3],
    ['{\n  "a": [1, 2', 2],
    ['', 1],
  ])('D19 names the line at which it is no JSON: %j', (text, line) => {
    const result = read(text);
    expect(result).toMatchObject({ ok: false, fault: { line } });
    if (!result.ok) expect(result.fault.message).not.toMatch(/position|line \d/);
  });

  const scripts = write({ 'a{"b': { list: [{ x: 1 }, { x: '},{' }], y: null }, last: 1 });

  it.each([
    [['a{"b'], 2],
    [['a{"b', 'list', 0], 4],
    [['a{"b', 'list', 1, 'x'], 8],
    [['a{"b', 'y'], 11],
    [['last'], 13],
    [['a{"b', 'list', 7, 'x'], 3],
    [['nowhere'], 1],
    [[], 1],
  ])('D19 finds the line of a place, or of what is closest around it: %j', (path, line) => {
    expect(lineAt(scripts, path)).toBe(line);
  });

  it('D19 finds every member that there is', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.string(), { minKeys: 1 }), (members) => {
        const text = write(members);
        for (const key of Object.keys(members)) {
          const line = text.split('\n')[lineAt(text, [key]) - 1];
          expect(line?.startsWith(`  ${JSON.stringify(key)}: `)).toBe(true);
        }
      }),
    );
  });
});

describe('the names of sections', () => {
  it('D19 are the known ones, then every module, and nothing that has a field of its own', () => {
    const names = sectionsOf({ title: 'T', tags: [], theme: {}, referral: {}, commerce: {} });
    expect(names.slice(0, 3)).toEqual(['ui_content', 'ui_components', 'theme']);
    expect(names.slice(-2)).toEqual(['commerce', 'referral']);
    expect(names).not.toContain('title');
  });

  it('D19 are not given twice', () => {
    expect(faultOfName('commerce', {})).toBeUndefined();
    expect(faultOfName('commerce', { commerce: {} })).toMatch(/already/);
    expect(faultOfName('scripts', {})).toMatch(/already/);
    expect(faultOfName('title', {})).toMatch(/field of its own/);
  });
});
