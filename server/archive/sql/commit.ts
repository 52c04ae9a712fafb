import { CompiledQuery, type Kysely } from 'kysely';
import { lastContiguousEntry, passesCheckpoint, type StoredCommit } from './columns.ts';
import { toArchiveError } from '../errors.ts';
import { compileCommit, type EntryRow, type HeadRow, type CommitShape, type DuplicateIds } from './commit-statement.ts';
import type { Database } from './schema.ts';

/** Characters in one statement, about; a larger commit takes several statements in one transaction. */
const MAX_STATEMENT_CHARACTERS = 16 * 1024 * 1024;

/** SQLSTATE of a mutation id that its campaign has already. */
const UNIQUE_VIOLATION = '23505';

/**
 * Commits parts of several campaigns in one transaction. Where a part's guard `(epoch, version, tail)` holds, its head
 * moves and its entries are inserted; of the others nothing is written.
 *
 * @returns the ids of the campaigns that moved
 */
export async function commitParts(db: Kysely<Database>, parts: readonly StoredCommit[]): Promise<Set<string>> {
  const statements = inStatements(parts);
  try {
    return await commitStatements(db, statements, 'reject');
  } catch (error) {
    // Nothing was written. To look up every id beforehand would slow all commits down for what hardly ever happens.
    if (toArchiveError(error).code !== UNIQUE_VIOLATION) throw error;
    return await commitStatements(db, statements, 'first-wins');
  }
}

async function commitStatements(
  db: Kysely<Database>,
  [first, ...others]: readonly Statement[],
  duplicateIds: DuplicateIds,
): Promise<Set<string>> {
  if (!first) return new Set();
  // One statement is a transaction of its own, and a single round trip.
  if (others.length === 0) return new Set(await commitStatement(db, first, duplicateIds));
  return await db.transaction().execute(async (transaction) => {
    const moved = new Set<string>();
    for (const statement of [first, ...others]) {
      for (const id of await commitStatement(transaction, statement, duplicateIds)) moved.add(id);
    }
    return moved;
  });
}

interface Statement {
  heads: HeadRow[];
  entries: EntryRow[];
  characters: number;
}

function inStatements(parts: readonly StoredCommit[]): Statement[] {
  const statements: Statement[] = [];
  // In the order of ids, so that two instances which commit the same campaigns lock the rows in the same order.
  for (const part of parts.toSorted((a, b) => (a.campaignId < b.campaignId ? -1 : 1))) {
    const head = toHeadRow(part);
    if (!head) continue;
    const entries = toEntryRows(part);
    const characters = entries.reduce(
      (sum, entry) => sum + entry.bytes.length,
      head.state.length + head.first_bytes.length,
    );
    const current = statements.at(-1);
    if (current && current.characters + characters <= MAX_STATEMENT_CHARACTERS) {
      current.heads.push(head);
      current.entries.push(...entries);
      current.characters += characters;
    } else {
      statements.push({ heads: [head], entries, characters });
    }
  }
  return statements;
}

function toHeadRow(part: StoredCommit): HeadRow | undefined {
  const last = lastContiguousEntry(part);
  const [first] = part.entries;
  if (!first || !last) return undefined;
  const { text, title, status } = part.state;
  return {
    campaign_id: part.campaignId,
    epoch: part.expected.epoch,
    version: part.expected.version,
    next_version: last.record.version,
    tail: last.tail,
    first_bytes: first.bytes,
    first_tail: first.tail,
    state: text,
    title,
    status: status ?? null,
    archived_at: part.archivedAt ?? null,
    updated_at: last.record.at,
    updated_by: last.record.actor.id,
    checkpoint: passesCheckpoint(part.expected.version, last.record.version),
  };
}

function toEntryRows({ campaignId, entries }: StoredCommit): EntryRow[] {
  return entries.map(({ record, bytes, tail }) => ({
    campaign_id: campaignId,
    version: record.version,
    epoch: record.epoch,
    type: record.type,
    at: record.at,
    mutation_id: record.mutationId,
    bytes,
    tail,
  }));
}

/** Compiled statements of each database: compiling one costs more than running it for one entry. */
const compiled = new WeakMap<Kysely<Database>, Map<string, string>>();

function textOf(db: Kysely<Database>, duplicateIds: DuplicateIds, shape: CommitShape): string {
  const texts = compiled.get(db) ?? new Map<string, string>();
  compiled.set(db, texts);
  const key = `${duplicateIds} ${shape}`;
  const text = texts.get(key) ?? compileCommit(db, duplicateIds, shape);
  texts.set(key, text);
  return text;
}

async function commitStatement(
  db: Kysely<Database>,
  { heads, entries }: Statement,
  duplicateIds: DuplicateIds,
): Promise<string[]> {
  const text = textOf(db, duplicateIds, heads.length === 1 && heads[0]?.checkpoint === false ? 'single' : 'batch');
  const { rows } = await db.executeQuery<{ id: string }>(
    CompiledQuery.raw(text, [JSON.stringify(heads), JSON.stringify(entries)]),
  );
  return rows.map((row) => row.id);
}
