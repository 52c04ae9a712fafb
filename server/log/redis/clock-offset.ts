import type { Cluster, Redis } from 'ioredis';

/** An answer that takes longer, in milliseconds, says too little: its error is half of that. */
const LONGEST_WAY_MS = 250;

/**
 * By how many milliseconds this process' clock is ahead of Redis', as if the answer had been given in the middle of its
 * way; `undefined` where the way was too long to tell.
 */
export async function measureClockOffset(
  commands: Pick<Redis | Cluster, 'time'>,
  now: () => number,
): Promise<number | undefined> {
  const askedAt = now();
  const [seconds, microseconds] = await commands.time();
  const answeredAt = now();
  if (answeredAt - askedAt > LONGEST_WAY_MS) return undefined;
  return (askedAt + answeredAt) / 2 - (Number(seconds) * 1_000 + Number(microseconds) / 1_000);
}
