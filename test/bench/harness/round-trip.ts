import { Redis } from 'ioredis';
import { nowMicros } from './messages.ts';
import { percentile } from './trial.ts';

/** Milliseconds of a PING to that Redis, p50. */
export async function roundTrip(url: string, count: number): Promise<number> {
  const redis = new Redis(url);
  const taken: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const sentAt = nowMicros();
    await redis.ping();
    taken.push(nowMicros() - sentAt);
  }
  redis.disconnect();
  return (
    percentile(
      taken.sort((a, b) => a - b),
      0.5,
    ) / 1_000
  );
}
