import { describe, expect, it } from 'vitest';
import { decide, type Request, type Situation } from '../../../server/core/commands/decide.ts';
import { check } from '../../../server/core/document/check.ts';
import { createLockJudge, type LockRow, type LockToken } from '../../../server/core/locks/lock-table.ts';
import { NO_FIELD_RIGHTS, rightsOf } from '../../../server/core/permissions.ts';

const NOW = 1_000_000;
const lock = (lockId: string, path: string[], given: Partial<LockRow> = {}): LockRow => ({
  lockId,
  state: 'held',
  fence: 7,
  path,
  holder: 'ada',
  ttlMs: 10_000,
  expiresAt: NOW + 10_000,
  ...given,
});

/** Decides a command of ada's under these locks. */
function decided(rows: LockRow[], command: Request['command'], tokens?: LockToken[], rights = NO_FIELD_RIGHTS) {
  const judge = createLockJudge(NOW);
  const situation: Situation = {
    campaignId: 'summer',
    epoch: 'e1',
    version: 3,
    lineage: [],
    content: { state: { slug: 'summer', title: 'Summer', ui_content: { banner: 'Hello' } }, archivedAt: undefined },
    documentBytes: 100,
    locks: { table: { revision: 9, rows }, judge },
  };
  const identity = { id: 'ada', grants: { summer: 'editor' as const } };
  const decision = decide(situation, { command, identity, ...(tokens && { locks: tokens }) }, check, rights);
  const refusal = decision.kind === 'rejected' ? decision.refusal : undefined;
  return { outcome: refusal?.reason ?? decision.kind, refusal, bounds: judge.bounds() };
}

const banner = { type: 'updateConfig', section: 'ui_content', value: { banner: 'x' } } as const;
const title = { type: 'update', updates: { title: 'x' } } as const;
const TOKEN = { lockId: 'a', fence: 7 };

describe('commands under locks', () => {
  it('J20 a command that touches a locked path without its token is LOCKED, its holder’s own as well; beside it all is free', () => {
    const rows = [lock('a', ['ui_content', 'banner'], { note: 'launch' })];
    expect(decided(rows, banner).refusal).toMatchObject({
      reason: 'LOCKED',
      holder: 'ada',
      note: 'launch',
      path: ['ui_content', 'banner'],
      expiresAt: NOW + 10_000,
    });
    expect(decided(rows, title)).toMatchObject({ outcome: 'entry', bounds: {} });
    expect(decided(rows, banner, [TOKEN]).outcome).toBe('entry');
    expect(decided([lock('a', [], { state: 'waiting' })], banner).outcome).toBe('entry');
  });

  it('J21 a token that is not current is LOCK_LOST, also where nobody has locked the path since', () => {
    const path = ['ui_content'];
    expect(decided([], banner, [TOKEN]).outcome).toBe('LOCK_LOST');
    expect(decided([lock('a', path, { fence: 8 })], banner, [TOKEN]).outcome).toBe('LOCK_LOST');
    expect(decided([lock('a', path, { holder: 'bob' })], banner, [TOKEN]).outcome).toBe('LOCK_LOST');
    expect(decided([lock('a', path, { state: 'waiting' })], banner, [TOKEN]).outcome).toBe('LOCK_LOST');
    expect(decided([lock('a', path, { expiresAt: NOW })], banner, [TOKEN]).outcome).toBe('LOCK_LOST');
    expect(decided([lock('a', path)], title, [{ lockId: 'a', fence: 6 }]).outcome).toBe('LOCK_LOST');
  });

  it('J22 what time a decision needs goes along: not after its own lock, not before the end of another', () => {
    const mine = lock('a', ['ui_content', 'hero'], { expiresAt: NOW + 5_000 });
    const over = lock('b', ['ui_content', 'hero', 'text'], { expiresAt: NOW - 5 });
    const elsewhere = lock('c', ['title'], { expiresAt: NOW + 1 });
    const { outcome, bounds } = decided([mine, over, elsewhere], { ...banner, value: { hero: { text: 'x' } } }, [
      TOKEN,
    ]);
    expect({ outcome, bounds }).toEqual({ outcome: 'entry', bounds: { notBefore: NOW - 5, notAfter: NOW + 5_000 } });
    expect(decided([mine], { ...banner, value: { hero: { text: 'x' } } }).bounds).toEqual({ notAfter: NOW + 5_000 });
    expect(decided([lock('a', [], { expiresAt: NOW - 9 })], banner, [TOKEN]).bounds).toEqual({ notBefore: NOW - 9 });
  });

  it('J23 a batch needs the locks of all of its commands, a rollback all that there are', () => {
    const rows = [lock('a', ['title']), lock('b', ['ui_content'])];
    const batch = { type: 'batch' as const, commands: [title, banner] } satisfies Request['command'];
    const both = [TOKEN, { lockId: 'b', fence: 7 }];
    expect(decided(rows, batch, [TOKEN]).outcome).toBe('LOCKED');
    expect(decided(rows, batch, both).outcome).toBe('entry');
    const rollback = { type: 'rollback', toVersion: 1, target: { slug: 'summer', title: 'Before' } } as const;
    expect(decided(rows, rollback, [TOKEN]).outcome).toBe('LOCKED');
    expect(decided(rows, rollback, both).outcome).toBe('entry');
  });

  it('G11 J24 a refusal names neither path nor note of a lock in a field that its caller may not read', () => {
    const rights = rightsOf({ secret: { read: 'admin' } });
    const rows = [lock('b', ['secret', 'plan'], { holder: 'boss', note: 'the plan' })];
    const { refusal } = decided(rows, { type: 'rollback', toVersion: 1, target: {} }, undefined, rights);
    expect(refusal).toMatchObject({ reason: 'LOCKED', holder: 'boss' });
    expect(JSON.stringify(refusal)).not.toMatch(/plan|secret/);
  });
});
