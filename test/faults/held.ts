import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import type { Entry } from '../../server/core/stream/entry.ts';
import type { JsonObject } from '../../server/core/json.ts';
import type { Fork } from '../../server/core/stream/position.ts';
import { toEntry } from '../../server/core/stream/log-record.ts';
import type { Head, LogRecord } from '../../server/core/stream/log-record.ts';
import { inSession } from '../tools/postgres-session.ts';
import type { Journal } from './journal.ts';

/** What Postgres holds of a campaign, read past the service. */
export interface HeldCampaign {
  campaignId: string;
  head: Head;
  state: JsonObject;
  archivedAt: number | undefined;
  lineage: Fork[];
  entries: { entry: Entry; epoch: string; bytes: string; tail: string }[];
  checkpoints: { version: number; state: JsonObject }[];
}

/** What a namespace holds of these campaigns, as of one moment. */
export async function readHeld(url: string, namespace: string, ids: readonly string[]): Promise<HeldCampaign[]> {
  return connected(url, async (client) => {
    await client.query('begin isolation level repeatable read read only');
    const rows = async <R extends pg.QueryResultRow>(text: string): Promise<R[]> => {
      return (await client.query<R>(text.replaceAll('$ns', namespace), [ids])).rows;
    };
    const campaigns = await rows<{
      id: string;
      epoch: string;
      version: string;
      tail: string;
      state: string;
      archived_at: string | null;
    }>(
      'select id, epoch, version, tail, state::text as state, archived_at from $ns.campaigns where id = any($1) order by id',
    );
    const entries = await rows<{ campaign_id: string; bytes: string; tail: string }>(
      'select campaign_id, bytes::text as bytes, tail from $ns.entries where campaign_id = any($1) order by campaign_id, version',
    );
    const epochs = await rows<{ campaign_id: string; epoch: string; parent: string; from_version: string }>(
      'select campaign_id, epoch, parent, from_version from $ns.epochs where campaign_id = any($1) order by ordinal',
    );
    const checkpoints = await rows<{ campaign_id: string; version: string; state: string }>(
      'select campaign_id, version, state::text as state from $ns.checkpoints where campaign_id = any($1) order by campaign_id, version',
    );
    const entriesOf = Map.groupBy(entries, (row) => row.campaign_id);
    const epochsOf = Map.groupBy(epochs, (row) => row.campaign_id);
    const checkpointsOf = Map.groupBy(checkpoints, (row) => row.campaign_id);
    return campaigns.map(({ id, epoch, version, tail, state, archived_at }) => ({
      campaignId: id,
      head: { epoch, version: Number(version), tail },
      state: JSON.parse(state),
      archivedAt: archived_at === null ? undefined : Number(archived_at),
      lineage: (epochsOf.get(id) ?? []).map((row) => ({
        epoch: row.epoch,
        parent: row.parent,
        fromVersion: Number(row.from_version),
      })),
      entries: (entriesOf.get(id) ?? []).map((row) => {
        const record: LogRecord = JSON.parse(row.bytes);
        return { entry: toEntry(record), epoch: record.epoch, bytes: row.bytes, tail: row.tail };
      }),
      checkpoints: (checkpointsOf.get(id) ?? []).map((row) => ({
        version: Number(row.version),
        state: JSON.parse(row.state),
      })),
    }));
  });
}

/**
 * Asks Postgres for all heads, again and again, and writes them into the journal: what is called durable must be there.
 */
export function watchHeld(url: string, namespace: string, journal: Journal): { stop(): Promise<void> } {
  let stopped = false;
  const look = async (): Promise<void> => {
    try {
      await connected(url, async (client) => {
        while (!stopped) {
          const askedAt = journal.now();
          const question = `select id, epoch, version from ${namespace}.campaigns`;
          const { rows } = await client.query<{ id: string; epoch: string; version: string }>(question);
          for (const { id, epoch, version } of rows)
            journal.note('postgres', id, { kind: 'held', epoch, version: Number(version), askedAt });
          await pause(250);
        }
      });
    } catch {
      // Away, as the plan has it; what was called durable meanwhile is looked for when it is back.
      await pause(100);
    }
  };
  const ended = (async () => {
    while (!stopped) await look();
  })();
  return {
    stop() {
      stopped = true;
      return ended;
    },
  };
}

function connected<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  return inSession(url, work, { connectionTimeoutMillis: 5_000, query_timeout: 20_000 });
}
