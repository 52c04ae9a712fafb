import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { RefusalError } from '../../core/errors.ts';

/** Rate limit of mutations, counted by key; rejects with `RATE_LIMITED` and the time to wait. */
export type MutationRate = (key: string, mutations: number) => Promise<void>;

/** @param perSecond mutations that one key may send in a second; 0: no limit */
export function createMutationRate(perSecond: number): MutationRate {
  if (perSecond === 0) return async () => {};
  const limiter = new RateLimiterMemory({ points: perSecond, duration: 1 });
  return async (key, mutations) => {
    try {
      // A push may hold more than a second's worth: it takes the whole second, since it would else never pass.
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
