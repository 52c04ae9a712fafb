import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  can,
  canRead,
  canWrite,
  rightsOf,
  roleFor,
  type Action,
  type Grants,
  type Identity,
  type Role,
} from '../../server/core/permissions.ts';

const ACTIONS: Action[] = ['read', 'audit', 'edit', 'administer'];

function who(grants: Grants, more: Partial<Identity> = {}): Identity {
  return { id: 'u', grants, ...more };
}

/** What each may do, as the contract says it. */
const RIGHTS: Record<Role | 'nobody', Action[]> = {
  nobody: [],
  viewer: ['read', 'audit'],
  editor: ['read', 'audit', 'edit'],
  admin: ['read', 'audit', 'edit', 'administer'],
};

describe('permissions', () => {
  const table = (['nobody', 'viewer', 'editor', 'admin'] as const).flatMap((role) =>
    ACTIONS.map((action) => [role, action] as const),
  );

  it.each(table)('G11 C60 %s, asking to %s: each role may do what those before it may', (role, action) => {
    const identity = who(role === 'nobody' ? {} : { summer: role });
    // Whether it is a draft is nothing to who has a token.
    for (const published of [true, false])
      expect(can(identity, action, 'summer', published)).toBe(RIGHTS[role].includes(action));
    expect(can(identity, action, 'winter', true)).toBe(false);
  });

  it('G11 C61 a named campaign goes before the star, up and down', () => {
    expect(roleFor(who({ '*': 'admin', summer: 'viewer' }), 'summer')).toBe('viewer');
    expect(roleFor(who({ '*': 'viewer', summer: 'admin' }), 'summer')).toBe('admin');
    expect(roleFor(who({ '*': 'viewer', summer: 'admin' }), 'winter')).toBe('viewer');
    expect(roleFor(who({ summer: 'admin' }), 'winter')).toBeUndefined();
    expect(roleFor(who({ summer: 'admin' }), '*')).toBeUndefined();
  });

  it('G11 C61 no right comes from what every object has, nor from a word that is no role', () => {
    for (const id of ['toString', 'constructor', '__proto__', 'hasOwnProperty']) {
      expect(roleFor(who({}), id)).toBeUndefined();
      for (const action of ACTIONS) expect(can(who({}), action, id, true)).toBe(false);
    }
    fc.assert(
      fc.property(fc.string(), fc.constantFrom(...ACTIONS), (word, action) => {
        fc.pre(!['viewer', 'editor', 'admin'].includes(word));
        // Claims come from outside: what they hold need not be a role.
        expect(can(who({ summer: word as Role }), action, 'summer', true)).toBe(false);
      }),
    );
  });

  it('G11 C62 without a token one may read what is published, and nothing else, whatever the grants say', () => {
    for (const role of ['viewer', 'editor', 'admin'] as const) {
      const anonymous = who({ '*': role }, { anonymous: true });
      expect(can(anonymous, 'read', 'summer', true)).toBe(true);
      expect(can(anonymous, 'read', 'summer', false)).toBe(false);
      for (const action of ['audit', 'edit', 'administer'] as const)
        expect(can(anonymous, action, 'summer', true)).toBe(false);
    }
    expect(can(who({}, { anonymous: true }), 'read', 'summer', true)).toBe(false);
  });

  it('G11 C63 a field right holds for the role it names and those above it, and reading comes before writing', () => {
    const rights = rightsOf({
      scripts: { write: 'admin' },
      commerce: { read: 'editor' },
      internal: { read: 'admin', write: 'editor' },
      theme: {},
    });
    const table = (role: Role) =>
      ['scripts', 'commerce', 'internal', 'theme', 'other', 'toString'].map(
        (field) =>
          `${canRead(rights, role, [field, 'x']) ? 'r' : '-'}${canWrite(rights, role, [field, 'x']) ? 'w' : '-'}`,
      );
    expect(table('viewer')).toEqual(['r-', '--', '--', 'r-', 'rw', 'rw']);
    expect(table('editor')).toEqual(['r-', 'rw', '--', 'rw', 'rw', 'rw']);
    expect(table('admin')).toEqual(['rw', 'rw', 'rw', 'rw', 'rw', 'rw']);
    expect(() => rightsOf({ scripts: { read: 'owner' as Role } })).toThrow('rights: scripts: owner is no role');
  });
});
