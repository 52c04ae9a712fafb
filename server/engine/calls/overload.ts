import { RefusalError } from '../../core/errors.ts';
import type { CampaignHost } from '../hosting/campaign-host.ts';
import type { OrderedLog } from '../ports.ts';

export interface OverloadOptions {
  log: Pick<OrderedLog, 'backlog'>;
  hosting: Pick<CampaignHost, 'unsavedBytes'>;
  /** Most entries that may wait for the archive. */
  maxBacklog: number;
  /** Most bytes of them. */
  maxBacklogBytes: number;
}

/** How long a caller that is refused for load should wait. */
const RETRY_AFTER_MS = 1_000;

/** Refusal where too much waits for the archive (G12); `undefined` where there is capacity. */
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
