import type { Logger } from '../logger.ts';

/** More clients of one server in one page than an app makes: in {@link WINDOW_MS}. */
const MAX_CLIENTS = 8;
const WINDOW_MS = 10_000;
/** How long the first attempt to connect of each further one waits, in milliseconds. */
const START_DELAY_MS = 5_000;

/** When clients were made, by server. */
const creations = new Map<string, number[]>();

/**
 * Guards a page against a client that is made with every render: it says so once, and delays the sockets of further
 * clients, which would else come by dozens a second.
 *
 * @param now epoch milliseconds
 * @returns how long the client's first attempt to connect waits, in milliseconds
 */
export function guardCreation(url: string, now: number, logger: Pick<Logger, 'warn'>): number {
  if (typeof window === 'undefined') return 0;
  const recent = (creations.get(url) ?? []).filter((at) => now - at < WINDOW_MS);
  recent.push(now);
  creations.set(url, recent);
  if (recent.length === MAX_CLIENTS + 1) warn(logger);
  return recent.length > MAX_CLIENTS ? START_DELAY_MS : 0;
}

function warn(logger: Pick<Logger, 'warn'>): void {
  import('./creation-advice.ts').then(
    ({ CREATION_ADVICE }) => logger.warn(CREATION_ADVICE),
    () => undefined,
  );
}
