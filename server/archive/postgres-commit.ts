import { CompiledQuery, sql, type Kysely } from 'kysely';
import type { CampaignCommit } from '../engine/ports.ts';
import { lastEntry, listed, reachesCheckpoint } from './columns.ts';
import type { Database } from './schema.ts';

/** What a commit changes in one campaign's row, if its guard `(epoch, version)` holds. */
interface HeadRow {
  campaign_id: string;
  epoch: string;
  version: number;
  next_version: number;
  tail: string;
  state: string;
  title: string;
  status: string | null;
  archived_at: number | null;
  updated_at: number;
  updated_by: string;
  checkpoint: boolean;
}

interface EntryRow {
  campaign_id: string;
  version: number;
  epoch: string;
  type: string;
  at: number;
  mutation_id: string;
  bytes: string;
  tail: string;
}

/** Text that one statement carries, about; a larger commit takes several statements in one transaction. */
const STATEMENT_CHARACTERS = 16 * 1024 * 1024;

/**
 * Commits the parts, all in one transaction: of those whose guard holds, the heads move and the entries are added; of the others
 * nothing is written.
 *
 * @returns the ids of the campaigns that moved
 */
export async function commitParts(db: Kysely<Database>, parts: readonly CampaignCommit[]): Promise<Set<string>> {
  const [first, ...others] = inStatements(parts);
  if (!first) return new Set();
  // One statement is a transaction of its own, and a single round trip.
  if (others.length === 0) return new Set(await commitStatement(db, first));
  return await db.transaction().execute(async (transaction) => {
    const moved = new Set<string>();
    for (const statement of [first, ...others]) {
      for (const id of await commitStatement(transaction, statement)) moved.add(id);
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

/** Of each database: compiling the statement costs more than running it for one entry. */
const compiled = new WeakMap<Kysely<Database>, string>();

async function commitStatement(db: Kysely<Database>, { heads, entries }: Statement): Promise<string[]> {
  const text = compiled.get(db) ?? compileCommit(db);
  compiled.set(db, text);
  const { rows } = await db.executeQuery<{ id: string }>(CompiledQuery.raw(text, [JSON.stringify(heads), JSON.stringify(entries)]));
  return rows.map((row) => row.id);
}

/**
 * All rows travel as two JSON texts, the heads and the entries: the statement is the same for one campaign and for a thousand, and no
 * limit on the number of parameters is near. The guard is checked again on a row that another transaction held (read committed), so
 * that of two commits on one head only one passes.
 */
function compileCommit(db: Kysely<Database>): string {
  const part = sql<HeadRow>`json_to_recordset($1::text::json)`.as<'part'>(
    sql`part(campaign_id text, epoch text, version bigint, next_version bigint, tail text, state text, title text, status text,
      archived_at bigint, updated_at bigint, updated_by text, checkpoint boolean)`,
  );
  const entry = sql<EntryRow>`json_to_recordset($2::text::json)`.as<'entry'>(
    sql`entry(campaign_id text, version bigint, epoch text, type text, at bigint, mutation_id text, bytes text, tail text)`,
  );
  return db
    .with('part', (query) => query.selectFrom(part).selectAll())
    // The guard, with the rows locked in the order of their ids: an UPDATE takes them in any order, and two commits could wait for
    // each other.
    .with('held', (query) =>
      query
        .selectFrom('campaigns')
        .innerJoin('part', (join) =>
          join
            .onRef('campaigns.id', '=', 'part.campaign_id')
            .onRef('campaigns.epoch', '=', 'part.epoch')
            .onRef('campaigns.version', '=', 'part.version'),
        )
        .select('campaigns.id')
        .orderBy('campaigns.id')
        .forUpdate('campaigns'),
    )
    .with('moved', (query) =>
      query
        .updateTable('campaigns')
        .from('part')
        .innerJoin('held', 'held.id', 'part.campaign_id')
        .set((row) => ({
          version: row.ref('part.next_version'),
          tail: row.ref('part.tail'),
          state: sql<string>`part.state::json`,
          title: row.ref('part.title'),
          status: row.ref('part.status'),
          archived_at: row.ref('part.archived_at'),
          updated_at: row.ref('part.updated_at'),
          updated_by: row.ref('part.updated_by'),
        }))
        .whereRef('campaigns.id', '=', 'part.campaign_id')
        .returning('campaigns.id'),
    )
    .with('added', (query) =>
      query
        .insertInto('entries')
        .columns(['campaign_id', 'version', 'epoch', 'type', 'at', 'mutation_id', 'bytes', 'tail'])
        .expression((from) =>
          from
            .selectFrom(entry)
            .innerJoin('moved', 'moved.id', 'entry.campaign_id')
            .select(['campaign_id', 'version', 'epoch', 'type', 'at', 'mutation_id', sql<string>`bytes::json`.as('bytes'), 'tail']),
        ),
    )
    .with('kept', (query) =>
      query
        .insertInto('checkpoints')
        .columns(['campaign_id', 'version', 'state'])
        .expression((from) =>
          from
            .selectFrom('part')
            .innerJoin('moved', 'moved.id', 'part.campaign_id')
            .where('part.checkpoint', 'is', sql.lit(true))
            .select(['campaign_id', 'next_version', sql<string>`state::json`.as('state')]),
        ),
    )
    .selectFrom('moved')
    .select('id')
    .compile().sql;
}
