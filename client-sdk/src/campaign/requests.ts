import type { Position } from '../../../server/core/stream/entry.ts';
import type { Clock } from '../clock.ts';
import type { Connection } from '../link/connection.ts';
import { callUntilAnswered } from '../link/direct-call.ts';
import { CampaignError } from '../errors.ts';
import type { Campaign } from '../types.ts';

export interface RequestsOptions {
  readonly campaignId: string;
  readonly connection: Connection;
  readonly clock: Clock;
  readonly position: () => Position | undefined;
  /** Resolves when everything that was made so far has been answered. */
  readonly allAnswered: () => Promise<void>;
}

/** What is asked of the server as a call of its own, because its effect is not for the client to know. */
export function requests({
  campaignId,
  connection,
  clock,
  position,
  allAnswered,
}: RequestsOptions): Pick<Campaign, 'rollback' | 'whenDurable'> {
  const { campaign } = connection.trpc;
  return {
    async rollback(toVersion, options) {
      const base = position();
      const input = { campaignId, toVersion, mutationId: clock.id(), ...(base !== undefined && { base }), ...options };
      await allAnswered();
      const answer = await callUntilAnswered(connection, clock, () => campaign.rollback.mutate(input));
      if ('dryRun' in answer) throw new CampaignError({ reason: 'INVALID', message: 'A dry run was not asked for' });
      return answer;
    },
    async whenDurable(given) {
      const wanted = given ?? position();
      if (wanted === undefined)
        throw new CampaignError({ reason: 'NOT_FOUND', message: 'Nothing has been received of this campaign yet' });
      await callUntilAnswered(connection, clock, () => campaign.whenDurable.query({ campaignId, position: wanted }));
    },
  };
}
