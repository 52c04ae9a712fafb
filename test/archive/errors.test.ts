import { expect, test } from 'vitest';
import { ArchiveError, toArchiveError, type ArchiveErrorKind } from '../../server/archive/errors.ts';
import { unmetRequirement } from '../../server/archive/postgres/requirements.ts';

test('A60 whatever a driver throws becomes an error of one of seven kinds, with its code and a message', () => {
  const of = (message: string, code?: string): Error =>
    Object.assign(new Error(message), code === undefined ? {} : { code });
  const cases: [unknown, ArchiveErrorKind][] = [
    [of('connect ECONNREFUSED 127.0.0.1:5432', 'ECONNREFUSED'), 'unreachable'],
    [Object.assign(new AggregateError([], ''), { code: 'ECONNREFUSED' }), 'unreachable'],
    [of('Connection terminated unexpectedly'), 'unreachable'],
    [of('timeout exceeded when trying to connect'), 'unreachable'],
    [of('the database system is starting up', '57P03'), 'unreachable'],
    [of('terminating connection due to administrator command', '57P01'), 'unreachable'],
    [of('connection failure', '08006'), 'unreachable'],
    [of('sorry, too many clients already', '53300'), 'unreachable'],
    [of('cannot execute UPDATE in a read-only transaction', '25006'), 'read-only'],
    [{ name: 'ErrnoError', errno: 69 }, 'read-only'],
    [of('duplicate key value violates unique constraint', '23505'), 'data'],
    [of('invalid input syntax for type json', '22P02'), 'data'],
    [of('row is too big', '54000'), 'data'],
    [of('password authentication failed', '28P01'), 'failed'],
    [of('relation "entries" does not exist', '42P01'), 'failed'],
    [of('could not extend file: No space left on device', '53100'), 'full'],
    [of('out of memory', '53200'), 'full'],
    [{ name: 'ErrnoError', errno: 51 }, 'full'],
    ['a string', 'failed'],
  ];
  for (const [thrown, kind] of cases) {
    const error = toArchiveError(thrown);
    expect({ thrown, kind: error.kind }).toEqual({ thrown, kind });
    expect(error.message).not.toBe('');
    expect(error).toBeInstanceOf(ArchiveError);
  }
  expect(toArchiveError({ name: 'ErrnoError', errno: 51 })).toMatchObject({
    code: 'ENOSPC',
    message: expect.stringContaining('ENOSPC'),
  });
  const own = new ArchiveError('in-use', 'taken');
  expect(toArchiveError(own)).toBe(own);
});

test('A62 a server that does not meet the requirements is refused in one sentence: too old, another encoding, commits that can be lost', () => {
  const settings = { version: 150_000, name: '15.0', encoding: 'UTF8', synchronousCommit: 'on' };
  expect(unmetRequirement(settings)).toBeUndefined();
  expect(unmetRequirement({ ...settings, synchronousCommit: 'remote_write' })).toBeUndefined();
  expect(unmetRequirement({ ...settings, version: 140_012, name: '14.12' })).toBe(
    'DATABASE_URL names a Postgres 14.12; 15 or newer is needed.',
  );
  expect(unmetRequirement({ ...settings, encoding: 'LATIN1' })).toContain('LATIN1');
  expect(unmetRequirement({ ...settings, synchronousCommit: 'off' })).toContain('synchronous_commit off');
});
