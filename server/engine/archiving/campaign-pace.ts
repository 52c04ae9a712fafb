import { LIMITS } from '../../core/limits.ts';
import type { Clock } from '../ports.ts';

/** The pacing of each campaign's commits: which of them have to wait although entries are pending. */
export interface CampaignPace {
  /** A round begins: ids of the campaigns whose entries it leaves to a later one. */
  onRoundBegun(): ReadonlySet<string>;
  /** A state of so many bytes was committed with entries of a campaign. */
  onCommitted(campaignId: string, stateBytes: number): void;
  /** A caller waits for what was just accepted: the campaign's next commit does not wait. Returns whether it did. */
  onAwaited(campaignId: string): boolean;
  /** No campaign waits any longer, nor will any: everything is to be saved. */
  end(): void;
  /** When the first of them need not wait any more, in epoch milliseconds; infinity where none waits. */
  readonly firstEnd: number;
}

/**
 * Bytes of one campaign's states that are written in a millisecond, at most. Each commit of a campaign writes its whole
 * state, which is made here and stored there, however small the change is: back to back, the states of one document of
 * 200 KB would take more of this process than all else that happens in it. It has its next one after 0.2 s; what is
 * smaller than 5 KB is not delayed, as commits are 5 ms apart (`archiver-pace.ts`).
 */
const STATE_BYTES_PER_MS = 1_024;

/** The longest that a campaign waits, in milliseconds: after the largest state. */
const MAX_WAIT_MS = LIMITS.documentBytes / STATE_BYTES_PER_MS;

export function createCampaignPace(clock: Clock): CampaignPace {
  /** Until when each campaign waits. */
  const waiting = new Map<string, number>();
  /** Campaigns that somebody waits for since the round began. */
  const awaited = new Set<string>();
  let roundBegunAt = 0;
  let isEnded = false;

  return {
    onRoundBegun() {
      const now = clock.now();
      roundBegunAt = now;
      for (const [campaignId, until] of waiting)
        // Bounded, because a clock that was set back must not extend it.
        if (until <= now || until > now + MAX_WAIT_MS || awaited.has(campaignId)) waiting.delete(campaignId);
      awaited.clear();
      return new Set(waiting.keys());
    },

    onCommitted(campaignId, stateBytes) {
      const until = roundBegunAt + stateBytes / STATE_BYTES_PER_MS;
      if (!isEnded && until > clock.now() && !awaited.has(campaignId)) waiting.set(campaignId, until);
    },

    onAwaited(campaignId) {
      awaited.add(campaignId);
      return waiting.has(campaignId);
    },

    end() {
      isEnded = true;
      waiting.clear();
    },

    get firstEnd() {
      return Math.min(...waiting.values());
    },
  };
}
