import { sql, type AliasableExpression, type Kysely, type QueryCreator } from 'kysely';
import type { Database } from './schema.ts';

/** A campaign's new head, written if the guard `(epoch, version, tail)` holds. */
export interface HeadRow {
  campaign_id: string;
  epoch: string;
  version: number;
  next_version: number;
  tail: string;
  /** Bytes of the first entry, and the tail that they lead to from the tail of the expected head. */
  first_bytes: string;
  first_tail: string;
  state: string;
  title: string;
  status: string | null;
  archived_at: number | null;
  updated_at: number;
  updated_by: string;
  checkpoint: boolean;
}

/** An entry to insert. */
export interface EntryRow {
  campaign_id: string;
  version: number;
  epoch: string;
  type: string;
  at: number;
  mutation_id: string;
  bytes: string;
  tail: string;
}

/**
 * The treatment of a mutation id that an earlier entry of its campaign has: the statement fails, or the entry is stored
 * without the id. A client that lied about its `base` then has its change twice, instead of stopping the campaign for
 * everyone.
 */
export type DuplicateIds = 'reject' | 'first-wins';

/** What a statement commits: a single campaign without a checkpoint, or any number of campaigns. */
export type CommitShape = 'single' | 'batch';

/** The rows travel as two JSON texts, so that the statement is the same for one entry and for thousands. */
const PART = sql<HeadRow>`json_to_recordset($1::text::json)`.as<'part'>(
  sql`part(campaign_id text, epoch text, version bigint, next_version bigint, tail text, first_bytes text,
    first_tail text, state text, title text, status text, archived_at bigint, updated_at bigint, updated_by text,
    checkpoint boolean)`,
);
const ENTRY = sql<EntryRow>`json_to_recordset($2::text::json)`.as<'entry'>(
  sql`entry(campaign_id text, version bigint, epoch text, type text, at bigint, mutation_id text, bytes text, tail text)`,
);

/** The columns of a campaign's row that a commit sets. */
const NEW_HEAD = {
  version: sql.ref<number>('part.next_version'),
  tail: sql.ref<string>('part.tail'),
  state: sql<string>`part.state::json`,
  title: sql.ref<string>('part.title'),
  status: sql.ref<string | null>('part.status'),
  archived_at: sql.ref<number | null>('part.archived_at'),
  updated_at: sql.ref<number>('part.updated_at'),
  updated_by: sql.ref<string>('part.updated_by'),
};

/**
 * The tail that the first entry leads to from the tail of the campaign's row, as `nextTail` computes it: entries do not
 * carry the tail before them.
 */
const NEXT_TAIL = sql<string>`rtrim(translate(
  encode(sha256(convert_to(campaigns.tail || part.first_bytes, 'UTF8')), 'base64'), '+/', '-_'), '=')`;

/** Inserts the entries of the campaigns whose head has moved. */
function insertEntries(
  query: QueryCreator<Database & { moved: { id: string } }>,
  mutationId: AliasableExpression<string | null>,
) {
  return query
    .insertInto('entries')
    .columns(['campaign_id', 'version', 'epoch', 'type', 'at', 'mutation_id', 'bytes', 'tail'])
    .expression((from) =>
      from
        .selectFrom(ENTRY)
        .innerJoin('moved', 'moved.id', 'entry.campaign_id')
        .select([
          'campaign_id',
          'version',
          'epoch',
          'type',
          'at',
          mutationId.as('mutation_id'),
          sql<string>`bytes::json`.as('bytes'),
          'tail',
        ]),
    );
}

/**
 * Guarded commit: optimistic concurrency by compare-and-set on `(epoch, version, tail)`, in one statement. The tail
 * proves that the row is the head that the entries follow: a version may have been changed by hand, or reached by
 * another cluster.
 *
 * Invariant: of two commits on one head only one passes. In read committed, Postgres checks the guard again on a row
 * that another transaction had locked; and where the guard holds, no entry was inserted since the statement began, so
 * that it sees all of the campaign's mutation ids. Rejected: a serializable transaction, which needs retries and a
 * round trip more; and locks held by the archiver, which a dead one would keep.
 */
export function compileCommit(db: Kysely<Database>, duplicateIds: DuplicateIds, shape: CommitShape): string {
  const mutationId = duplicateIds === 'reject' ? sql.ref<string>('entry.mutation_id') : firstWins(db);
  return shape === 'single' ? compileSingle(db, mutationId) : compileBatch(db, mutationId);
}

/** The statement of a single change, for which a caller may be waiting: it locks one row and writes two tables. */
function compileSingle(db: Kysely<Database>, mutationId: AliasableExpression<string | null>): string {
  return db
    .with('part', (query) => query.selectFrom(PART).selectAll())
    .with('moved', (query) =>
      query
        .updateTable('campaigns')
        .from('part')
        .set(NEW_HEAD)
        .whereRef('campaigns.id', '=', 'part.campaign_id')
        .whereRef('campaigns.epoch', '=', 'part.epoch')
        .whereRef('campaigns.version', '=', 'part.version')
        .whereRef(NEXT_TAIL, '=', 'part.first_tail')
        .returning('campaigns.id'),
    )
    .with('inserted', (query) => insertEntries(query, mutationId))
    .selectFrom('moved')
    .select('id')
    .compile().sql;
}

/** The statement of several campaigns, or of one with a checkpoint. */
function compileBatch(db: Kysely<Database>, mutationId: AliasableExpression<string | null>): string {
  return (
    db
      .with('part', (query) => query.selectFrom(PART).selectAll())
      // The guard, with the rows locked in the order of their ids: an UPDATE locks them in any order, so that two
      // commits could deadlock.
      .with('locked', (query) =>
        query
          .selectFrom('campaigns')
          .innerJoin('part', (join) =>
            join
              .onRef('campaigns.id', '=', 'part.campaign_id')
              .onRef('campaigns.epoch', '=', 'part.epoch')
              .onRef('campaigns.version', '=', 'part.version'),
          )
          .whereRef(NEXT_TAIL, '=', 'part.first_tail')
          .select('campaigns.id')
          .orderBy('campaigns.id')
          .forUpdate('campaigns'),
      )
      .with('moved', (query) =>
        query
          .updateTable('campaigns')
          .from('part')
          .innerJoin('locked', 'locked.id', 'part.campaign_id')
          .set(NEW_HEAD)
          .whereRef('campaigns.id', '=', 'part.campaign_id')
          .returning('campaigns.id'),
      )
      .with('inserted', (query) => insertEntries(query, mutationId))
      .with('stored', (query) =>
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
      .compile().sql
  );
}

/** The entry's mutation id, or `null` where an earlier entry of its campaign has it. */
function firstWins(db: Kysely<Database>) {
  const first = sql<boolean>`row_number() over (partition by entry.campaign_id, entry.mutation_id order by entry.version) = 1`;
  const stored = db
    .selectFrom('entries as stored')
    .whereRef('stored.campaign_id', '=', sql.ref('entry.campaign_id'))
    .whereRef('stored.mutation_id', '=', sql.ref('entry.mutation_id'))
    // The limit makes it an index lookup for each entry, never a hash of the whole table.
    .limit(sql.lit(1))
    .select('stored.version');
  return sql<string | null>`case when ${first} and (${stored}) is null then entry.mutation_id end`;
}
