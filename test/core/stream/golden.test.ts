import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { apply, NOTHING, type CampaignContent } from '../../../server/core/stream/apply.ts';
import { ENTRY_FORMAT, type EntryType } from '../../../server/core/stream/entry.ts';
import type { JsonObject } from '../../../server/core/json.ts';
import type { LogRecord } from '../../../server/core/stream/log-record.ts';
import { fingerprint, FIRST_TAIL, seal } from '../../../server/core/stream/hash-chain.ts';
import { canonical, naiveMergePatch } from '../naive.ts';

/** A log as some version of the server wrote it, and what it came to after each entry. Never to be written anew. */
interface Golden {
  format: number;
  entries: LogRecord[];
  after: { version: number; archivedAt: number | null; state: JsonObject; tail: string }[];
}

const FOLDER = join(import.meta.dirname, 'golden');
const GOLDEN = readdirSync(FOLDER).map(
  (name) => [name, JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as Golden] as const,
);

/** All types that there are, held to the union by the compiler. */
const TYPES: Record<EntryType, true> = {
  create: true,
  update: true,
  updateFeatures: true,
  updateConfig: true,
  batch: true,
  updateRule: true,
  updateSegment: true,
  updateGroup: true,
  updateHoldout: true,
  shipRule: true,
  rollback: true,
  archive: true,
  restore: true,
};

describe('golden logs', () => {
  it('C43 there is one for every format that a server has ever written', () => {
    expect(GOLDEN.map(([name]) => name).sort()).toEqual(
      Array.from({ length: ENTRY_FORMAT }, (_none, index) => `format-${index + 1}.json`),
    );
  });

  it.each(GOLDEN)(
    'C43 G6 %s folds to the golden state, entry by entry, for ever',
    (_name, { format, entries, after }) => {
      expect(entries).toHaveLength(after.length);
      let content: CampaignContent = NOTHING;
      for (const [index, entry] of entries.entries()) {
        const golden = after[index];
        expect(entry).toMatchObject({ version: index + 1, format });
        const before: JsonObject = content.state;
        content = apply(content, entry);
        expect(canonical(content.state)).toBe(canonical(golden?.state));
        expect(content.archivedAt ?? null).toBe(golden?.archivedAt);
        // The golden states themselves are no copy of what `apply` once did wrong.
        expect(canonical(golden?.state)).toBe(canonical(naiveMergePatch(before, entry.change)));
      }
    },
  );

  it.each(GOLDEN)('C43 G2 %s has the tails that it was sealed with', (_name, { entries, after }) => {
    let tail = FIRST_TAIL;
    for (const [index, entry] of entries.entries()) {
      tail = seal(entry, tail).tail;
      expect(tail).toBe(after[index]?.tail);
    }
  });

  it.each(GOLDEN)('C43 G3 %s has the fingerprints by which a late retry is known', (_name, { entries }) => {
    for (const { type, command, change, fingerprint: golden } of entries) {
      expect(fingerprint(type === 'create' ? { type, state: change } : command)).toBe(golden);
    }
  });

  it.each(GOLDEN)('C43 %s holds entries of every type', (_name, { format, entries }) => {
    const types = new Set(entries.map(({ type }) => type));
    if (format === ENTRY_FORMAT) expect([...types].sort()).toEqual(Object.keys(TYPES).sort());
    else expect(types.size).toBeGreaterThan(0);
  });
});
