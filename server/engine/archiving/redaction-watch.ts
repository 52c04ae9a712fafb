import type { AuditStore } from '../../core/audit-store.ts';
import { asError } from '../../core/errors.ts';
import type { StoredRedaction } from '../../core/history-store.ts';
import type { CampaignHost } from '../hosting/campaign-host.ts';
import type { EngineObserver } from '../observer.ts';
import type { Clock, OrderedLog } from '../ports.ts';

export interface RedactionWatchOptions {
  readonly store: Pick<AuditStore, 'redactionsAfter' | 'markForgotten'>;
  readonly hosting: Pick<CampaignHost, 'forget'>;
  readonly log: Pick<OrderedLog, 'forget' | 'shared'>;
  readonly clock: Clock;
  readonly observer: EngineObserver;
}

/** Takes out of memory and out of the log what was redacted in the archive. */
export interface RedactionWatch {
  /**
   * Looks now, and resolves once nothing that was redacted by then is left on this instance and in the log.
   *
   * @throws Error where archive or log do not answer; it is tried again
   */
  look(): Promise<void>;
  stop(): void;
}

/** Interval at which an instance looks for redactions of others, in milliseconds. */
const LOOK_MS = 1_000;
/**
 * How long the next attempt waits where archive or log do not answer, or the log could not drop an entry yet, in
 * milliseconds: twice as long each time.
 */
const RETRY_MS = { first: 1_000, longest: 15_000 } as const;
const REDACTIONS_AT_ONCE = 1_000;

/**
 * Follows the redactions of all instances, in their order. An instance loads the campaign anew where it has it in
 * memory, in the same epoch: nobody who watches it notices, and whoever comes back from before is sent one snapshot.
 * The log drops the entries up to the redacted one; which instance tells it does not matter, and where none could, the
 * next one that starts does.
 *
 * Rejected: a publication of the log. One that is lost would leave the value in the memory of an instance for as long
 * as the campaign is used.
 */
export function createRedactionWatch(options: RedactionWatchOptions): RedactionWatch {
  const { store, hosting, log, clock, observer } = options;
  /** Redactions that are known here; of those before the start nothing is in memory. */
  let seen = 0;
  let started = false;
  let stopped = false;
  let looking: Promise<void> | undefined;
  /** Attempts in a row that failed; the first is reported. */
  let failures = 0;
  const notForgotten = new Map<number, StoredRedaction>();
  let cancel: () => void = () => undefined;

  const take = async (): Promise<void> => {
    for (;;) {
      const page = await store.redactionsAfter(seen, REDACTIONS_AT_ONCE);
      for (const redaction of page) {
        if (!redaction.forgotten) notForgotten.set(redaction.ordinal, redaction);
        if (started) await hosting.forget(redaction.campaignId);
        seen = redaction.ordinal;
      }
      if (page.length < REDACTIONS_AT_ONCE) break;
    }
    started = true;
    for (const { ordinal, campaignId, version } of notForgotten.values()) {
      // The watermark has not come there yet: what the archive has is not known everywhere.
      if (!(await log.forget(campaignId, version))) throw new Error(`${campaignId}: the log still holds ${version}`);
      await store.markForgotten(ordinal);
      notForgotten.delete(ordinal);
    }
  };

  const look = (): Promise<void> => {
    // One that is under way may have read before the redaction that this one is asked for.
    const before = looking ?? Promise.resolve();
    const next = before.catch(() => undefined).then(take);
    looking = next;
    next.catch(() => undefined);
    return next;
  };

  const lookAgain = (): void => {
    const failed = (error: unknown): void => {
      if (!stopped && failures === 0) observer.failed?.({ what: 'redaction', error: asError(error) });
      failures += 1;
    };
    void look()
      .then(() => void (failures = 0), failed)
      .then(() => {
        if (stopped || (failures === 0 && !log.shared)) return;
        const delay = failures === 0 ? LOOK_MS : Math.min(RETRY_MS.longest, RETRY_MS.first * 2 ** (failures - 1));
        cancel = clock.after(delay * (0.75 + clock.random() / 2), lookAgain);
      });
  };
  cancel = clock.after(0, lookAgain);

  return {
    async look() {
      try {
        await look();
      } catch (error) {
        cancel();
        if (!stopped) cancel = clock.after(RETRY_MS.first, lookAgain);
        throw error;
      }
    },
    stop() {
      stopped = true;
      cancel();
    },
  };
}
