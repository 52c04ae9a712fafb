import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Fault } from './faults.ts';
import { NEXT } from './next-version/next.ts';
import { describeViolations, keepRecords } from './report.ts';
import { runFaults, type RunResult } from './run.ts';

const NEXT_VERSION = join(import.meta.dirname, 'next-version', 'main.ts');

let result: RunResult;
/** How each instance ended that was stopped for its turn. */
const exitCodes: (number | null)[] = [];

/** One instance after the other, as a rolling upgrade goes, with a pause in which both versions write. */
function roll(name: string, main?: string): Fault {
  return {
    name,
    wants: 'everything',
    async inflict({ world }) {
      for (const instance of world.instances) {
        exitCodes.push(await instance.terminate());
        await instance.start(main);
        await new Promise((resolve) => setTimeout(resolve, 1_500));
      }
      return { detail: 'one after the other', heal: () => undefined };
    },
  };
}

/** What the next version has written has to be saved by this one where the log loses it. */
const flushWithBoth: Fault = {
  name: 'FLUSHALL while both versions run',
  wants: 'everything',
  losesLog: true,
  async inflict({ world: { instances, redis } }) {
    const [newer] = instances;
    await newer?.terminate();
    await newer?.start(NEXT_VERSION);
    for (const instance of instances) instance.postgres.stall();
    await new Promise((resolve) => setTimeout(resolve, 500));
    await redis.flush();
    for (const instance of instances) instance.postgres.restore();
    return { detail: 'one of the next version, two of this', heal: () => undefined };
  },
};

beforeAll(async () => {
  const faults = [flushWithBoth, roll('rolling upgrade', NEXT_VERSION), roll('rolling back')];
  const hold = { short: 500, long: 500 };
  result = await runFaults({
    seed: 1,
    clients: 12,
    pace: 400,
    hold,
    faults,
    atOnce: 1,
    lasts: 0,
    say: () => undefined,
  });
});

describe('a version and the next one on the same log', () => {
  it('X40 G1 G2 G3 G4 G5 G6 G7 G8 G9 hold through a rolling upgrade, a loss in the middle of it, and the way back', () => {
    const { violations } = result;
    expect(violations.length === 0 ? '' : `${describeViolations(violations)}\n${keepRecords(1, result)}`).toBe('');
  });

  it('X43 each instance that stops in its turn has committed what it accepted', () => {
    expect(exitCodes).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it('X41 entries of both formats, and of a type that one of them does not know, were written and shown by both', () => {
    const entries = [...result.journal.contents.values()];
    expect(new Set(entries.map(({ format }) => format))).toEqual(new Set([1, NEXT.format]));
    expect(entries.map(({ type }) => String(type))).toEqual(expect.arrayContaining(['update', NEXT.type]));
  });

  it('X42 what only the next version writes is kept verbatim, whoever carried it', () => {
    const records = result.held.flatMap(({ entries }) =>
      entries.map(({ bytes }): Record<string, unknown> => JSON.parse(bytes)),
    );
    const newer = records.filter(({ format }) => format === NEXT.format);
    expect(newer.length).toBeGreaterThan(0);
    for (const record of newer) expect(record[NEXT.member]).toEqual(NEXT.value);
  });
});
