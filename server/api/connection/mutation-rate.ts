import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { RefusalError } from '../../core/errors.ts';

/** Counts mutations by caller; rejects with `RATE_LIMITED`. */
export type MutationRate = (key: string, mutations: number) => Promise<void>;

/** @param perSecond how many mutations one caller may send in a second; 0: any number */
export function createMutationRate(perSecond: number): MutationRate {
  if (perSecond === 0) return async () => {};
  const limiter = new RateLimiterMemory({ points: perSecond, duration: 1 });
  return async (key, mutations) => {
    try {
      // One push may hold more than a second's worth; it takes the whole second then, and is not refused for ever.
      await limiter.consume(key, Math.min(mutations, perSecond));
    } catch (reason) {
      if (!(reason instanceof RateLimiterRes)) throw reason;
      throw new RefusalError('RATE_LIMITED', `At most ${perSecond} mutations a second are allowed`, {
        limit: perSecond,
        retryAfterMs: reason.msBeforeNext,
      });
    }
  };
}
