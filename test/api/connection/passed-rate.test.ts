import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createMutationRate } from '../../../server/api/connection/mutation-rate.ts';
import { PassedRate, REFUSED_BEYOND_RATE } from '../../../server/api/connection/passed-rate.ts';
import type { Refusal } from '../../../server/core/errors.ts';
import { RefusalError } from '../../../server/core/errors.ts';

const REFUSAL: Refusal = { reason: 'RATE_LIMITED', message: 'too many', limit: 5, retryAfterMs: 400 };

function refusalOf(passed: PassedRate, caller: string): Refusal | undefined {
  try {
    passed.refuse(caller);
    return undefined;
  } catch (error) {
    if (error instanceof RefusalError) return error.refusal;
    throw error;
  }
}

afterEach(() => void vi.useRealTimers());

describe('P12 the rate, once it is passed', () => {
  test('P12 refuses with the time that is left, until it is over', () => {
    let now = 1_000;
    const passed = new PassedRate(() => now);
    expect(refusalOf(passed, 'ada')).toBeUndefined();
    passed.onRefused('ada', REFUSAL);
    now = 1_150.5;
    expect(refusalOf(passed, 'ada')).toEqual({ ...REFUSAL, retryAfterMs: 250 });
    // A refusal that comes late does not make it last longer.
    passed.onRefused('ada', REFUSAL);
    now = 1_400;
    expect(refusalOf(passed, 'ada')).toBeUndefined();
  });

  test('P12 is that of the caller who passed it: who has become somebody else is not refused for it', () => {
    const passed = new PassedRate(() => 0);
    passed.onRefused('ada', REFUSAL);
    expect(refusalOf(passed, 'grace')).toBeUndefined();
    passed.onRefused('grace', { ...REFUSAL, limit: 6 });
    expect(refusalOf(passed, 'grace')).toMatchObject({ limit: 6 });
  });

  test(`P12 has who goes on wait for the rest of it, after ${REFUSED_BEYOND_RATE} refusals, and counts anew after it`, () => {
    let now = 0;
    const passed = new PassedRate(() => now);
    passed.onRefused('ada', REFUSAL);
    for (let refused = 1; refused < REFUSED_BEYOND_RATE; refused += 1) {
      expect(passed.waitMs()).toBe(0);
      refusalOf(passed, 'ada');
    }
    expect(passed.waitMs()).toBe(400);
    now = 400;
    expect(passed.waitMs()).toBe(0);
    passed.onRefused('ada', REFUSAL);
    expect(passed.waitMs()).toBe(0);
  });

  test('P12 refuses nothing that the rate itself would let pass', async () => {
    vi.useFakeTimers();
    const sent = fc.array(fc.record({ weight: fc.integer({ min: 1, max: 12 }), after: fc.nat(300) }), {
      maxLength: 60,
    });
    await fc.assert(
      fc.asyncProperty(sent, async (mutations) => {
        const rate = createMutationRate(10);
        const passed = new PassedRate(() => performance.now());
        for (const { weight, after } of mutations) {
          await vi.advanceTimersByTimeAsync(after);
          const early = refusalOf(passed, 'ada');
          const late: unknown = await rate('one', 'ada', weight)?.then(
            () => undefined,
            (error: unknown) => error,
          );
          if (late instanceof RefusalError) passed.onRefused('ada', late.refusal);
          if (early) expect(late).toBeInstanceOf(RefusalError);
        }
      }),
      { numRuns: 300 },
    );
  });
});
