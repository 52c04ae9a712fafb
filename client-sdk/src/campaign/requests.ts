import type { Clock } from '../clock.ts';
import type { Connection } from '../link/connection.ts';
import { callUntilAnswered } from '../link/direct-call.ts';
import { CampaignError } from '../errors.ts';
import { positionOf } from '../sync/mirror.ts';
import type { PendingEdits } from '../sync/pending-edits.ts';
import type { Campaign } from '../types.ts';
import { invalid } from './commands.ts';
import type { Editor } from './editor.ts';
import { isVersionName, readOptions } from './sendable.ts';

export interface RequestsOptions {
  readonly campaignId: string;
  readonly connection: Connection;
  readonly clock: Clock;
  readonly edits: PendingEdits;
  readonly editor: Editor;
}

/** The functions of a campaign that are calls of their own, because the client cannot know their effect. */
export function createRequests({
  campaignId,
  connection,
  clock,
  edits,
  editor,
}: RequestsOptions): Pick<Campaign, 'rollback' | 'whenDurable'> {
  const { campaign } = connection.trpc;

  function position() {
    const mirror = edits.mirror();
    return mirror && positionOf(mirror);
  }

  /** Resolves when everything made so far has been answered: what is sent then comes after it. */
  function allAnswered(): Promise<void> {
    edits.releaseHeld();
    return new Promise((resolve) => {
      const stop = edits.onChange(check);
      check();
      function check(): void {
        if (edits.list().some(({ delivery }) => delivery.kind !== 'accepted')) return;
        stop();
        resolve();
      }
    });
  }

  return {
    async rollback(toVersion, options) {
      const travelling = readOptions(options);
      if (travelling instanceof CampaignError) throw travelling;
      if (!isVersionName(toVersion)) throw invalid(['toVersion'], 'must be a version or a position');
      const base = position();
      const mutationId = clock.id();
      const input = { campaignId, toVersion, mutationId, ...(base !== undefined && { base }), ...travelling };
      await allAnswered();
      editor.expectRollback(mutationId);
      try {
        const answer = await callUntilAnswered(connection, clock, () => campaign.rollback.mutate(input));
        if ('dryRun' in answer) throw new CampaignError({ reason: 'INVALID', message: 'A dry run was not asked for' });
        if (!answer.changed) editor.dropRollback(mutationId);
        return answer;
      } catch (thrown) {
        editor.dropRollback(mutationId);
        throw thrown;
      }
    },
    async whenDurable(given) {
      const wanted = given ?? position();
      if (wanted === undefined)
        throw new CampaignError({ reason: 'NOT_FOUND', message: 'Nothing has been received of this campaign yet' });
      if (typeof wanted !== 'string') throw invalid(['position'], 'must be a position');
      await callUntilAnswered(connection, clock, () => campaign.whenDurable.query({ campaignId, position: wanted }));
    },
  };
}
