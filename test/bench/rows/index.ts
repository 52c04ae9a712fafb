import type { Row } from '../harness/row.ts';
import { abuse } from './abuse.ts';
import { analytics } from './analytics.ts';
import { burst } from './burst.ts';
import { campaignCount } from './campaign-count.ts';
import { campaignMemory } from './campaign-memory.ts';
import { cohorts } from './cohorts.ts';
import { compression } from './compression.ts';
import { connect } from './connect.ts';
import { crowd } from './crowd.ts';
import { delivery } from './delivery.ts';
import { locks } from './locks.ts';
import { mutationDurable } from './mutation-durable.ts';
import { mutationRedis } from './mutation-redis.ts';
import { mutation } from './mutation.ts';
import { presence } from './presence.ts';
import { relayCrowd } from './relay-crowd.ts';
import { relay } from './relay.ts';
import { recovery, resume } from './restart.ts';
import { sdkSize } from './sdk-size.ts';
import { snapshotBeside } from './snapshot-beside.ts';
import { snapshot } from './snapshot.ts';
import { start } from './start.ts';
import { twoInstances } from './two-instances.ts';
import { workers } from './workers.ts';

/** In the order of the table. */
export const ROWS: readonly Row[] = [
  delivery,
  compression,
  burst,
  crowd,
  campaignCount,
  connect,
  cohorts,
  mutation,
  mutationRedis,
  mutationDurable,
  locks,
  presence,
  twoInstances,
  relay,
  relayCrowd,
  workers,
  resume,
  recovery,
  abuse,
  analytics,
  campaignMemory,
  snapshot,
  snapshotBeside,
  start,
  sdkSize,
];
