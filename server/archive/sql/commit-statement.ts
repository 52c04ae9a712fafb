import { sql, type AliasableExpression, type Kysely, type QueryCreator } from 'kysely';
import type { Database } from './schema.ts';

/** What a commit changes in one campaign's row, if its guard `(epoch, version)` holds. */
export interface HeadRow {
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
 * What becomes of a mutation id that an earlier entry of its campaign has: the statement fails, or the entry is stored
 * without it, so that a client which lied about its `base` has its change twice, instead of stopping the campaign for
 * everyone.
 */
export type IdRule = 'unique' | 'first-keeps';

/** What a statement commits: a single campaign without a checkpoint, or anything. */
export type Reach = 'one' | 'any';

/** All rows, as they travel: two JSON texts, so that the statement is the same for one entry and for thousands. */
const PART = sql<HeadRow>`json_to_recordset($1::text::json)`.as<'part'>(
  sql`part(campaign_id text, epoch text, version bigint, next_version bigint, tail text, state text, title text, status text,
    archived_at bigint, updated_at bigint, updated_by text, checkpoint boolean)`,
);
const ENTRY = sql<EntryRow>`json_to_recordset($2::text::json)`.as<'entry'>(
  sql`entry(campaign_id text, version bigint, epoch text, type text, at bigint, mutation_id text, bytes text, tail text)`,
);

/** A campaign's row after the commit. */
const MOVED = {
  version: sql.ref<number>('part.next_version'),
  tail: sql.ref<string>('part.tail'),
  state: sql<string>`part.state::json`,
  title: sql.ref<string>('part.title'),
  status: sql.ref<string | null>('part.status'),
  archived_at: sql.ref<number | null>('part.archived_at'),
  updated_at: sql.ref<number>('part.updated_at'),
  updated_by: sql.ref<string>('part.updated_by'),
};

/** Adds the entries of the campaigns that have moved. */
function addEntries(
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
 * The guard is checked again on a row that another transaction held (read committed), so that of two commits on one
 * head only one passes; and where it holds, no entry has been added since the statement began, so that what it sees of
 * the campaign's ids is all of them.
 */
export function compileCommit(db: Kysely<Database>, ids: IdRule, reach: Reach): string {
  const mutationId = ids === 'unique' ? sql.ref<string>('entry.mutation_id') : firstKeeps(db);
  return reach === 'one' ? compileOne(db, mutationId) : compileAny(db, mutationId);
}

/** Whoever waits for a single change waits for this: it locks one row, in whatever order, and writes two tables. */
function compileOne(db: Kysely<Database>, mutationId: AliasableExpression<string | null>): string {
  return db
    .with('part', (query) => query.selectFrom(PART).selectAll())
    .with('moved', (query) =>
      query
        .updateTable('campaigns')
        .from('part')
        .set(MOVED)
        .whereRef('campaigns.id', '=', 'part.campaign_id')
        .whereRef('campaigns.epoch', '=', 'part.epoch')
        .whereRef('campaigns.version', '=', 'part.version')
        .returning('campaigns.id'),
    )
    .with('added', (query) => addEntries(query, mutationId))
    .selectFrom('moved')
    .select('id')
    .compile().sql;
}

function compileAny(db: Kysely<Database>, mutationId: AliasableExpression<string | null>): string {
  return (
    db
      .with('part', (query) => query.selectFrom(PART).selectAll())
      // The guard, with the rows locked in the order of their ids: an UPDATE takes them in any order, and two commits
      // could wait for each other.
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
          .set(MOVED)
          .whereRef('campaigns.id', '=', 'part.campaign_id')
          .returning('campaigns.id'),
      )
      .with('added', (query) => addEntries(query, mutationId))
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
      .compile().sql
  );
}

/** The entry's mutation id, or `null` where an earlier entry of the campaign has it. */
function firstKeeps(db: Kysely<Database>) {
  const first = sql<boolean>`row_number() over (partition by entry.campaign_id, entry.mutation_id order by entry.version) = 1`;
  const stored = db
    .selectFrom('entries as stored')
    .whereRef('stored.campaign_id', '=', sql.ref('entry.campaign_id'))
    .whereRef('stored.mutation_id', '=', sql.ref('entry.mutation_id'))
    // With a limit the id is looked up for each entry, and never in a hash of the whole table.
    .limit(sql.lit(1))
    .select('stored.version');
  return sql<string | null>`case when ${first} and (${stored}) is null then entry.mutation_id end`;
}
