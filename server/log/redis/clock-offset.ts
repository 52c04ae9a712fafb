import type { Cluster, Redis } from 'ioredis';

/** The longest round trip that still tells the time, in milliseconds: the error of the measurement is half of it. */
const MAX_ROUND_TRIP_MS = 250;

/**
 * Measures by how many milliseconds this process' clock is ahead of Redis', taking the answer to have been given in the
 * middle of the round trip.
 *
 * @returns `undefined` where the round trip took too long to tell
 */
export async function measureClockOffset(
  commands: Pick<Redis | Cluster, 'time'>,
  now: () => number,
): Promise<number | undefined> {
  const askedAt = now();
  const [seconds, microseconds] = await commands.time();
  const answeredAt = now();
  if (answeredAt - askedAt > MAX_ROUND_TRIP_MS) return undefined;
  return (askedAt + answeredAt) / 2 - (Number(seconds) * 1_000 + Number(microseconds) / 1_000);
}
