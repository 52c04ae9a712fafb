import { setTimeout as pause } from 'node:timers/promises';
import { toCampaignError } from '@campaign-state/client';

/** Makes a call again for as long as it comes too fast for the limit of mutations. */
export async function withinRate<T>(call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (thrown) {
      const { reason, retryAfterMs = 100 } = toCampaignError(thrown);
      if (reason !== 'RATE_LIMITED') throw thrown;
      await pause(retryAfterMs);
    }
  }
}
