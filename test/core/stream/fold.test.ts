import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { apply, NOTHING, type Applicable, type CampaignContent } from '../../../server/core/stream/apply.ts';
import { decide, type Request, type ResolvedCommand, type Situation } from '../../../server/core/commands/decide.ts';
import { check } from '../../../server/core/document/check.ts';
import type { JsonObject } from '../../../server/core/json.ts';
import { jsonBytes } from '../../../server/core/document/plain-json.ts';
import { campaignStates, editCommands } from '../arbitraries.ts';
import { canonical, naiveMeaning } from '../naive.ts';

const ADMIN: Request['identity'] = { id: 'root', grants: { '*': 'admin' } };

/** A command, or a rollback to the n-th last of the states so far. */
const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: editCommands },
    { weight: 1, arbitrary: fc.constantFrom({ type: 'archive' as const }, { type: 'restore' as const }) },
    { weight: 1, arbitrary: fc.nat(5).map((back) => ({ type: 'rollback' as const, back })) },
  ),
  { maxLength: 25 },
);

describe('fold', () => {
  it('G6 state = fold(log), after any sequence of commands, and each entry does what its command means', () => {
    fc.assert(
      fc.property(campaignStates, steps, (first, commands) => {
        const log: Applicable[] = [{ type: 'create', change: first, at: 1 }];
        let situation: Situation = {
          campaignId: 'summer',
          epoch: 'e',
          version: 1,
          lineage: [],
          content: { state: first, archivedAt: undefined },
          documentBytes: jsonBytes(first),
        };
        const past: JsonObject[] = [first];
        for (const step of commands) {
          const target = past.at(-1 - (step.type === 'rollback' ? step.back : 0)) ?? first;
          const command: ResolvedCommand = step.type === 'rollback' ? { type: 'rollback', toVersion: 1, target } : step;
          const decision = decide(situation, { command, identity: ADMIN }, check);
          if (decision.kind !== 'entry') continue;

          const before = situation.content;
          const at = log.length + 1;
          const entry: Applicable = { type: command.type, change: decision.change, at };
          log.push(entry);
          const content = apply(before, entry);
          // What was decided is what everyone will see.
          expect(canonical(content.state)).toBe(canonical(decision.after.content.state));
          expect(content.archivedAt === undefined).toBe(decision.after.content.archivedAt === undefined);
          if (command.type === 'archive' || command.type === 'restore') {
            expect(content).toEqual({ state: before.state, archivedAt: command.type === 'archive' ? at : undefined });
          } else {
            const meant = command.type === 'rollback' ? target : naiveMeaning(before.state, command);
            expect(canonical(content.state)).toBe(canonical(meant));
            expect(canonical(content.state)).not.toBe(canonical(before.state));
          }
          expect(decision.after.documentBytes).toBe(jsonBytes(content.state));
          situation = { ...situation, ...decision.after, content, version: situation.version + 1 };
          past.push(content.state);
        }

        // From the beginning, by way of bytes, as another instance, a client or a later server reads it.
        const travelled = log.map((entry) => JSON.parse(JSON.stringify(entry)) as Applicable);
        const folded = travelled.reduce(apply, NOTHING);
        expect(canonical(folded)).toBe(canonical(situation.content));
        // And from any checkpoint on the way.
        const middle = Math.floor(travelled.length / 2);
        const checkpoint = JSON.parse(
          JSON.stringify(travelled.slice(0, middle).reduce(apply, NOTHING)),
        ) as CampaignContent;
        expect(canonical(travelled.slice(middle).reduce(apply, checkpoint))).toBe(canonical(situation.content));
      }),
      { numRuns: 300 },
    );
  });

  it('C41 an entry applies by its change alone, whatever type it says', () => {
    const content: CampaignContent = { state: { a: 1, b: { c: 2 } }, archivedAt: undefined };
    for (const type of [
      'create',
      'update',
      'updateFeatures',
      'updateConfig',
      'batch',
      'rollback',
      undefined,
    ] as const) {
      const entry: Applicable = { ...(type && { type }), change: { a: null, b: { d: 3 } }, at: 5 };
      expect(apply(content, entry)).toStrictEqual({ state: { b: { c: 2, d: 3 } }, archivedAt: undefined });
    }
  });

  it('C42 archive and restore set and clear the time, and apply their change too', () => {
    const archived = apply({ state: { a: 1 }, archivedAt: undefined }, { type: 'archive', change: { b: 2 }, at: 7 });
    expect(archived).toStrictEqual({ state: { a: 1, b: 2 }, archivedAt: 7 });
    expect(apply(archived, { type: 'update', change: { a: 2 }, at: 8 })).toStrictEqual({
      state: { a: 2, b: 2 },
      archivedAt: 7,
    });
    expect(apply(archived, { type: 'restore', change: { b: 3 }, at: 9 })).toStrictEqual({
      state: { a: 1, b: 3 },
      archivedAt: undefined,
    });
  });

  it('C42 an entry that changes nothing visible leaves the very same content', () => {
    const content: CampaignContent = { state: { a: 1 }, archivedAt: 4 };
    expect(apply(content, { change: {}, at: 9 })).toBe(content);
    expect(apply(content, { type: 'update', change: { a: 1 }, at: 9 })).toBe(content);
  });
});
