import { certificateReason } from '../../core/certificate-errors.ts';
import type { DependencyFailure, LogHealth } from '../../engine/ports.ts';

/** The side of the log that a call shows to work, or to fail. */
export type LogSide = 'reading' | 'writing';

/** Reading and writing of the log, judged apart: a Redis that is full or read-only still answers every read. */
export interface LogHealthTracker {
  readonly health: LogHealth;
  /**
   * A call was answered as it should be.
   *
   * @param hashTag of the call's keys: on a cluster one node may fail and another not
   */
  onSuccess(side: LogSide, hashTag: string): void;
  /** A call failed; the side counts as failing until a call on the same side succeeds. */
  onFailure(side: LogSide, hashTag: string, error: unknown): void;
  /** The connection itself failed: both sides. */
  onConnectionFailure(error: unknown): void;
  /** The settings were checked: what is wrong with them, in one sentence. */
  onSettings(refusal: string | undefined): void;
  /** Hash tags on which writing fails, the oldest failure first. */
  failingWrites(): string[];
}

/** For so long the reconnect that a read-only Redis causes may fail calls; these do not count, in milliseconds. */
const RECONNECT_GRACE_MS = 2_000;
/** Stands for all hash tags: the connection, which every call needs. */
const CONNECTION = '';

/** Called whenever a side begins to fail, fails for another cause, or works again (`undefined`). */
export type OnHealthChange = (part: keyof LogHealth, failure: DependencyFailure | undefined) => void;

/** @param isCluster whether a success at one node says nothing of the others */
export function createLogHealth(isCluster: () => boolean, onChange?: OnHealthChange): LogHealthTracker {
  const failures = {
    reading: new Map<string, DependencyFailure>(),
    writing: new Map<string, DependencyFailure>(),
  };
  let settings: DependencyFailure | undefined;
  let readOnlyUntil = Number.NEGATIVE_INFINITY;
  const reported: Partial<Record<keyof LogHealth, string | undefined>> = {};

  const health: LogHealth = {
    get reading() {
      return failures.reading.values().next().value;
    },
    get writing() {
      return failures.writing.values().next().value;
    },
    get settings() {
      return settings;
    },
  };

  const report = (part: keyof LogHealth): void => {
    const failure = health[part];
    if (reported[part] === failure?.cause) return;
    reported[part] = failure?.cause;
    onChange?.(part, failure);
  };

  return {
    health,
    onSuccess(side, hashTag) {
      if (failures[side].size === 0) return;
      failures[side].delete(CONNECTION);
      if (isCluster()) failures[side].delete(hashTag);
      else failures[side].clear();
      report(side);
    },
    onFailure(side, hashTag, error) {
      const failure = describeRedisFailure(error);
      if (failure.cause === 'read-only') readOnlyUntil = performance.now() + RECONNECT_GRACE_MS;
      else if (failure.cause === 'unreachable' && performance.now() < readOnlyUntil) return;
      failures[side].set(hashTag, failure);
      report(side);
    },
    onConnectionFailure(error) {
      const failure = describeRedisFailure(error);
      failures.reading.set(CONNECTION, failure);
      failures.writing.set(CONNECTION, failure);
      report('reading');
      report('writing');
    },
    onSettings(refusal) {
      settings = refusal === undefined ? undefined : { cause: 'settings', message: refusal };
      report('settings');
    },
    failingWrites: () => [...failures.writing.keys()],
  };
}

/** Redis' error prefixes by cause; everything else is a connection that failed or a call without an answer. */
const CAUSES: readonly (readonly [cause: string, prefix: RegExp, message: string])[] = [
  ['full', /^OOM\b/, 'Redis is full: it has reached its maxmemory and refuses writes'],
  [
    'read-only',
    /^(-?READONLY|MASTERDOWN)\b/,
    'Redis is read-only: this address leads to a replica, as after a failover; the connection is made again',
  ],
  [
    'not-persisting',
    /^(MISCONF|NOREPLICAS)\b/,
    'Redis refuses writes because it cannot save them to its disk or to its replicas',
  ],
  ['forbidden', /^(NOPERM|NOAUTH|WRONGPASS)\b/, 'Redis does not let this user do it'],
  ['loading', /^(LOADING|CLUSTERDOWN|TRYAGAIN|BUSY)\b/, 'Redis is not ready'],
];

/** A failed connection to a name with several addresses is an AggregateError, whose own message is empty. */
function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message || ('code' in error ? String(error.code) : error.name);
}

/** The failure behind an error of a Redis call: its cause, and a sentence with Redis' own words. */
export function describeRedisFailure(error: unknown): DependencyFailure {
  const reason = certificateReason(error);
  if (reason !== undefined) {
    const message = `The certificate of Redis is not trusted: ${reason}. NODE_EXTRA_CA_CERTS takes a file with its authority.`;
    return { cause: 'certificate', message };
  }
  const text = textOf(error);
  const [cause, , message] = CAUSES.find(([, prefix]) => prefix.test(text)) ?? [
    'unreachable',
    undefined,
    'Redis does not answer',
  ];
  return { cause, message: `${message} (${text.slice(0, 200)}).` };
}

/**
 * What a Redis lacks to be a log, one sentence each: `refusals` keep the server from starting. They stand here,
 * apart from the checks, so that the package's declarations do not name the driver.
 */
export interface RedisFindings {
  readonly refusals: string[];
  readonly warnings: string[];
}
