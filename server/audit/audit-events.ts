import type { AuditStore } from '../core/audit-store.ts';
import { asError } from '../core/errors.ts';
import type { Origin } from '../core/stream/origin.ts';

/** What is recorded beside changes of campaigns. */
export interface AuditEvent {
  /** Epoch milliseconds. */
  readonly at: number;
  /**
   * `refused`: a change that its caller had no right to. `login`: the first call of a caller for a day, on this
   * instance. `access`: an API key, or the link to a preview, was made or revoked. `restore`: a snapshot was restored.
   * `delete`: a campaign was deleted. `redact`: something was taken out of an entry. `retention`: it was said how much
   * is kept of a history. `lock`: what others may have locked was taken over. `dropped`: more happened than
   * is recorded.
   */
  readonly kind: 'refused' | 'login' | 'access' | 'restore' | 'delete' | 'redact' | 'retention' | 'lock' | 'dropped';
  /** Id of the caller; missing where no token has one. */
  readonly actor?: string | undefined;
  readonly campaignId?: string | undefined;
  /** The procedure. */
  readonly path?: string | undefined;
  readonly reason?: string | undefined;
  readonly correlationId?: string | undefined;
  /** Where a campaign that was deleted stood; of what was redacted, the position of the entry. */
  readonly head?: string | undefined;
  /** The place in the document whose value was redacted, and whether the comment was. */
  readonly place?: readonly string[] | undefined;
  readonly comment?: boolean | undefined;
  /** How it came, the token or key that was shown, and the network address where `AUDIT_ADDRESSES` allows it. */
  readonly transport?: Origin['transport'] | undefined;
  readonly token?: string | undefined;
  readonly address?: string | undefined;
  /** Id of the key that was made or revoked; of one that was made, when it ends, if it does. */
  readonly key?: string | undefined;
  readonly expiresAt?: number | undefined;
  /** The instance that it happened on. */
  readonly instance: string;
  /** How often, where it stands for several of its kind within a minute; with `dropped`, how many are not recorded. */
  readonly count?: number | undefined;
}

/** The call that an event may be about, when it is over. */
export interface AuditedCall {
  readonly path: string;
  readonly type: 'query' | 'mutation' | 'subscription';
  readonly campaignId: string | undefined;
  readonly actor: string | undefined;
  readonly origin: Origin;
  readonly correlationId: string;
  /** The API key that was made or revoked. */
  readonly key?: { readonly id: string; readonly expiresAt?: number | undefined } | undefined;
  /** Why it was refused; missing where it was answered. */
  readonly reason?: string | undefined;
  /** Whether it failed in the server. */
  readonly failed?: boolean;
}

/** Recorder of audit events. */
export interface AuditEvents {
  onCall(call: AuditedCall): void;
  /** Stores what is not stored yet, and stops. */
  stop(): Promise<void>;
}

export interface AuditEventsOptions {
  readonly store: AuditStore;
  readonly instance: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly onFailed: (error: Error) => void;
  /** Events that are kept, the newest. Default 100,000. */
  readonly keep?: number;
}

const KEPT_EVENTS = 100_000;
/** Interval at which events are stored, in milliseconds. */
const STORE_MS = 1_000;
/** Interval within which equal refusals are one event, in milliseconds. */
const REPEAT_MS = 60_000;
/** Different events that wait to be stored, at most; what comes beyond is counted. */
const MAX_WAITING = 1_000;
/** Callers whose login is remembered, and for how long, in milliseconds. */
const MAX_CALLERS = 10_000;
const LOGIN_MS = 24 * 60 * 60_000;

/** The events that procedures are which were answered. */
const EVENTS_OF_PROCEDURES: ReadonlyMap<string, AuditEvent['kind']> = new Map([
  ['access.create', 'access'],
  ['access.revoke', 'access'],
  ['preview.create', 'access'],
  ['preview.revoke', 'access'],
  ['audit.setRetention', 'retention'],
  ['lock.steal', 'lock'],
  ['snapshot.restoreFinish', 'restore'],
]);
const REFUSALS: ReadonlySet<string> = new Set(['FORBIDDEN', 'UNAUTHORIZED']);

/**
 * Records what concerns security and is no entry of a campaign. It is bounded on every side, since whoever is refused
 * decides how often: equal refusals are one event a minute, at most 1,000 events wait, the store keeps the newest.
 * Events are stored behind the calls they are about, within a second; a crash can lose those of that second.
 */
export function createAuditEvents(options: AuditEventsOptions): AuditEvents {
  const { store, instance, now, keep = KEPT_EVENTS } = options;
  let waiting: AuditEvent[] = [];
  let dropped = 0;
  /** Refusals within the present interval, by who, what and why. */
  const refusals = new Map<string, { event: AuditEvent; count: number }>();
  let refusalsSince = now();
  /** When callers have logged in, the longest ago first. */
  const logins = new Map<string, number>();
  let storing: Promise<void> = Promise.resolve();

  const record = (event: Omit<AuditEvent, 'instance'>): void => {
    if (waiting.length >= MAX_WAITING) dropped += 1;
    else waiting.push({ ...event, instance });
  };

  /** Records how often refusals were repeated, and begins another interval. */
  const closeInterval = (): void => {
    for (const { event, count } of refusals.values()) if (count > 1) record({ ...event, at: now(), count: count - 1 });
    refusals.clear();
    refusalsSince = now();
  };

  const flush = async (): Promise<void> => {
    if (now() - refusalsSince >= REPEAT_MS) closeInterval();
    if (dropped > 0) waiting.push({ at: now(), kind: 'dropped', instance, count: dropped });
    dropped = 0;
    const events = waiting;
    waiting = [];
    if (events.length === 0) return;
    try {
      await store.appendEvents(
        events.map((event) => JSON.stringify(event)),
        keep,
      );
    } catch (error) {
      options.onFailed(asError(error));
      // They wait for the next attempt, as far as there is room.
      const room = Math.max(0, MAX_WAITING - waiting.length);
      waiting = [...events.slice(0, room), ...waiting];
      dropped += Math.max(0, events.length - room);
    }
  };

  const timer = setInterval(() => {
    storing = storing.then(flush);
  }, STORE_MS);
  timer.unref();

  const isLogin = (actor: string, at: number): boolean => {
    const seen = logins.get(actor);
    if (seen !== undefined && at - seen < LOGIN_MS) return false;
    logins.delete(actor);
    const [oldest] = logins.keys();
    if (oldest !== undefined && logins.size >= MAX_CALLERS) logins.delete(oldest);
    logins.set(actor, at);
    return true;
  };

  return {
    onCall({ path, type, campaignId, actor, origin, correlationId, key: made, reason, failed = false }) {
      // Every call comes here, and hardly any is an event.
      const at = now();
      const { transport, token, address } = origin;
      if (reason === undefined) {
        if (failed) return;
        if (actor !== undefined && actor !== 'anonymous' && isLogin(actor, at))
          record({ at, kind: 'login', actor, correlationId, transport, token, address });
        const kind = EVENTS_OF_PROCEDURES.get(path);
        const about = made && { key: made.id, expiresAt: made.expiresAt };
        if (kind) record({ at, kind, actor, campaignId, path, ...about, correlationId, transport, token, address });
        return;
      }
      if (type !== 'mutation' || !REFUSALS.has(reason)) return;
      const key = JSON.stringify([actor, transport, token, address, path, campaignId, reason]);
      const known = refusals.get(key);
      if (known) {
        known.count += 1;
        return;
      }
      if (refusals.size >= MAX_WAITING) {
        dropped += 1;
        return;
      }
      const about = { at, actor, campaignId, path, correlationId, transport, token, address };
      const event: AuditEvent = { ...about, kind: 'refused', reason, instance };
      refusals.set(key, { event, count: 1 });
      record(event);
    },
    async stop() {
      clearInterval(timer);
      await storing;
      closeInterval();
      await flush();
    },
  };
}
