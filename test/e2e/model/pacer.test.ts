import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createPacer } from '../../../demo/src/editing/pacer.ts';

describe('the pacer', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
  afterEach(() => void vi.useRealTimers());

  function typing() {
    const passed: { value: string; typedAt: number }[] = [];
    const start = performance.now();
    const pacer = createPacer<string>((value, typedAt) => passed.push({ value, typedAt: typedAt - start }), 300);
    return { passed, pacer };
  }

  it('D3 lets the first stroke pass at once, and bundles those that follow', () => {
    const { passed, pacer } = typing();
    for (const value of ['a', 'ab', 'abc', 'abcd']) {
      pacer.push(value);
      vi.advanceTimersByTime(50);
    }
    expect(passed).toEqual([{ value: 'a', typedAt: 0 }]);
    vi.advanceTimersByTime(1_000);
    expect(passed).toEqual([
      { value: 'a', typedAt: 0 },
      { value: 'abcd', typedAt: 50 },
    ]);
  });

  it('D3 passes at most one value an interval, and the newest one always', () => {
    const { passed, pacer } = typing();
    for (let stroke = 1; stroke <= 100; stroke += 1) {
      pacer.push(String(stroke));
      vi.advanceTimersByTime(30);
    }
    vi.advanceTimersByTime(300);
    expect(passed.length).toBeLessThanOrEqual(11);
    expect(passed.at(-1)?.value).toBe('100');
  });

  it('D3 passes what waits when the field is left, once', () => {
    const { passed, pacer } = typing();
    pacer.push('a');
    pacer.push('ab');
    pacer.flush();
    pacer.flush();
    vi.advanceTimersByTime(1_000);
    expect(passed.map(({ value }) => value)).toEqual(['a', 'ab']);
  });

  it('D4 drops what waits', () => {
    const { passed, pacer } = typing();
    pacer.push('a');
    pacer.push('ab');
    pacer.drop();
    vi.advanceTimersByTime(1_000);
    expect(passed.map(({ value }) => value)).toEqual(['a']);
  });
});
