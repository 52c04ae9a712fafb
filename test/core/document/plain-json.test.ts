import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isJsonObject, jsonEqual, type JsonObject, type JsonValue } from '../../../server/core/json.ts';
import { LIMITS } from '../../../server/core/limits.ts';
import { cleanJson, jsonBytes, utf8Bytes } from '../../../server/core/document/plain-json.ts';
import { anyJson, patches, plainDocuments } from '../arbitraries.ts';
import { canonical } from '../naive.ts';

function cleaned(value: unknown, nulls: 'keep' | 'drop' = 'keep'): JsonObject {
  const result = cleanJson(value, ['updates'], nulls);
  if (!result.ok) throw new Error(result.refusal.message);
  return result.value;
}

function refusal(value: unknown): { reason: string; path: unknown; message: string; limit: unknown } {
  const result = cleanJson(value, ['updates']);
  if (result.ok) throw new Error('this should have been refused');
  const { reason, path, message, limit } = result.refusal;
  return { reason, path, message, limit };
}

function nested(levels: number, kind: 'objects' | 'arrays'): unknown {
  const text =
    kind === 'objects' ? '{"a":'.repeat(levels) + '1' + '}'.repeat(levels) : '['.repeat(levels) + ']'.repeat(levels);
  return JSON.parse(text);
}

describe('plain JSON', () => {
  it('C1 hands back what is fine as it is, uncopied', () => {
    fc.assert(
      fc.property(patches, (value) => {
        expect(cleaned(value)).toBe(value);
      }),
    );
  });

  it('C2 refuses keys that reach into JavaScript, wherever they stand, and names them', () => {
    for (const key of ['__proto__', 'constructor', 'prototype']) {
      const hostile = JSON.parse(`{"a":[{"b":{"${key}":{"admin":true}}}]}`) as unknown;
      expect(refusal(hostile)).toMatchObject({ reason: 'INVALID', path: ['updates', 'a', 0, 'b', key] });
      expect(refusal(hostile).message).toBe(`updates.a.0.b.${key}: this key is not allowed`);
    }
    expect(cleaned({ toString: 1, hasOwnProperty: 2, proto: 3 })).toEqual({ toString: 1, hasOwnProperty: 2, proto: 3 });
  });

  it.each([
    ['a lone high surrogate', '\ud800'],
    ['a lone low surrogate', 'x\udc00'],
    ['a pair the wrong way round', '\udc00\ud800'],
    ['U+0000', 'a\u0000b'],
  ])('C3 refuses %s in text and in keys', (_what, text) => {
    expect(refusal({ a: { b: text } })).toMatchObject({ reason: 'INVALID', path: ['updates', 'a', 'b'] });
    expect(refusal({ a: [text] })).toMatchObject({ reason: 'INVALID', path: ['updates', 'a', 0] });
    const inKey = refusal({ a: { [text]: 1 } });
    expect(inKey.reason).toBe('INVALID');
    // The refusal itself must be fit to travel.
    expect(inKey.message.isWellFormed()).toBe(true);
  });

  it('C3 lets whole Unicode pass', () => {
    expect(cleaned({ '𝄞é\u0001': '\u{10ffff}\ufffe' })).toEqual({ '𝄞é\u0001': '\u{10ffff}\ufffe' });
  });

  it('C4 refuses numbers that are not finite, and makes 0 of -0', () => {
    for (const text of ['{"a":1e400}', '{"a":-1e400}', '{"b":[{"a":1e999}]}']) {
      expect(refusal(JSON.parse(text)).message).toMatch(/: numbers must be finite$/);
    }
    expect(refusal({ a: Number.NaN })).toMatchObject({ reason: 'INVALID', path: ['updates', 'a'] });
    const given = { a: -0, b: [1, -0], c: { d: -0 } };
    const result = cleaned(given);
    expect(result).toStrictEqual({ a: 0, b: [1, 0], c: { d: 0 } });
    // The caller's own value stays as it was.
    expect(Object.is(given.a, -0) && Object.is(given.b[1], -0) && Object.is(given.c.d, -0)).toBe(true);
  });

  it(`C5 lets ${LIMITS.depth} levels pass and refuses one more, naming the limit`, () => {
    expect(cleaned(nested(LIMITS.depth, 'objects'))).toBeDefined();
    expect(cleaned({ a: nested(LIMITS.depth - 1, 'arrays') })).toBeDefined();
    for (const tooDeep of [nested(LIMITS.depth + 1, 'objects'), { a: nested(LIMITS.depth, 'arrays') }]) {
      expect(refusal(tooDeep)).toMatchObject({ reason: 'TOO_LARGE', limit: LIMITS.depth });
    }
  });

  it('C5 refuses any depth without a full stack, and a circle too', () => {
    expect(refusal(nested(10_000, 'objects'))).toMatchObject({ limit: LIMITS.depth });
    expect(refusal({ a: nested(10_000, 'arrays') })).toMatchObject({ limit: LIMITS.depth });
    const circle: Record<string, unknown> = {};
    circle['a'] = circle;
    expect(refusal(circle)).toMatchObject({ limit: LIMITS.depth });
  });

  it('C6 keeps null members of a patch and drops those of a document; inside arrays they stay', () => {
    const given = { a: null, b: { c: null, d: [null, { e: null }] } };
    expect(cleaned(given, 'keep')).toBe(given);
    expect(cleaned(given, 'drop')).toStrictEqual({ b: { d: [null, { e: null }] } });
    expect(given).toStrictEqual({ a: null, b: { c: null, d: [null, { e: null }] } });
  });

  it('C7 refuses what is not plain JSON, at the top and below, and leaves out what is undefined', () => {
    class Instance {
      a = 1;
    }
    for (const value of [null, 7, 'text', true, [], [1], new Date(), new Map(), new Instance()]) {
      expect(refusal(value)).toMatchObject({
        reason: 'INVALID',
        path: ['updates'],
        message: 'updates: must be a JSON object',
      });
    }
    for (const value of [new Date(), new Map(), new Instance(), () => 1, Symbol('s'), 1n]) {
      expect(refusal({ a: [value] })).toMatchObject({ reason: 'INVALID', path: ['updates', 'a', 0] });
    }
    expect(refusal({ a: [undefined] })).toMatchObject({ path: ['updates', 'a', 0] });
    expect(Object.keys(cleaned({ a: undefined, b: 1 }))).toEqual(['b']);
    expect(cleaned(Object.assign(Object.create(null) as object, { a: 1 }))).toEqual({ a: 1 });
    expect(cleaned(runInNewContext('({ a: { b: [1] } })'))).toEqual({ a: { b: [1] } });
  });

  it('C8 never throws, and what it lets pass is the same after any number of journeys', () => {
    fc.assert(
      fc.property(anyJson, fc.constantFrom('keep' as const, 'drop' as const), (value, nulls) => {
        const result = cleanJson(value, [], nulls);
        if (!result.ok) {
          expect(result.refusal.message).not.toBe('');
          return;
        }
        const travelled = JSON.parse(JSON.stringify(result.value)) as JsonObject;
        expect(jsonEqual(travelled, result.value)).toBe(true);
        expect(canonical(travelled)).toBe(canonical(result.value));
        // Fine already: looking a second time finds nothing.
        expect(cleaned(result.value, nulls)).toBe(result.value);
      }),
      { numRuns: 500 },
    );
  });

  it('C9 counts the bytes that an encoder would write', () => {
    fc.assert(
      fc.property(
        fc.oneof(plainDocuments, fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' })),
        (value: JsonValue) => {
          expect(jsonBytes(value)).toBe(new TextEncoder().encode(JSON.stringify(value)).length);
        },
      ),
    );
    for (const [text, bytes] of [
      ['\u007f', 1],
      ['\u0080', 2],
      ['\u07ff', 2],
      ['\u0800', 3],
      ['\ud7ff', 3],
      ['\ue000', 3],
      ['\uffff', 3],
      ['\u{10000}', 4],
    ] as const) {
      expect(utf8Bytes(text)).toBe(bytes);
    }
  });

  it('C10 finds equal what differs in the order of members alone', () => {
    expect(jsonEqual({ a: 1, b: [2, { c: 3, d: 4 }] }, { b: [2, { d: 4, c: 3 }], a: 1 })).toBe(true);
    expect(jsonEqual([1, 2], [2, 1])).toBe(false);
    expect(jsonEqual({ a: 1 }, { a: 1, b: 2 })).toBe(false);
    expect(jsonEqual({ toString: 1 }, { a: 1 })).toBe(false);
    expect(jsonEqual({}, [])).toBe(false);
    expect(jsonEqual(null, {})).toBe(false);
    expect(isJsonObject([])).toBe(false);
    fc.assert(
      fc.property(patches, patches, (a, b) => {
        expect(jsonEqual(a, structuredClone(a))).toBe(true);
        expect(jsonEqual(a, b)).toBe(canonical(a) === canonical(b));
      }),
    );
  });
});
