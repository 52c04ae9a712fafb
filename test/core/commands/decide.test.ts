import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decide,
  mayAsk,
  type Decision,
  type Request,
  type ResolvedCommand,
  type Situation,
} from '../../../server/core/commands/decide.ts';
import { check } from '../../../server/core/document/check.ts';
import type { Refusal } from '../../../server/core/errors.ts';
import type { JsonObject } from '../../../server/core/json.ts';
import { LIMITS } from '../../../server/core/limits.ts';
import { rightsOf, type Identity, type Role } from '../../../server/core/permissions.ts';
import { jsonBytes } from '../../../server/core/document/plain-json.ts';
import { anyJson, campaignStates, editCommands } from '../arbitraries.ts';

const STATE: JsonObject = { slug: 'summer', title: 'Summer', features: ['chat'] };

function situation(given: Partial<Situation> = {}): Situation {
  const content = { state: STATE, archivedAt: undefined };
  return {
    campaignId: 'summer',
    epoch: 'e1',
    version: 418,
    lineage: [],
    content,
    documentBytes: jsonBytes(STATE),
    ...given,
  };
}

function identity(role: Role | undefined): Identity {
  return { id: 'u1', grants: role === undefined ? {} : { summer: role } };
}

const ANONYMOUS: Identity = { id: 'anonymous', grants: { '*': 'admin' }, anonymous: true };

const COMMANDS: ResolvedCommand[] = [
  { type: 'update', updates: { title: 'New' } },
  { type: 'updateFeatures', features: ['badges'], action: 'add' },
  { type: 'updateConfig', section: 'theme', value: { color: 'red' } },
  { type: 'batch', commands: [{ type: 'update', updates: { title: 'New' } }] },
  { type: 'updateSegment', key: 'lagos', segment: { when: { city: 'Lagos' } } },
  { type: 'rollback', toVersion: 1, target: { slug: 'summer', title: 'Old' } },
  { type: 'archive' },
  { type: 'restore' },
];

const EDIT = COMMANDS[0] ?? { type: 'archive' };

function ask(
  command: ResolvedCommand,
  given: Partial<Omit<Request, 'command'>> = {},
  on: Partial<Situation> = {},
): Decision {
  return decide(situation(on), { command, identity: identity('admin'), ...given }, check);
}

function refusal(decision: Decision): Refusal {
  if (decision.kind !== 'rejected') throw new Error(`should have been rejected: ${decision.kind}`);
  return decision.refusal;
}

describe('decide', () => {
  const NEEDED: Record<ResolvedCommand['type'], Role> = {
    update: 'editor',
    updateFeatures: 'editor',
    updateConfig: 'editor',
    batch: 'editor',
    updateRule: 'editor',
    updateSegment: 'editor',
    updateGroup: 'editor',
    updateHoldout: 'editor',
    shipRule: 'editor',
    rollback: 'editor',
    archive: 'admin',
    restore: 'admin',
  };
  const ORDER: (Role | undefined)[] = [undefined, 'viewer', 'editor', 'admin'];
  const table = COMMANDS.flatMap((command) =>
    ORDER.map((role) => [role ?? 'nobody', command.type, role, command] as const),
  );

  it.each(table)(
    'G11 %s asks for %s: allowed from the role on that it needs, and nothing is told before',
    (_name, type, role, command) => {
      const allowed = ORDER.indexOf(role) >= ORDER.indexOf(NEEDED[type]);
      expect(mayAsk(identity(role), type, 'summer')).toBe(allowed);
      // On an archived campaign at another version: none of that shows to who may not ask.
      for (const archivedAt of [undefined, 5]) {
        const on = { content: { state: STATE, archivedAt } };
        const decision = ask(command, { identity: identity(role), expectedVersion: 1 }, on);
        expect(refusal(decision).reason).toBe(allowed ? 'CONFLICT' : 'FORBIDDEN');
        if (!allowed) {
          expect(refusal(decision)).toEqual({
            reason: 'FORBIDDEN',
            message: `${type}: your role does not allow this on summer`,
            path: ['campaignId'],
          });
        }
      }
      const plain = ask(
        command,
        { identity: identity(role) },
        type === 'restore' ? { content: { state: STATE, archivedAt: 5 } } : {},
      );
      expect(plain.kind).toBe(allowed ? 'entry' : 'rejected');
    },
  );

  it.each(COMMANDS)('G11 a caller without a token may not ask for $type, whatever grants it claims', (command) => {
    expect(refusal(ask(command, { identity: ANONYMOUS })).reason).toBe('FORBIDDEN');
  });

  it('G11 a role for one campaign is none for another', () => {
    expect(refusal(ask(EDIT, { identity: { id: 'u', grants: { winter: 'admin' } } })).reason).toBe('FORBIDDEN');
    expect(refusal(ask(EDIT, { identity: { id: 'u', grants: { '*': 'admin', summer: 'viewer' } } })).reason).toBe(
      'FORBIDDEN',
    );
    expect(ask(EDIT, { identity: { id: 'u', grants: { '*': 'editor' } } }).kind).toBe('entry');
  });

  it.each(COMMANDS)('C51 an archived campaign is read-only: $type', (command) => {
    const decision = ask(command, {}, { content: { state: STATE, archivedAt: 7 } });
    if (command.type === 'archive') {
      expect(decision).toEqual({ kind: 'unchanged' });
    } else if (command.type === 'restore') {
      expect(decision).toMatchObject({
        kind: 'entry',
        change: {},
        after: { content: { state: STATE, archivedAt: undefined } },
      });
    } else {
      expect(refusal(decision)).toMatchObject({
        reason: 'INVALID',
        path: ['campaignId'],
        message: expect.stringMatching(/archived and read-only/) as unknown,
      });
    }
  });

  it('C51 archiving is an entry without a change, and restoring what is not archived is nothing', () => {
    expect(ask({ type: 'archive' })).toMatchObject({ kind: 'entry', change: {} });
    expect(ask({ type: 'restore' })).toEqual({ kind: 'unchanged' });
  });

  it('C52 an expected version as a number means the current epoch', () => {
    expect(ask(EDIT, { expectedVersion: 418 }).kind).toBe('entry');
    for (const expectedVersion of [417, 419, 0]) {
      expect(refusal(ask(EDIT, { expectedVersion }))).toEqual({
        reason: 'CONFLICT',
        message: `expectedVersion: expected ${expectedVersion}, but the campaign is at e1:418`,
        path: ['expectedVersion'],
        position: 'e1:418',
      });
    }
  });

  it('C53 an expected position names an entry without doubt, across forks too', () => {
    const expected = (expectedVersion: string, on: Partial<Situation> = {}): string => {
      const decision = ask(EDIT, { expectedVersion }, on);
      return decision.kind === 'rejected' ? decision.refusal.reason : decision.kind;
    };
    expect(expected('e1:418')).toBe('entry');
    expect(expected('e1:417')).toBe('CONFLICT');
    expect(expected('e0:418')).toBe('CONFLICT');
    for (const garbage of ['', '418', 'e1:', 'e1:418 ', 'e1:0418', 'e1:9007199254740993', 'e1:418.x'])
      expect(expected(garbage)).toBe('CONFLICT');

    // The line broke at 418 and nothing has happened since: what was read at e1:418 still stands.
    const sameHead = { epoch: 'e2', lineage: [{ epoch: 'e2', parent: 'e1', fromVersion: 418 }] };
    expect(expected('e1:418', sameHead)).toBe('entry');
    // The line broke at 400, and now there is another 418.
    const other = { epoch: 'e2', lineage: [{ epoch: 'e2', parent: 'e1', fromVersion: 400 }] };
    expect(expected('e1:418', other)).toBe('CONFLICT');
    expect(expected('e2:418', other)).toBe('entry');
    // Twice: the second time further back than the first.
    const twice = {
      epoch: 'e3',
      version: 410,
      lineage: [
        { epoch: 'e2', parent: 'e1', fromVersion: 410 },
        { epoch: 'e3', parent: 'e2', fromVersion: 405 },
      ],
    };
    expect(expected('e1:410', twice)).toBe('CONFLICT');
    expect(expected('e1:405', { ...twice, version: 405 })).toBe('entry');
  });

  it('C54 a command that changes nothing makes no entry, but only where what it expected holds', () => {
    const same: ResolvedCommand = { type: 'update', updates: { title: 'Summer', nothing: null } };
    expect(ask(same)).toEqual({ kind: 'unchanged' });
    expect(ask({ type: 'batch', commands: [] })).toEqual({ kind: 'unchanged' });
    expect(ask({ type: 'updateFeatures', features: ['chat'], action: 'add' })).toEqual({ kind: 'unchanged' });
    expect(ask({ type: 'rollback', toVersion: 3, target: { ...STATE } })).toEqual({ kind: 'unchanged' });
    expect(refusal(ask(same, { expectedVersion: 1 })).reason).toBe('CONFLICT');
  });

  it('C55 a refusal names its place and the limit that was passed', () => {
    const tooLong = ask({ type: 'update', updates: { title: 'x'.repeat(501) } });
    expect(refusal(tooLong)).toMatchObject({
      reason: 'TOO_LARGE',
      path: ['title'],
      limit: 500,
      message: expect.stringMatching(/^title: .*500/) as unknown,
    });
    const tooLarge = ask({ type: 'update', updates: { filler: 'x'.repeat(LIMITS.documentBytes) } });
    expect(refusal(tooLarge)).toMatchObject({ reason: 'TOO_LARGE', path: [], limit: LIMITS.documentBytes });
    const badField = ask({ type: 'updateConfig', section: 'ui_components', value: { hero: {} } });
    expect(refusal(badField)).toMatchObject({ reason: 'INVALID', path: ['ui_components', 'hero', 'type'] });
    const required = ask({ type: 'update', updates: { title: null } });
    expect(refusal(required)).toMatchObject({ reason: 'INVALID', path: ['title'] });
  });

  it('C55 a batch is refused as a whole, for what it comes to', () => {
    const updates: JsonObject = { title: 7 };
    expect(
      ask({
        type: 'batch',
        commands: [
          { type: 'update', updates: { note: 'x' } },
          { type: 'update', updates },
        ],
      }).kind,
    ).toBe('rejected');
    const mended = ask({
      type: 'batch',
      commands: [
        { type: 'update', updates },
        { type: 'update', updates: { title: 'New' } },
      ],
    });
    expect(mended).toMatchObject({ kind: 'entry', change: { title: 'New' } });
  });

  it('C56 a rollback leads to the target whole, and the target must pass what holds now', () => {
    const target = { slug: 'summer', title: 'Old', theme: { color: 'red' } };
    expect(ask({ type: 'rollback', toVersion: 3, target })).toMatchObject({
      kind: 'entry',
      change: { title: 'Old', features: null, theme: { color: 'red' } },
      after: { content: { state: target, archivedAt: undefined } },
    });
    expect(refusal(ask({ type: 'rollback', toVersion: 3, target: { ...target, status: 'legacy' } })).path).toEqual([
      'status',
    ]);
  });

  it('C57 decides whatever comes, and never throws', () => {
    fc.assert(
      fc.property(
        campaignStates,
        editCommands,
        fc.oneof(fc.integer(), fc.string(), fc.constant(undefined)),
        anyJson,
        (state, command, expected, target) => {
          const on = situation({ content: { state, archivedAt: undefined }, documentBytes: jsonBytes(state) });
          const request: Request = {
            command,
            identity: identity('editor'),
            ...(expected !== undefined && { expectedVersion: expected }),
          };
          expect(['entry', 'unchanged', 'rejected']).toContain(decide(on, request, check).kind);
          const wanted =
            typeof target === 'object' && target !== null && !Array.isArray(target) ? (target as JsonObject) : {};
          const rolled = decide(
            on,
            { command: { type: 'rollback', toVersion: 1, target: wanted }, identity: identity('editor') },
            check,
          );
          expect(['entry', 'unchanged', 'rejected']).toContain(rolled.kind);
        },
      ),
    );
  });

  const RIGHTS = rightsOf({ scripts: { write: 'admin' }, theme: { read: 'admin' }, features: { write: 'admin' } });
  const asEditor = (command: ResolvedCommand, on: Partial<Situation> = {}) =>
    decide(situation(on), { command, identity: identity('editor') }, check, RIGHTS);

  it.each<[string, ResolvedCommand]>([
    ['scripts', { type: 'update', updates: { title: 'New', scripts: {} } }],
    ['scripts', { type: 'update', updates: { scripts: null } }],
    ['theme', { type: 'updateConfig', section: 'theme', value: {} }],
    ['features', { type: 'updateFeatures', features: [], action: 'add' }],
    [
      'theme',
      {
        type: 'batch',
        commands: [
          { type: 'update', updates: { theme: { a: 1 } } },
          { type: 'update', updates: { theme: null } },
        ],
      },
    ],
  ])(
    'G11 C64 a field that the role may not write is refused by its name, with or without an effect: %s',
    (field, command) => {
      for (const theme of [undefined, { a: 1 }, {}]) {
        const content = { state: { ...STATE, ...(theme && { theme }) }, archivedAt: undefined };
        expect(refusal(asEditor(command, { content }))).toEqual({
          reason: 'FORBIDDEN',
          message: `${field}: your role does not allow changing this`,
          path: [field],
        });
      }
      expect(decide(situation(), { command, identity: identity('admin') }, check, RIGHTS).kind).not.toBe('rejected');
    },
  );

  it('G11 C64 a rollback is refused where it would change such a field, without telling which', () => {
    const target = { slug: 'summer', title: 'Old', features: ['chat'] };
    expect(asEditor({ type: 'rollback', toVersion: 1, target }).kind).toBe('entry');
    expect(refusal(asEditor({ type: 'rollback', toVersion: 1, target: { ...target, theme: { a: 1 } } }))).toEqual({
      reason: 'FORBIDDEN',
      message: 'toVersion: it differs in fields that your role may not change',
      path: ['toVersion'],
    });
    expect(asEditor({ type: 'update', updates: { title: 'New' } }).kind).toBe('entry');
  });
});
