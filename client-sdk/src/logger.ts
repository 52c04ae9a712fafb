import { reportUncaught, type ErrorReporter } from './callbacks.ts';

/**
 * Where a client reports what no return value says: the option `logger`. `console` is one, and so are the loggers of
 * most libraries.
 */
export interface Logger {
  /** Every change of the connection. */
  readonly debug?: ((message: string, details?: unknown) => void) | undefined;
  /** What the app can go on with, such as storage on the device that fails. */
  readonly warn: (message: string, details?: unknown) => void;
  /** What a callback of the app threw. */
  readonly error: (message: string, details?: unknown) => void;
}

/** The default: warnings in the console. */
export const CONSOLE: Pick<Logger, 'debug' | 'warn'> = { warn: (...words) => console.warn(...words) };

/** What the app's callbacks throw goes to its logger; without one, it is an uncaught error. */
export function reporterOf(logger: Logger | undefined): ErrorReporter {
  if (!logger) return reportUncaught;
  return (error) => logger.error('campaign-state: a callback threw', error);
}
