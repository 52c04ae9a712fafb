import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatPosition, parsePosition, lastSharedVersion, type Fork } from '../../../server/core/stream/position.ts';

describe('position', () => {
  it('R20 is read back as it was written, for every epoch and every safe version', () => {
    const epochs = fc.stringMatching(/^[A-Za-z0-9_-]{1,32}$/);
    fc.assert(
      fc.property(epochs, fc.maxSafeNat(), (epoch, version) => {
        expect(parsePosition(formatPosition(epoch, version))).toEqual({ epoch, version });
      }),
    );
    expect(parsePosition(formatPosition('e', Number.MAX_SAFE_INTEGER))?.version).toBe(Number.MAX_SAFE_INTEGER);
    expect(parsePosition('e:0')).toEqual({ epoch: 'e', version: 0 });
  });

  it.each([
    '',
    ':',
    'e',
    'e:',
    ':1',
    'e:1:2',
    'e:-1',
    'e:01',
    'e:1.5',
    'e:1e3',
    'e:1 ',
    ' e:1',
    'e:1\n',
    'é:1',
    'e.f:1',
    `${'e'.repeat(33)}:1`,
    'e:9007199254740992',
    'e:99999999999999999',
  ])('R20 reads nothing else: %j', (text) => {
    expect(parsePosition(text)).toBeUndefined();
  });

  it('R20 never throws, and reads only what it would write', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const parsed = parsePosition(text);
        if (parsed) expect(formatPosition(parsed.epoch, parsed.version)).toBe(text);
      }),
    );
  });

  it('R21 a position stays valid exactly as far as its timeline was continued', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ writes: fc.nat(6), back: fc.nat(8) }), { maxLength: 6 }),
        fc.nat(6),
        (breaks, writesAfter) => {
          // The history as it went, entry by entry; a break cuts it off somewhere, and a new epoch goes on.
          const lineage: Fork[] = [];
          let epoch = 'e0';
          let line: string[] = [];
          const seen: { epoch: string; line: string[] }[] = [{ epoch, line }];
          const write = (count: number): void => {
            for (let step = 0; step < count; step += 1) {
              line = [...line, `${epoch}#${line.length + 1}`];
              seen.push({ epoch, line });
            }
          };
          for (const [index, { writes, back }] of breaks.entries()) {
            write(writes);
            const fromVersion = Math.max(0, line.length - back);
            lineage.push({ epoch: `e${index + 1}`, parent: epoch, fromVersion });
            epoch = `e${index + 1}`;
            line = line.slice(0, fromVersion);
            seen.push({ epoch, line });
          }
          write(writesAfter);

          const head = { epoch, version: line.length };
          for (const was of seen) {
            const bound = lastSharedVersion(was.epoch, head, lineage);
            const survived = was.line.every((entry, index) => line[index] === entry) && was.line.length <= line.length;
            expect(bound !== undefined && was.line.length <= bound).toBe(survived);
          }
          expect(lastSharedVersion('unknown', head, lineage)).toBeUndefined();
        },
      ),
      { numRuns: 500 },
    );
  });

  it('R21 an epoch of another campaign, or an unknown one, shares no version', () => {
    expect(lastSharedVersion('x', { epoch: 'e', version: 4 }, [])).toBeUndefined();
    expect(lastSharedVersion('e', { epoch: 'e', version: 4 }, [])).toBe(4);
    const lineage = [{ epoch: 'e', parent: 'd', fromVersion: 2 }];
    expect(lastSharedVersion('d', { epoch: 'e', version: 4 }, lineage)).toBe(2);
    expect(lastSharedVersion('c', { epoch: 'e', version: 4 }, lineage)).toBeUndefined();
  });
});
