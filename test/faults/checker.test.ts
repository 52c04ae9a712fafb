import { describe, expect, it } from 'vitest';
import type { Entry, Receipt } from '../../server/core/stream/entry.ts';
import type { Fork } from '../../server/core/stream/position.ts';
import { apply, NOTHING } from '../../server/core/stream/apply.ts';
import { toEntry } from '../../server/core/stream/log-record.ts';
import type { LogRecord } from '../../server/core/stream/log-record.ts';
import { FIRST_TAIL, seal } from '../../server/core/stream/hash-chain.ts';
import { check } from './checker.ts';
import type { HeldCampaign } from './held.ts';
import { createJournal, type Note } from './journal.ts';

const ID = 'spring';

/** A record as an instance makes it. */
function record(version: number, mutationId: string, epoch = 'e1'): LogRecord {
  const change = version === 1 ? { slug: ID, title: 'Spring' } : { title: mutationId };
  return {
    version,
    type: version === 1 ? 'create' : 'update',
    change,
    actor: { id: 'ed', role: 'editor' },
    mutationId,
    correlationId: `c-${mutationId}`,
    at: 1_000 + version,
    format: 1,
    epoch,
    command: { type: 'update', updates: change },
    fingerprint: mutationId,
  };
}

function hold(records: readonly LogRecord[], lineage: Fork[] = []): HeldCampaign {
  let tail = FIRST_TAIL;
  const entries = records.map((made) => {
    const sealed = seal(made, tail);
    tail = sealed.tail;
    return { entry: toEntry(made), epoch: made.epoch, bytes: sealed.bytes, tail };
  });
  const last = records.at(-1);
  const { state, archivedAt } = records.reduce(apply, NOTHING);
  return {
    campaignId: ID,
    head: { epoch: lineage.at(-1)?.epoch ?? last?.epoch ?? '', version: last?.version ?? 0, tail },
    state,
    archivedAt,
    lineage,
    entries,
    checkpoints: [],
  };
}

const CREATED = record(1, 'm1');
const LINE = [CREATED, record(2, 'm2'), record(3, 'm3')];

/** Notes of clients, each as one would write it, checked against what Postgres holds. */
function judge(
  notes: readonly [client: string, note: Note | { see: readonly Entry[]; epoch?: string }][],
  held = hold(LINE),
): string[] {
  const journal = createJournal();
  for (const [client, note] of notes) {
    if ('see' in note) {
      const entries = note.see.map((entry) => journal.see(entry));
      journal.note(client, ID, { kind: 'entries', epoch: note.epoch ?? 'e1', entries });
    } else if (client === 'fault') journal.fault('a loss', 'ends', '', true);
    else journal.note(client, ID, note);
  }
  return check(journal, [held]).map(({ rule }) => rule);
}

const snapshot = (position: string, state: object): Note => ({
  kind: 'snapshot',
  position,
  durableVersion: 1,
  reason: 'start',
  state: { ...state },
});
const sent = (mutationId: string, attempt = 1): Note => ({
  kind: 'sent',
  mutationId,
  command: { type: 'update', updates: {} },
  attempt,
});
const answered = (mutationId: string, version: number, more: Partial<Receipt> = {}): Note => {
  const epoch = more.epoch ?? 'e1';
  const position = `${epoch}:${version}`;
  const receipt: Receipt = {
    campaignId: ID,
    position,
    epoch,
    version,
    changed: true,
    durability: 'accepted',
    mutationId,
    ...more,
  };
  return { kind: 'answered', mutationId, receipt };
};
const at1 = snapshot('e1:1', { slug: ID, title: 'Spring' });
const [, second, third] = LINE.map(toEntry);
const see = (...entries: (Entry | undefined)[]) => ({ see: entries.filter((entry) => entry !== undefined) });
const LOSS: ['fault', Note] = ['fault', { kind: 'joined' }];

describe('the checker of the fault runs', () => {
  it('X1 finds nothing where nothing is wrong', () => {
    expect(
      judge([
        ['stock-1', { kind: 'joined' }],
        ['stock-1', at1],
        ['stock-1', sent('m2')],
        ['stock-1', see(second)],
        ['stock-1', answered('m2', 2)],
        ['stock-2', sent('m3')],
        ['stock-1', see(third)],
        ['stock-2', answered('m3', 3, { durability: 'durable' })],
        ['stock-1', { kind: 'watermark', position: 'e1:3' }],
        ['postgres', { kind: 'held', epoch: 'e1', version: 3, askedAt: 1e9 }],
        ['instance-1', { kind: 'final', position: 'e1:3', state: { slug: ID, title: 'm3' } }],
      ]),
    ).toEqual([]);
  });

  it('X2 G1 finds a gap, entries without a snapshot, and a change of timeline without one', () => {
    expect(
      judge([
        ['stock-1', at1],
        ['stock-1', see(third)],
      ]),
    ).toContain('G1');
    expect(judge([['stock-1', see(second)]])).toContain('G1');
    const forked = hold([CREATED, record(2, 'other', 'e2')], [{ epoch: 'e2', parent: 'e1', fromVersion: 1 }]);
    const broken = [toEntry(record(3, 'more', 'e2'))];
    expect(
      judge(
        [
          ['stock-1', at1],
          ['stock-1', see(second)],
          ['stock-1', { see: broken, epoch: 'e2' }],
        ],
        forked,
      ),
    ).toContain('G1');
  });

  it('X3 G2 finds two contents of one version, among clients and against Postgres, and an epoch that nobody began', () => {
    const other = toEntry({ ...record(2, 'm2'), at: 7 });
    expect(
      judge([
        ['stock-1', at1],
        ['stock-1', see(other)],
      ]),
    ).toContain('G2');
    expect(judge([['stock-1', snapshot('e9:1', {})]])).toContain('G2');
    const tampered = hold(LINE);
    expect(judge([], { ...tampered, entries: tampered.entries.map((held) => ({ ...held, tail: 'other' })) })).toContain(
      'G2',
    );
  });

  it('X4 G3 finds an id that was applied twice, a receipt that names another change, and a refusal that was none', () => {
    const twice = [CREATED, record(2, 'm2'), record(3, 'm2')];
    expect(
      judge(
        [
          ['stock-1', sent('m2')],
          ['stock-1', answered('m2', 2)],
        ],
        hold(twice),
      ),
    ).toContain('G3');
    expect(
      judge([
        ['stock-1', sent('m2')],
        ['stock-1', answered('m2', 3)],
      ]),
    ).toContain('G3');
    const refused: Note = { kind: 'refused', mutationId: 'm2', reason: 'CONFLICT', final: true, message: '' };
    expect(
      judge([
        ['stock-1', sent('m2')],
        ['stock-1', refused],
      ]),
    ).toContain('G3');
  });

  it('X5 G4 finds a durable answer that Postgres does not hold', () => {
    expect(
      judge([
        ['stock-1', sent('m9')],
        ['stock-1', answered('m9', 4, { durability: 'durable' })],
      ]),
    ).toContain('G4');
  });

  it('X6 G5 finds an acknowledged change that is lost, unless Redis has lost it and the service says so', () => {
    const gone: [string, Note][] = [
      ['stock-1', sent('m9')],
      ['stock-1', answered('m9', 4)],
    ];
    const disowned: [string, Note] = [
      'stock-1',
      { kind: 'disowned', mutationId: 'm9', position: 'e1:4', reason: 'NOT_FOUND' },
    ];
    expect(judge([...gone, disowned])).toEqual(['G5']);
    expect(judge([...gone, LOSS])).toEqual(['G5']);
    expect(judge([...gone, LOSS, disowned])).toEqual([]);
    // The SDK sends again what it does not know durable.
    expect(judge([['sdk-1', sent('m9')], ['sdk-1', answered('m9', 4)], LOSS, disowned])).toEqual(['G5']);
    expect(judge([['stock-1', sent('m9')]])).toEqual(['G5']);
    // Sent again, it changed nothing any more; or it would have, and was dropped.
    const again = (title: string): [string, Note][] => [
      ['sdk-1', { kind: 'sent', mutationId: 'm9', command: { type: 'update', updates: { title } }, attempt: 1 }],
      ['sdk-1', answered('m9', 4, { epoch: 'e0' })],
      ['sdk-1', answered('m9', 2, { changed: false })],
    ];
    expect(judge([...again('m2'), LOSS])).toEqual([]);
    expect(judge([...again('m3'), LOSS])).toEqual(['G5']);
  });

  it('X7 G6 finds a state that is not the fold of the entries: stored, shown, folded by a client', () => {
    expect(judge([], { ...hold(LINE), state: { title: 'other' } })).toEqual(['G6']);
    expect(judge([], { ...hold(LINE), checkpoints: [{ version: 2, state: { title: 'm3' } }] })).toEqual(['G6']);
    expect(judge([['stock-1', snapshot('e1:2', { slug: ID, title: 'Spring' })]])).toContain('G6');
    expect(judge([['sdk-1', { kind: 'final', position: 'e1:3', state: { slug: ID, title: 'm2' } }]])).toContain('G6');
  });

  it('X8 G7 finds what overtook: a change that was answered before, and a change of the same client', () => {
    const overtaken: [string, Note][] = [
      ['stock-1', sent('m3')],
      ['stock-1', answered('m3', 3)],
      ['stock-2', sent('m2')],
      ['stock-2', answered('m2', 2)],
    ];
    expect(judge(overtaken)).toEqual(['G7']);
    const swapped: [string, Note][] = [
      ['sdk-1', sent('m3')],
      ['sdk-1', sent('m2')],
      ['sdk-1', answered('m3', 3)],
      ['sdk-1', answered('m2', 2)],
    ];
    expect(judge(swapped)).toEqual(['G7']);
    // An entry that only takes the id of a mutation without effect, for a copy that came late, has no place in it.
    const withoutEffect = { ...record(3, 'm3'), change: {} };
    expect(judge(swapped, hold([CREATED, record(2, 'm2'), withoutEffect]))).toEqual([]);
    const archived: LogRecord = { ...withoutEffect, type: 'archive' };
    expect(judge(swapped, hold([CREATED, record(2, 'm2'), archived]))).toEqual(['G7']);
  });

  it('X9 G8 finds a watermark that falls, that did not survive, and that Postgres has not reached', () => {
    const mark = (version: number): [string, Note] => ['stock-1', { kind: 'watermark', position: `e1:${version}` }];
    const look = (version: number): [string, Note] => [
      'postgres',
      { kind: 'held', epoch: 'e1', version, askedAt: 1e9 },
    ];
    expect(judge([['stock-1', at1], mark(3), mark(2)])).toEqual(['G8']);
    expect(judge([['stock-1', at1], mark(4)])).toEqual(['G8']);
    expect(judge([['stock-1', at1], mark(3), look(2)])).toEqual(['G8']);
    expect(judge([['stock-1', at1], mark(3), look(3)])).toEqual([]);
    // Another instance may not have received it yet: a client takes the highest.
    expect(judge([['stock-1', at1], mark(3), ['stock-1', { kind: 'resumed' }], mark(2)])).toEqual([]);
  });

  it('X10 G9 finds a client that does not stand at the head in the end', () => {
    expect(judge([['instance-1', { kind: 'final', position: 'e1:2', state: { slug: ID, title: 'm2' } }]])).toEqual([
      'G9',
    ]);
  });
});
