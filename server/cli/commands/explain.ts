import type { Logger } from 'pino';
import { ArchiveError } from '../../archive/index.ts';
import type { Config } from '../config.ts';

/** One sentence for people about an error that stopped the start. */
export function explain(error: unknown, config: Config, logger: Logger): string {
  if (!(error instanceof Error)) return String(error);
  // Its messages are sentences; its codes are the database's, not of the port below.
  if (error instanceof ArchiveError) return error.message;
  const { host } = config;
  const port =
    'port' in error && error.port === config.metricsPort ? `METRICS_PORT ${config.metricsPort}` : `PORT ${config.port}`;
  switch ('code' in error ? error.code : undefined) {
    case 'EADDRINUSE':
      return `${port} on ${host} is in use by another process: stop that one, or set another.`;
    case 'EACCES':
      return `${port} on ${host} may not be used by this user: set another.`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `HOST ${host} is not an address of this machine.`;
    default:
      // A plain `Error` is thrown with a sentence; the language's own errors are defects, and need their stack.
      if (error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError) {
        logger.fatal({ err: error }, 'the start failed');
      }
      return error.message;
  }
}

/** Ends the process with exit code 1 and one sentence for people on stderr. */
export function giveUp(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
