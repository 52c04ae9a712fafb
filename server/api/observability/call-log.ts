import type { Logger } from 'pino';
import type { Refusal } from '../../core/errors.ts';
import { QUOTED_CHARACTERS } from '../../core/quote.ts';
import type { CallReport } from '../connection/context.ts';

/** The log of calls. */
export interface CallLog {
  /**
   * Logs a call that is over: refusals at `info`, failures at `error`, others at `debug`.
   *
   * @param address the caller's network address; the caller's name in the log where no token has one
   */
  report(call: CallReport, address: string | undefined): void;
  /** Logs the numbers that are still counted, and stops. */
  stop(): void;
}

/** Characters of a refusal in a log line: a sentence of the server that quotes excerpts. */
const REFUSAL_LENGTH = 256;

/** The interval at which repeated refusals are logged, in milliseconds. */
const REPEAT_INTERVAL_MS = 10_000;

/** Callers whose refusals are counted apart within one interval; those of all others are counted together. */
const MAX_COUNTED_CALLERS = 256;

/** Refusals of one caller for one reason since the last line about them. */
interface Repeats {
  readonly caller: { readonly actor?: string | undefined; readonly address?: string | undefined };
  readonly reason: Refusal['reason'];
  count: number;
}

/**
 * Creates the log of calls. The first refusal of a caller for a reason is a line, and its repeats within ten seconds
 * are one line with their number: what callers send must not fill the log, or hide what else is in it. For the same
 * reason a line quotes no more than an excerpt of a caller's text.
 */
export function createCallLog(logger: Logger): CallLog {
  const refusals = new Map<string, Repeats>();
  let timer: NodeJS.Timeout | undefined;

  function flush(): void {
    for (const [key, repeats] of refusals) {
      if (repeats.count === 0) refusals.delete(key);
      else {
        logger.info({ ...repeats.caller, reason: repeats.reason, calls: repeats.count }, 'calls refused again');
        repeats.count = 0;
      }
    }
    if (refusals.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  }

  /** Whether this is a repeat, which is counted. */
  function isRepeat({ actor }: CallReport, reason: Refusal['reason'], address: string | undefined): boolean {
    let key = `${reason} ${actor ?? `at ${address}`}`;
    let caller: Repeats['caller'] = { actor: actor && excerpt(actor), address };
    if (!refusals.has(key) && refusals.size >= MAX_COUNTED_CALLERS) {
      key = reason;
      caller = {};
    }
    const repeats = refusals.get(key);
    if (repeats) {
      repeats.count += 1;
      return true;
    }
    refusals.set(key, { caller, reason, count: 0 });
    if (!timer) {
      timer = setInterval(flush, REPEAT_INTERVAL_MS);
      timer.unref();
    }
    return false;
  }

  return {
    report(call, address) {
      const { outcome, milliseconds, type, campaignId, correlationId } = call;
      const level = outcome.kind === 'ok' ? 'debug' : outcome.kind === 'refused' ? 'info' : 'error';
      if (!logger.isLevelEnabled(level)) return;
      if (outcome.kind === 'refused' && isRepeat(call, outcome.refusal.reason, address)) return;
      const fields = {
        path: excerpt(call.path),
        type,
        campaignId,
        actor: call.actor && excerpt(call.actor),
        address,
        correlationId,
        durationMs: Math.round(milliseconds * 1_000) / 1_000,
      };
      switch (outcome.kind) {
        case 'ok':
          return logger.debug(fields, 'call answered');
        case 'refused': {
          const { reason, message } = outcome.refusal;
          return logger.info({ ...fields, reason, refusal: excerpt(message, REFUSAL_LENGTH) }, 'call refused');
        }
        case 'failed':
          return logger.error({ ...fields, err: outcome.error }, 'call failed');
      }
    },
    stop() {
      flush();
      clearInterval(timer);
    },
  };
}

/** The beginning of a caller's text, as it may stand in a log line. */
export function excerpt(text: string, length: number = QUOTED_CHARACTERS): string {
  return text.length > length ? `${text.slice(0, length - 1).toWellFormed()}…` : text;
}
