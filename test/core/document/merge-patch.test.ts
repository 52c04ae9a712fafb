import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isJsonObject, type JsonObject, type JsonValue } from '../../../server/core/json.ts';
import { diff, isEmptyPatch, mergePatch } from '../../../server/core/document/merge-patch.ts';
import { patches, plainDocuments } from '../arbitraries.ts';
import { canonical, naiveMergePatch } from '../naive.ts';

/** RFC 7396, appendix A: original, patch, result. */
const APPENDIX_A: [JsonValue, JsonValue, JsonValue][] = [
  [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
  [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
  [{ a: 'b' }, { a: null }, {}],
  [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
  [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
  [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
  [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
  [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
  [
    ['a', 'b'],
    ['c', 'd'],
    ['c', 'd'],
  ],
  [{ a: 'b' }, ['c'], ['c']],
  [{ a: 'foo' }, null, null],
  [{ a: 'foo' }, 'bar', 'bar'],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [[1, 2], { a: 'b', c: null }, { a: 'b' }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
];

/** All members below, by path: the parts that two documents may share. */
function* parts(value: JsonValue, path: string[] = []): Generator<[string[], JsonValue]> {
  yield [path, value];
  if (isJsonObject(value)) for (const [key, member] of Object.entries(value)) yield* parts(member, [...path, key]);
}

function at(value: JsonValue | undefined, path: readonly string[]): JsonValue | undefined {
  return path.reduce<JsonValue | undefined>(
    (inner, key) => (isJsonObject(inner) && Object.hasOwn(inner, key) ? inner[key] : undefined),
    value,
  );
}

function freeze<T extends JsonValue>(value: T): T {
  if (typeof value === 'object' && value !== null) for (const member of Object.values(value)) freeze(member);
  return Object.freeze(value);
}

describe('merge patch', () => {
  it.each(APPENDIX_A)('C11 RFC 7396, appendix A: %j, patched with %j, is %j', (target, patch, result) => {
    // `mergePatch` takes objects; what is none is patched as a member, which the RFC does in the same way. There `null`
    // removes.
    expect(mergePatch({ m: target }, { m: patch })).toStrictEqual(result === null ? {} : { m: result });
    if (isJsonObject(target) && isJsonObject(patch)) expect(mergePatch(target, patch)).toStrictEqual(result);
  });

  it('C12 means what the words of RFC 7396 mean', () => {
    fc.assert(
      fc.property(plainDocuments, patches, (target, patch) => {
        expect(canonical(mergePatch(target, patch))).toBe(canonical(naiveMergePatch(target, patch)));
      }),
      { numRuns: 1_000 },
    );
  });

  it('C13 changes nothing in place', () => {
    fc.assert(
      fc.property(plainDocuments, patches, (target, patch) => {
        freeze(target);
        freeze(patch);
        const merged = mergePatch(target, patch);
        diff(target, freeze(merged));
      }),
    );
  });

  it('C13 shares by reference whatever the patch leaves as it was', () => {
    fc.assert(
      fc.property(plainDocuments, patches, (target, patch) => {
        const merged = mergePatch(target, patch);
        for (const [path, part] of parts(merged)) {
          const before = at(target, path);
          if (before !== undefined && canonical(before) === canonical(part)) expect(part).toBe(before);
        }
      }),
    );
  });

  it('C13 hands the target itself back where nothing changes', () => {
    const target = { a: { b: [1, { c: 2 }] }, d: 'x' };
    for (const patch of [{}, { a: {} }, { a: { b: [1, { c: 2 }] } }, { d: 'x' }, { e: null }, { a: { f: null } }]) {
      expect(mergePatch(target, patch)).toBe(target);
    }
    expect(mergePatch(target, { e: {} })).not.toBe(target);
    expect(mergePatch(target, { a: { b: [{ c: 2 }, 1] } })).not.toBe(target);
  });

  it('C14 applied twice is applied once', () => {
    fc.assert(
      fc.property(plainDocuments, patches, (target, patch) => {
        const once = mergePatch(target, patch);
        expect(mergePatch(once, patch)).toBe(once);
      }),
    );
  });

  it('C14 brings no null member into being', () => {
    fc.assert(
      fc.property(plainDocuments, patches, (target, patch) => {
        for (const [, part] of parts(mergePatch(target, patch))) expect(part).not.toBeNull();
      }),
    );
  });
});

describe('diff', () => {
  it('C15 leads from one document to the other', () => {
    fc.assert(
      fc.property(plainDocuments, plainDocuments, (from, to) => {
        expect(canonical(mergePatch(from, diff(from, to)))).toBe(canonical(to));
      }),
      { numRuns: 1_000 },
    );
  });

  it('C15 leads back and forth after a patch, where parts are shared', () => {
    fc.assert(
      fc.property(plainDocuments, patches, (from, patch) => {
        const to = mergePatch(from, patch);
        expect(canonical(mergePatch(from, diff(from, to)))).toBe(canonical(to));
        expect(canonical(mergePatch(to, diff(to, from)))).toBe(canonical(from));
      }),
    );
  });

  it('C16 is empty exactly where the two are equal', () => {
    fc.assert(
      fc.property(plainDocuments, plainDocuments, (from, to) => {
        expect(diff(from, from)).toEqual({});
        expect(diff(from, structuredClone(from))).toEqual({});
        expect(isEmptyPatch(diff(from, to))).toBe(canonical(from) === canonical(to));
      }),
    );
  });

  it('C16 says nothing that it need not say: without any one of its members it leads elsewhere', () => {
    fc.assert(
      fc.property(plainDocuments, plainDocuments, (from, to) => {
        const patch = diff(from, to);
        for (const key of Object.keys(patch)) {
          const { [key]: _left, ...rest } = patch;
          expect(canonical(mergePatch(from, rest))).not.toBe(canonical(to));
          expect(
            Object.hasOwn(from, key) && Object.hasOwn(to, key) && canonical(from[key]) === canonical(to[key]),
          ).toBe(false);
        }
      }),
    );
    expect(diff({ a: { b: 1, c: 2 }, d: [1] }, { a: { b: 1, c: 3 }, d: [1] })).toStrictEqual({ a: { c: 3 } });
  });

  it('C17 composes: patches folded one after another come to the one patch from first to last', () => {
    fc.assert(
      fc.property(plainDocuments, fc.array(patches, { maxLength: 6 }), (first, steps) => {
        const last = steps.reduce<JsonObject>((state, patch) => mergePatch(state, patch), first);
        expect(canonical(mergePatch(first, diff(first, last)))).toBe(canonical(last));
        expect(canonical(last)).toBe(
          canonical(steps.reduce<JsonValue>((state, patch) => naiveMergePatch(state, patch), first)),
        );
      }),
    );
  });
});
