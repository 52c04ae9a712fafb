import type { Receipt } from '../../../server/core/stream/entry.ts';
import type { Position, VersionName } from '../../../server/core/stream/position.ts';
import { callUntilAnswered } from '../link/direct-call.ts';
import { CampaignError, invalid } from '../errors.ts';
import type { PendingEdits } from '../sync/pending-edits.ts';
import type { CampaignLock, EditOptions, LockOptions } from '../types.ts';
import type { RequestsOptions } from './requests.ts';
import { isVersionName, readOptions } from './sendable.ts';

/*
 * The calls of a campaign that wait for an answer of the server. They are loaded when the first one is made, because
 * most pages never make one.
 */

/**
 * Rolls a campaign back, after everything that is pending.
 *
 * @param base where the campaign was when it was asked for
 * @param ended nobody waits for the answer any more: what has not been sent is not sent then
 */
export async function rollback(
  { campaignId, connection, clock, edits, editor }: RequestsOptions,
  toVersion: VersionName,
  base: Position | undefined,
  options: EditOptions,
  ended: AbortSignal,
): Promise<Receipt> {
  const travelling = readOptions(options);
  if (travelling instanceof CampaignError) throw travelling;
  if (!isVersionName(toVersion)) throw invalid(['toVersion'], 'must be a version or a position');
  const mutationId = clock.id();
  await allAnswered(edits, ended);
  const lock = edits.locks.of({ type: 'rollback', toVersion });
  const input = {
    campaignId,
    toVersion,
    mutationId,
    ...(base !== undefined && { base }),
    ...(lock && { lock }),
    ...travelling,
  };
  if (ended.aborted) throw new CampaignError({ reason: 'UNAVAILABLE', message: 'It was given up', mutationId });
  editor.expectRollback(mutationId);
  try {
    const answer = await callUntilAnswered(
      connection,
      clock,
      () => connection.trpc.campaign.rollback.mutate(input),
      ended,
    );
    if ('dryRun' in answer) throw new CampaignError({ reason: 'INVALID', message: 'A dry run was not asked for' });
    if (!answer.changed) editor.dropRollback(mutationId);
    return answer;
  } catch (thrown) {
    // What was given up may have been carried out: then its entry comes, and is a step of undo.
    if (!ended.aborted) editor.dropRollback(mutationId);
    throw thrown;
  }
}

/** Resolves with a lock once it is granted. */
export async function lock(
  options: RequestsOptions,
  path: readonly string[],
  given: LockOptions,
  ended: AbortSignal,
): Promise<CampaignLock> {
  const { locksOf } = await import('../locks/held-locks.ts');
  return locksOf(options).acquire(path, given, ended);
}

/** Resolves when that position is committed. */
export async function whenDurable(
  { campaignId, connection, clock }: RequestsOptions,
  position: Position | undefined,
  ended: AbortSignal,
): Promise<void> {
  if (position === undefined)
    throw new CampaignError({ reason: 'NOT_FOUND', message: 'Nothing has been received of this campaign yet' });
  if (typeof position !== 'string') throw invalid(['position'], 'must be a position');
  const ask = () => connection.trpc.campaign.whenDurable.query({ campaignId, position }, { signal: ended });
  await callUntilAnswered(connection, clock, ask, ended);
}

/** Resolves when everything made so far has been answered: what is sent then comes after it. */
function allAnswered(edits: PendingEdits, ended: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const stop = edits.onChange(check);
    ended.addEventListener('abort', end);
    check();
    function check(): void {
      if (edits.list().every(({ delivery }) => delivery.kind === 'accepted')) end();
    }
    function end(): void {
      stop();
      resolve();
    }
  });
}
