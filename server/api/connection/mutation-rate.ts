import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { RefusalError } from '../../core/errors.ts';
import { CALLER_FACTOR } from './work-budget.ts';

/**
 * Rate limit of mutations, counted in weight by connection, and by caller over all of its connections and requests;
 * rejects with `RATE_LIMITED` and the time to wait. `undefined` where there is no limit.
 */
export type MutationRate = (connection: string, caller: string, weight: number) => Promise<void> | undefined;

/**
 * @param perSecond weight that one connection may send in a second, a caller four times as much; 0: no limit
 * @param what what is counted, for the refusal
 */
export function createMutationRate(perSecond: number, what = 'mutations'): MutationRate {
  if (perSecond === 0) return () => undefined;
  const connections = limiterOf(perSecond, what);
  const callers = limiterOf(perSecond * CALLER_FACTOR, what);
  return async (connection, caller, weight) => {
    // A push may hold more than a second's worth: it takes the whole second, since it would else never pass.
    const counted = Math.min(weight, perSecond);
    await connections(connection, counted);
    await callers(caller, counted);
  };
}

function limiterOf(perSecond: number, what: string): (key: string, weight: number) => Promise<void> {
  const limiter = new RateLimiterMemory({ points: perSecond, duration: 1 });
  return async (key, weight) => {
    try {
      await limiter.consume(key, weight);
    } catch (reason) {
      if (!(reason instanceof RateLimiterRes)) throw reason;
      throw new RefusalError('RATE_LIMITED', `At most ${perSecond} ${what} a second are allowed`, {
        limit: perSecond,
        retryAfterMs: reason.msBeforeNext,
      });
    }
  };
}
