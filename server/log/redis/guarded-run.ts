import { setTimeout as pause } from 'node:timers/promises';
import type { RedisConnection } from './connection.ts';
import { hashTagOf } from './keys.ts';
import { describeRedisFailure, type LogHealthTracker } from './log-health.ts';
import { runScript, type RunScript } from './run-script.ts';
import { CLAIM, DURABLE, RELEASE } from './scripts/archiving.ts';
import { APPEND, CLEAR, FORGET, LEAVE, REMOVE, SEED } from './scripts/campaign-log.ts';
import { JOB_LOCKS, LOCKS } from './scripts/locks.ts';
import { PRESENCE } from './scripts/presence.ts';

export interface GuardedRunOptions {
  readonly connection: RedisConnection;
  readonly health: LogHealthTracker;
  isStopped(): boolean;
}

/** Scripts that fail where Redis takes no writes. */
const WRITES: ReadonlySet<string> = new Set([
  APPEND,
  SEED,
  DURABLE,
  CLAIM,
  LEAVE,
  LOCKS,
  JOB_LOCKS,
  PRESENCE,
  RELEASE,
  REMOVE,
  CLEAR,
  FORGET,
]);
/** Scripts that pass only where Redis takes every write; the others may run when it is full. */
const PROOFS: ReadonlySet<string> = new Set([APPEND, SEED]);
/** Arguments of APPEND before its entries: without any it writes nothing. */
const APPEND_ARGUMENTS = 11;
/** How long a script waits for a cluster that was just found, in milliseconds. */
const CLUSTER_TIMEOUT_MS = 3_000;

/**
 * Runs scripts, and judges the health of the log by their outcome. Two outcomes it also acts on: a read-only Redis
 * makes it connect again, because after a failover the same address leads to another server; a `MOVED` reply shows that
 * the single address is that of a cluster's node, which is then followed.
 */
export function createGuardedRun({ connection, health, isStopped }: GuardedRunOptions): RunScript {
  const attempt: RunScript = async (script, keys, args) => {
    const hashTag = hashTagOf(keys[0] ?? '');
    const isWrite = WRITES.has(script) && (script !== APPEND || args.length > APPEND_ARGUMENTS);
    try {
      const reply = await runScript(connection.commands, script, keys, args);
      if (!isWrite) health.onSuccess('reading', hashTag);
      else if (PROOFS.has(script)) health.onSuccess('writing', hashTag);
      return reply;
    } catch (error) {
      if (!isStopped()) {
        health.onFailure(isWrite ? 'writing' : 'reading', hashTag, error);
        if (describeRedisFailure(error).cause === 'read-only') connection.reconnect();
      }
      throw error;
    }
  };

  return async (script, keys, args) => {
    if (isStopped()) throw new Error('The log has been stopped.');
    try {
      return await attempt(script, keys, args);
    } catch (error) {
      const moved = error instanceof Error && error.message.startsWith('MOVED ');
      if (!moved || connection.commands.isCluster) throw error;
      connection.followCluster();
      await Promise.race([connection.ready(), pause(CLUSTER_TIMEOUT_MS, undefined, { ref: false })]);
      return attempt(script, keys, args);
    }
  };
}
