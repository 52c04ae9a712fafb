import type { Kysely } from 'kysely';
import type { AnalyticsStore } from '../../../core/analytics/analytics-store.ts';
import type { Database } from '../schema.ts';
import { createEventWrites } from './record-events.ts';
import { createResultReads } from './results.ts';
import { createAnalyticsRetention } from './retention.ts';

/**
 * Analytics in SQL.
 *
 * @param db connections of its own, where there is more than one: events must not wait for commits, nor these for them
 * @param namespace the Postgres schema
 */
export function createSqlAnalytics(db: Kysely<Database>, namespace: string): AnalyticsStore {
  return {
    ...createEventWrites(db, namespace),
    ...createResultReads(db, namespace),
    ...createAnalyticsRetention(db, namespace),
  };
}
