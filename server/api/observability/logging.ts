import { pino, stdTimeFunctions } from 'pino';
import type { DestinationStream, Logger } from 'pino';
import type { CallReport } from '../connection/context.ts';

/** The least severe level that is logged. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/**
 * A structured logger: one JSON object a line. At `info` it logs start, shutdown and refused calls, at `debug` every
 * call. Fields: `campaignId`, `actor`, `correlationId`, `durationMs`. Payloads are never logged; admins see them with
 * `system.trace`.
 *
 * @example
 *   const logger = createLogger('info');
 *   const server = await createCampaignServer({ logger });
 *
 * @param level the least severe level that is logged
 * @param destination where the lines go; default: stdout, without blocking
 */
export function createLogger(level: LogLevel, destination?: DestinationStream): Logger {
  const options = { level, base: null, timestamp: stdTimeFunctions.isoTime };
  return pino(options, destination ?? (standardOutput ??= openStandardOutput()));
}

/** Stdout, opened once: all loggers of the process share it. */
let standardOutput: DestinationStream | undefined;

/** Bytes of log lines that wait for the reader of stdout; further lines are dropped. */
const MAX_BUFFERED_BYTES = 4 * 1024 * 1024;
/** Attempts to write the last lines when the process exits, a tenth of a second apart. */
const EXIT_WRITE_ATTEMPTS = 5;

/** Non-blocking stdout: a paused terminal or a stuck log collector must hold up neither the service nor its exit. */
function openStandardOutput(): DestinationStream {
  let attempts = Number.POSITIVE_INFINITY;
  // Registered before the destination's own exit handler, which would retry for ever.
  process.once('exit', () => {
    attempts = EXIT_WRITE_ATTEMPTS;
    try {
      output.flushSync();
    } catch {
      output.destroy();
    }
  });
  const output = pino.destination({
    fd: 1,
    sync: false,
    maxLength: MAX_BUFFERED_BYTES,
    retryEAGAIN: () => (attempts -= 1) > 0,
  });
  return output;
}

/** Logs an answered call: refusals at `info`, failures at `error`, others at `debug`. */
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
