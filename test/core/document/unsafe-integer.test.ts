import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findUnsafeInteger, unsafeIntegerRefusal } from '../../../server/core/document/issues/unsafe-integer.ts';

/** Whether JavaScript's own parser meets such an integer, by the text of each value. */
function holdsUnsafe(text: string): boolean {
  let found = false;
  JSON.parse(text, (_key, value: unknown, context?: { source?: string }) => {
    if (context?.source !== undefined && /^-?\d+$/.test(context.source) && !Number.isSafeInteger(value)) found = true;
    return value;
  });
  return found;
}

const NOISE = Array.from('{}[]",:\\ 0123456789-.eE');

describe('integers beyond 2^53', () => {
  it.each<[string, (string | number)[], string]>([
    ['9007199254740992', [], '9007199254740992'],
    ['{"updates":{"price":9007199254740993}}', ['updates', 'price'], '9007199254740993'],
    ['{"a":[1,{"b":-9007199254740992}]}', ['a', 1, 'b'], '-9007199254740992'],
    ['[ [], {}, [0, 123456789012345678901234567890 ] ]', [2, 1], '123456789012345678901234567890'],
    ['{"1234567890123456":"1234567890123456","\\"x\\\\":\n9999999999999999}', ['"x\\'], '9999999999999999'],
    ['{"a":{"b":1},"c":[],"d":9007199254740993}', ['d'], '9007199254740993'],
    [`{"a":1${'0'.repeat(400)}}`, ['a'], `1${'0'.repeat(63)}`],
  ])('C25 finds it, with its place: %s', (text, path, literal) => {
    expect(findUnsafeInteger(text)).toEqual({ path, literal });
  });

  it.each([
    '9007199254740991',
    '-9007199254740991',
    '{"a":"9007199254740993"}',
    '{"9007199254740993":1}',
    '{"text":"it is, 9007199254740993 or [9007199254740993]"}',
    '{"text":"\\",9007199254740993"}',
    '0.12345678901234567890',
    '1234567890123456.5',
    '1234567890123456e3',
    '1e300',
    '',
  ])('C25 lets pass what is exact, approximate by nature, or text: %s', (text) => {
    expect(findUnsafeInteger(text)).toBeUndefined();
  });

  it('C25 agrees with the parser on any JSON', () => {
    const numbers = fc.oneof(
      fc.bigInt({ min: -(2n ** 54n), max: 2n ** 54n }).map(String),
      fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
      fc.nat().map(String),
    );
    const texts = fc.letrec<{ node: string }>((tie) => ({
      node: fc.oneof(
        { maxDepth: 4 },
        numbers,
        fc.oneof(fc.string(), fc.constantFrom('é', '𝄞', '"', '\\'), numbers).map((text) => JSON.stringify(text)),
        fc.array(tie('node'), { maxLength: 3 }).map((items) => `[ ${items.join(' ,')}]`),
        fc
          .uniqueArray(fc.tuple(fc.oneof(fc.string(), numbers), tie('node')), {
            maxLength: 3,
            selector: ([key]) => key,
          })
          .map((members) => `{${members.map(([key, value]) => `${JSON.stringify(key)}: ${value}`).join(',\n')}}`),
      ),
    })).node;
    fc.assert(
      fc.property(texts, (text) => {
        const found = findUnsafeInteger(text);
        expect(found !== undefined).toBe(holdsUnsafe(text));
        if (!found) return;
        const value = found.path.reduce<unknown>(
          (inner, step) => (inner as Record<string | number, unknown>)[step],
          JSON.parse(text) as unknown,
        );
        expect(value).toBe(Number(found.literal));
      }),
      { numRuns: 200 },
    );
  });

  it('C25 never throws, whatever the text, and is done in time that follows its length', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...NOISE), maxLength: 60 }), (noise) => {
        findUnsafeInteger(`${noise}9007199254740993${noise}`);
      }),
    );
    const hostile = [
      '['.repeat(500_000) + '9007199254740993',
      `"${'\\'.repeat(500_000)}`,
      '"\\'.repeat(200_000),
      '1'.repeat(1_000_000),
      ':1234567890123456.'.repeat(50_000),
    ];
    for (const text of hostile) findUnsafeInteger(`[9,9007199254740991,${text}`);
  });

  it('C25 the refusal names the field, and quotes no more than 64 characters', () => {
    const found = findUnsafeInteger(`{"updates":{"${'x'.repeat(900)}":${'9'.repeat(900)}}}`);
    const refusal = found && unsafeIntegerRefusal(found);
    expect(refusal?.message.length).toBeLessThan(250);
    expect(findUnsafeInteger('{"a":{"b":9007199254740993}}')).toBeDefined();
    expect(unsafeIntegerRefusal({ path: ['a', 'b'], literal: '9007199254740993' })).toEqual({
      reason: 'INVALID',
      message: 'a.b: 9007199254740993 is beyond 2^53, and would be rounded; send it as text',
      path: ['a', 'b'],
    });
  });
});
