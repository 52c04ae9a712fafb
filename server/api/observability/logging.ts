import { pino, stdSerializers, stdTimeFunctions } from 'pino';
import type { DestinationStream, Logger } from 'pino';
import { createLogOutput, openStdout } from './log-output.ts';
import type { LogOutput } from './log-output.ts';

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
  const options = { level, base: null, timestamp: stdTimeFunctions.isoTime, serializers: { err: boundedError } };
  return pino(options, destination ?? standardOutput());
}

/** Characters of a text of an error in a log line: messages of databases and of parsers quote what they were given. */
const ERROR_CHARACTERS = 4_096;

function boundedError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const fields = Object.entries(stdSerializers.err(error));
  return Object.fromEntries(
    fields.map(([name, value]) => [name, typeof value === 'string' ? value.slice(0, ERROR_CHARACTERS) : value]),
  );
}

/** The output of all loggers of the process. */
let sharedOutput: LogOutput | undefined;

function standardOutput(): LogOutput {
  if (!sharedOutput) {
    const output = createLogOutput({ file: openStdout() });
    process.once('exit', () => output.flushSync());
    sharedOutput = output;
  }
  return sharedOutput;
}

/** Lines that this process has dropped, because stdout is not read or cannot be written. */
export function droppedLogLines(): number {
  return sharedOutput?.droppedLines ?? 0;
}
