import type { AuditStore } from '../../core/audit-store.ts';
import { asError } from '../../core/errors.ts';
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
   * Looks now, and resolves once nothing that was redacted of a campaign by then is left on this instance and in the
   * log.
   *
   * @throws Error where archive or log do not answer; it is tried again
   */
  look(campaignId: string): Promise<void>;
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

/** Something that is to be done for redactions of a campaign. */
interface Task {
  readonly campaignId: string;
  run(): Promise<void>;
  /** Attempts that failed; the first is reported. */
  failures: number;
  error: Error | undefined;
  /** When it is to be tried, in epoch milliseconds. */
  dueAt: number;
}

/**
 * Follows the redactions of all instances, in their order. An instance loads the campaign anew where it has it in
 * memory, in the same epoch: nobody who watches it notices, and whoever comes back from before is sent one snapshot.
 * The log drops the entries up to the redacted one; which instance tells it does not matter, and where none could, the
 * next one that starts does.
 *
 * Each is tried by itself: one that cannot be done yet, such as of an entry that the watermark has not passed, keeps no
 * other waiting.
 *
 * Rejected: a publication of the log. One that is lost would leave the value in the memory of an instance for as long
 * as the campaign is used.
 */
export function createRedactionWatch(options: RedactionWatchOptions): RedactionWatch {
  const { store, hosting, log, clock, observer } = options;
  /** The ordinal of the last redaction that is known here. */
  let seen = 0;
  let stopped = false;
  let looking: Promise<void> | undefined;
  /** Attempts in a row to read them that failed; the first is reported. */
  let failedReads = 0;
  const tasks = new Map<string, Task>();
  let cancel: () => void = () => undefined;

  const report = (error: Error, campaignId?: string): void => {
    if (!stopped) observer.failed?.({ what: 'redaction', ...(campaignId !== undefined && { campaignId }), error });
  };

  const retryAfter = (failures: number): number =>
    Math.min(RETRY_MS.longest, RETRY_MS.first * 2 ** (failures - 1)) * (0.75 + clock.random() / 2);

  const add = (name: string, campaignId: string, run: Task['run']): void => {
    const before = tasks.get(name);
    tasks.set(name, { campaignId, run, failures: before?.failures ?? 0, error: undefined, dueAt: 0 });
  };

  /** Also of those from before the start: a campaign may have come into memory since, with what was redacted then. */
  const read = async (): Promise<void> => {
    for (;;) {
      const page = await store.redactionsAfter(seen, REDACTIONS_AT_ONCE);
      for (const { ordinal, campaignId, version, forgotten } of page) {
        add(`reload ${campaignId}`, campaignId, () => hosting.forget(campaignId));
        if (!forgotten)
          add(`drop ${ordinal}`, campaignId, async () => {
            if (await log.forget(campaignId, version)) return store.markForgotten(ordinal);
            // Another instance may have done it, or the campaign may have been replaced or deleted since.
            const [now] = await store.redactionsAfter(ordinal - 1, 1);
            if (now?.ordinal !== ordinal || now.forgotten) return;
            // The watermark has not come there yet: what the archive has is not known everywhere.
            throw new Error(`${campaignId}: the log still holds ${version}`);
          });
        seen = ordinal;
      }
      if (page.length < REDACTIONS_AT_ONCE) return;
    }
  };

  const attempt = async (name: string, task: Task): Promise<void> => {
    try {
      await task.run();
      tasks.delete(name);
    } catch (error) {
      task.error = asError(error);
      if (task.failures === 0) report(task.error, task.campaignId);
      task.failures += 1;
      task.dueAt = clock.now() + retryAfter(task.failures);
    }
  };

  const round = async (campaignId?: string): Promise<void> => {
    const unread = await read().then(() => undefined, asError);
    if (unread && failedReads === 0) report(unread);
    failedReads = unread ? failedReads + 1 : 0;
    for (const [name, task] of tasks)
      if (task.campaignId === campaignId || task.dueAt <= clock.now()) await attempt(name, task);
    schedule();
    const left = [...tasks.values()].find((task) => task.campaignId === campaignId);
    const error = unread ?? left?.error;
    if (error) throw error;
  };

  const look = (campaignId?: string): Promise<void> => {
    // One that is under way may have read before the redaction that this one is asked for.
    const before = looking ?? Promise.resolve();
    const next = before.catch(() => undefined).then(() => round(campaignId));
    looking = next;
    next.catch(() => undefined);
    return next;
  };

  const schedule = (): void => {
    cancel();
    if (stopped) return;
    let delay = Number.POSITIVE_INFINITY;
    for (const { dueAt } of tasks.values()) delay = Math.min(delay, Math.max(0, dueAt - clock.now()));
    if (failedReads > 0) delay = Math.min(delay, retryAfter(failedReads));
    else if (log.shared) delay = Math.min(delay, LOOK_MS * (0.75 + clock.random() / 2));
    if (Number.isFinite(delay)) cancel = clock.after(delay, () => void look().catch(() => undefined));
  };
  cancel = clock.after(0, () => void look().catch(() => undefined));

  return {
    look,
    stop() {
      stopped = true;
      cancel();
    },
  };
}
