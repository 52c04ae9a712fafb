import { CompiledQuery, type Kysely } from 'kysely';
import type { CampaignCommit } from '../../engine/ports.ts';
import { lastEntry, listed, reachesCheckpoint } from './columns.ts';
import { toArchiveError } from '../errors.ts';
import { compileCommit, type EntryRow, type HeadRow, type IdRule, type Reach } from './commit-statement.ts';
import type { Database } from './schema.ts';

/** Text that one statement carries, about; a larger commit takes several statements in one transaction. */
const STATEMENT_CHARACTERS = 16 * 1024 * 1024;

/** SQLSTATE of an id that is there already. */
const UNIQUE_VIOLATION = '23505';

/**
 * Commits the parts, all in one transaction: of those whose guard holds, the heads move and the entries are added; of
 * the others nothing is written.
 *
 * @returns the ids of the campaigns that moved
 */
export async function commitParts(db: Kysely<Database>, parts: readonly CampaignCommit[]): Promise<Set<string>> {
  const statements = inStatements(parts);
  try {
    return await commitStatements(db, statements, 'unique');
  } catch (error) {
    // Nothing has been written. Looking each id up beforehand would burden every commit for what hardly ever happens.
    if (toArchiveError(error).code !== UNIQUE_VIOLATION) throw error;
    return await commitStatements(db, statements, 'first-keeps');
  }
}

async function commitStatements(
  db: Kysely<Database>,
  [first, ...others]: readonly Statement[],
  ids: IdRule,
): Promise<Set<string>> {
  if (!first) return new Set();
  // One statement is a transaction of its own, and a single round trip.
  if (others.length === 0) return new Set(await commitStatement(db, first, ids));
  return await db.transaction().execute(async (transaction) => {
    const moved = new Set<string>();
    for (const statement of [first, ...others]) {
      for (const id of await commitStatement(transaction, statement, ids)) moved.add(id);
    }
    return moved;
  });
}

interface Statement {
  heads: HeadRow[];
  entries: EntryRow[];
  characters: number;
}

function inStatements(parts: readonly CampaignCommit[]): Statement[] {
  const statements: Statement[] = [];
  // By id, so that two instances that commit the same campaigns take the rows in the same order.
  for (const part of parts.toSorted((a, b) => (a.campaignId < b.campaignId ? -1 : 1))) {
    const head = toHeadRow(part);
    if (!head) continue;
    const entries = toEntryRows(part);
    const characters = entries.reduce((sum, entry) => sum + entry.bytes.length, head.state.length);
    const current = statements.at(-1);
    if (current && current.characters + characters <= STATEMENT_CHARACTERS) {
      current.heads.push(head);
      current.entries.push(...entries);
      current.characters += characters;
    } else {
      statements.push({ heads: [head], entries, characters });
    }
  }
  return statements;
}

function toHeadRow(part: CampaignCommit): HeadRow | undefined {
  const last = lastEntry(part);
  if (!last) return undefined;
  const { title, status } = listed(part.state);
  return {
    campaign_id: part.campaignId,
    epoch: part.expected.epoch,
    version: part.expected.version,
    next_version: last.record.version,
    tail: last.tail,
    state: JSON.stringify(part.state),
    title,
    status: status ?? null,
    archived_at: part.archivedAt ?? null,
    updated_at: last.record.at,
    updated_by: last.record.actor.id,
    checkpoint: reachesCheckpoint(part.expected.version, last.record.version),
  };
}

function toEntryRows({ campaignId, entries }: CampaignCommit): EntryRow[] {
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

/** Of each database: compiling a statement costs more than running it for one entry. */
const compiled = new WeakMap<Kysely<Database>, Map<string, string>>();

function textOf(db: Kysely<Database>, ids: IdRule, reach: Reach): string {
  const texts = compiled.get(db) ?? new Map<string, string>();
  compiled.set(db, texts);
  const key = `${ids} ${reach}`;
  const text = texts.get(key) ?? compileCommit(db, ids, reach);
  texts.set(key, text);
  return text;
}

async function commitStatement(db: Kysely<Database>, { heads, entries }: Statement, ids: IdRule): Promise<string[]> {
  const text = textOf(db, ids, heads.length === 1 && heads[0]?.checkpoint === false ? 'one' : 'any');
  const { rows } = await db.executeQuery<{ id: string }>(
    CompiledQuery.raw(text, [JSON.stringify(heads), JSON.stringify(entries)]),
  );
  return rows.map((row) => row.id);
}
