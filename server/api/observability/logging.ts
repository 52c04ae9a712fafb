import { pino, stdTimeFunctions } from 'pino';
import type { DestinationStream, Logger } from 'pino';
import type { CallReport } from '../connection/context.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/**
 * Structured logs, one JSON object a line. At `info`: the service's own life, and what was refused; at `debug` every
 * call. Fields: `campaignId`, `actor`, `correlationId`, `durationMs`. Payloads are never logged: `system.trace` shows
 * them, to admins.
 */
export function createLogger(level: LogLevel, destination?: DestinationStream): Logger {
  const options = { level, base: null, timestamp: stdTimeFunctions.isoTime };
  return pino(options, destination ?? (standardOutput ??= openStandardOutput()));
}

/** One for the process: its loggers share it. */
let standardOutput: DestinationStream | undefined;

/** Lines that are not read are kept up to so many bytes; what comes then is dropped. */
const UNREAD_BYTES = 4 * 1024 * 1024;
/**
 * How often the end of the process tries, a tenth of a second apart, to bring the last lines to a reader that does not
 * read.
 */
const LAST_TRIES = 5;

/**
 * Written when it can be, and never waited for: a held terminal or a stuck collector must not stop the service, nor its
 * end.
 */
function openStandardOutput(): DestinationStream {
  let tries = Number.POSITIVE_INFINITY;
  // Before the destination's own, which would try for ever.
  process.once('exit', () => {
    tries = LAST_TRIES;
    try {
      output.flushSync();
    } catch {
      output.destroy();
    }
  });
  const output = pino.destination({ fd: 1, sync: false, maxLength: UNREAD_BYTES, retryEAGAIN: () => (tries -= 1) > 0 });
  return output;
}

/** Logs a call that is over: refusals at `info`, failures at `error`, the rest at `debug`. */
export function logCall(logger: Logger, call: CallReport): void {
  const { outcome, milliseconds, path, type, campaignId, actor, correlationId } = call;
  const level = outcome.kind === 'ok' ? 'debug' : outcome.kind === 'refused' ? 'info' : 'error';
  if (!logger.isLevelEnabled(level)) return;
  const fields = { path, type, campaignId, actor, correlationId, durationMs: Math.round(milliseconds * 1_000) / 1_000 };
  switch (outcome.kind) {
    case 'ok':
      return logger.debug(fields, 'call answered');
    case 'refused':
      return logger.info(
        { ...fields, reason: outcome.refusal.reason, refusal: outcome.refusal.message },
        'call refused',
      );
    case 'failed':
      return logger.error({ ...fields, err: outcome.error }, 'call failed');
  }
}
