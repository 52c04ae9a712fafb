import { RefusalError } from '../../core/errors.ts';
import type { CampaignHost } from '../hosting/campaign-host.ts';
import type { OrderedLog } from '../ports.ts';

export interface OverloadOptions {
  log: Pick<OrderedLog, 'backlog'>;
  hosting: Pick<CampaignHost, 'unsavedBytes'>;
  /** Entries that may wait for the archive. */
  maxBacklog: number;
  /** Bytes of them, likewise. */
  maxBacklogBytes: number;
}

/** What a caller that is refused for load should wait, in milliseconds. */
const RETRY_AFTER_MS = 1_000;

/** Refuses what would wait for the archive behind too much else (G12); `undefined` where there is room. */
export function refuseOverload({
  log,
  hosting,
  maxBacklog,
  maxBacklogBytes,
}: OverloadOptions): RefusalError | undefined {
  const { entries } = log.backlog();
  if (entries >= maxBacklog) {
    const message = `${entries} changes wait for the database, at most ${maxBacklog} may; try again later`;
    return new RefusalError('OVERLOADED', message, { limit: maxBacklog, retryAfterMs: RETRY_AFTER_MS });
  }
  if (hosting.unsavedBytes < maxBacklogBytes) return undefined;
  const message = `changes of ${hosting.unsavedBytes} bytes wait for the database, at most ${maxBacklogBytes} may; try again later`;
  return new RefusalError('OVERLOADED', message, { limit: maxBacklogBytes, retryAfterMs: RETRY_AFTER_MS });
}
