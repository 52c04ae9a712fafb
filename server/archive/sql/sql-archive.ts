import { sql, type Kysely } from 'kysely';
import type { Archive, CommitOutcome } from '../../engine/ports.ts';
import { ArchiveError, toArchiveError } from '../errors.ts';
import { commitParts } from './commit.ts';
import { createCampaign } from './create.ts';
import { createSqlReads } from './reads.ts';
import { createLogMemberships } from './membership.ts';
import type { Database } from './schema.ts';

export interface SqlArchiveOptions {
  /** The Postgres schema. */
  namespace: string;
  /**
   * Whether nobody else uses it, so that the log ends with this archive: a clean stop then frees the seats that were
   * taken through it.
   */
  soleUser: boolean;
  /**
   * Memberships that such a user has taken already, before its database was opened again: campaign id to generation.
   */
  memberships?: ReadonlyMap<string, number>;
}

/** The port over a migrated database, real Postgres or PGlite alike. `stop` ends the database too. */
export function openSqlArchive(
  unscoped: Kysely<Database>,
  { namespace, soleUser, memberships: taken }: SqlArchiveOptions,
): Archive {
  const db = unscoped.withSchema(namespace);
  const reads = createSqlReads(db);
  const memberships = createLogMemberships(db, soleUser, taken);

  const commit: Archive['commit'] = async (parts) => {
    const moved = await commitParts(db, parts);
    const others = parts.filter((part) => !moved.has(part.campaignId)).map((part) => part.campaignId);
    const found = new Map(
      others.length > 0 ? (await reads.heads(others)).map(({ campaignId, head }) => [campaignId, head]) : [],
    );
    return parts.map(({ campaignId, expected, entries }): CommitOutcome => {
      if (moved.has(campaignId)) return { campaignId, kind: 'committed' };
      const head = found.get(campaignId);
      const confirmed = entries.length === 0 && head?.epoch === expected.epoch && head.version === expected.version;
      return confirmed ? { campaignId, kind: 'committed' } : { campaignId, kind: 'conflict', head };
    });
  };

  const ping = async (): Promise<void> => {
    await sql`select 1`.execute(db);
  };

  const inFlight = new Set<Promise<unknown>>();

  const stop: Archive['stop'] = async ({ clean }) => {
    try {
      await Promise.allSettled(inFlight);
      if (clean) await memberships.leaveAll();
    } finally {
      await db.destroy();
    }
  };

  let stopping: Promise<void> | undefined;
  /**
   * The same call, rejecting with an `ArchiveError`; a stop waits for those that were made before it, and later ones
   * are rejected.
   */
  const open = <A extends unknown[], T>(call: (...args: A) => Promise<T>): ((...args: A) => Promise<T>) => {
    return (...args) => {
      if (stopping) return Promise.reject(new ArchiveError('stopped', 'The archive has been stopped.'));
      const answer = call(...args)
        .catch(rethrow)
        .finally(() => inFlight.delete(answer));
      inFlight.add(answer);
      return answer;
    };
  };

  return {
    load: open(reads.load),
    create: open((campaignId, first, state) => createCampaign(db, campaignId, first, state)),
    commit: open(commit),
    enterLog: open(memberships.enterLog),
    leaveLog: open(memberships.leaveLog),
    heads: open(reads.heads),
    findMutation: open(reads.findMutation),
    history: open(reads.history),
    stateAt: open(reads.stateAt),
    list: open(reads.list),
    ping: open(ping),
    stop: (how) => (stopping ??= stop(how).catch(rethrow)),
  };
}

function rethrow(error: unknown): never {
  throw toArchiveError(error);
}
