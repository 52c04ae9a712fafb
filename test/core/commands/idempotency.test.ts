import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createIdempotencyWindow, type AppliedMutation } from '../../../server/core/commands/idempotency.ts';

function applied(version: number): AppliedMutation {
  return { mutationId: `m${version}`, version, epoch: 'e1', fingerprint: `f${version}`, changed: true };
}

const moves = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('apply' as const), count: fc.integer({ min: 1, max: 6 }) }),
    fc.record({ kind: fc.constant('commit' as const), count: fc.integer({ min: 1, max: 9 }) }),
    fc.constant({ kind: 'trim' as const, count: 0 }),
  ),
  { maxLength: 60, size: 'max' },
);

describe('idempotency window', () => {
  it('G3 C80 knows every id applied after its floor, and drops none beyond the watermark', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10 }), fc.nat(20), moves, (bound, floor, script) => {
        const window = createIdempotencyWindow(bound, floor);
        let version = floor;
        let durable = floor;
        for (const { kind, count } of script) {
          if (kind === 'apply') {
            for (let left = count; left > 0; left -= 1) window.remember(applied((version += 1)));
          } else if (kind === 'commit') {
            durable = Math.min(version, durable + count);
          } else {
            const before = window.floor;
            window.trim(durable);
            expect(window.floor).toBeGreaterThanOrEqual(before);
            // G10: the bound holds, but for what is not durable yet.
            expect(version - window.floor).toBeLessThanOrEqual(Math.max(bound, version - durable));
            // And it forgets no more than it must.
            if (window.floor > before) expect(version - window.floor).toBe(Math.max(bound, version - durable));
          }
          expect(window.floor).toBeLessThanOrEqual(durable);
          for (let known = window.floor + 1; known <= version; known += 1)
            expect(window.find(`m${known}`)).toEqual(applied(known));
          for (let gone = floor + 1; gone <= window.floor; gone += 1) expect(window.find(`m${gone}`)).toBeUndefined();
        }
      }),
    );
  });

  it('C81 says where it begins, before anything was applied', () => {
    const window = createIdempotencyWindow(10, 250);
    expect(window.floor).toBe(250);
    window.trim(1_000);
    expect(window.floor).toBe(250);
    expect(window.find('m250')).toBeUndefined();
    for (const id of ['toString', '__proto__', 'constructor', '']) expect(window.find(id)).toBeUndefined();
  });

  it('C82 an id that is applied twice counts where it was applied last, and the floor never falls', () => {
    const window = createIdempotencyWindow(2, 0);
    for (const version of [1, 2, 3]) window.remember(applied(version));
    const again = { ...applied(4), mutationId: 'm1' };
    window.remember(again);
    window.trim(4);
    expect(window.find('m1')).toEqual(again);
    expect(window.floor).toBe(2);
    window.remember(applied(5));
    window.trim(5);
    expect(window.floor).toBe(3);
    expect(window.find('m1')).toEqual(again);
  });
});
