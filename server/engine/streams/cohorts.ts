import { TARGETING_LIMITS } from '../../core/document/targeting-fields.ts';
import { RefusalError } from '../../core/errors.ts';
import type { Audience } from '../../core/stream/audience.ts';

/**
 * The cohorts of one campaign on this instance: subscribers with one outcome of the rules. Their number is bounded,
 * because an entry is made and encoded once for each.
 */
export interface Cohorts {
  /**
   * Enters a subscriber into the cohort of an audience.
   *
   * @param left the audience that it leaves at the same time
   * @returns the audience as all of its cohort share it
   * @throws RefusalError `OVERLOADED` where it would be the first of one cohort too many; then it leaves nothing either
   */
  enter(audience: Audience, left?: Audience): Audience;
  leave(audience: Audience): void;
  readonly size: number;
}

/** How long a caller that is refused should wait, in milliseconds. */
const RETRY_AFTER_MS = 5_000;

export function createCohorts(campaignId: string, limit: number = TARGETING_LIMITS.cohorts): Cohorts {
  const byKey = new Map<string, { readonly audience: Audience; members: number }>();

  const leave = ({ key, assignments }: Audience): void => {
    const cohort = assignments && byKey.get(key);
    if (!cohort) return;
    cohort.members -= 1;
    if (cohort.members === 0) byKey.delete(key);
  };

  return {
    enter(audience, left) {
      const { key, assignments } = audience;
      // Without targeting there is but one of each view.
      if (!assignments) {
        if (left) leave(left);
        return audience;
      }
      const cohort = byKey.get(key);
      const isFreed = left?.assignments !== undefined && byKey.get(left.key)?.members === 1;
      if (!cohort && byKey.size - (isFreed ? 1 : 0) >= limit) {
        const message = `${campaignId}: its rules lead to ${byKey.size} different outcomes here, the most that may be`;
        throw new RefusalError('OVERLOADED', message, { limit, retryAfterMs: RETRY_AFTER_MS });
      }
      const entered = cohort ?? { audience, members: 0 };
      entered.members += 1;
      byKey.set(key, entered);
      if (left) leave(left);
      return entered.audience;
    },
    leave,
    get size() {
      return byKey.size;
    },
  };
}
