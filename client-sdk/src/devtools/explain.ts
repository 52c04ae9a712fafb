import type { Pending } from '../sync/pending.ts';
import type { CampaignSnapshot, ConnectionState } from '../types.ts';

/** Why the connection is as it is, in a sentence. */
export function explainConnection({ status, attempt, retryAt, reason, error }: ConnectionState, now: number): string {
  const failed = error ? `${reason}: ${error.message}` : 'nothing has failed';
  const next = retryAt === undefined ? 'an attempt is under way' : `the next attempt is in ${seconds(retryAt - now)}`;
  switch (status) {
    case 'connecting':
      return 'Nothing has needed a connection yet, or the first attempt is under way';
    case 'connected':
      return 'The server has accepted this caller';
    case 'reconnecting':
      return `Attempt ${attempt} failed (${failed}); ${next}`;
    case 'offline':
      return `The device reports no network; its return is waited for (${failed})`;
    case 'needs-auth':
      return `The server refused the token (${failed}); another one is waited for`;
    case 'closed':
      return failed;
  }
}

/** Why the campaign is shown as it is, in a sentence. */
export function explainCampaign({ status, isStale, error, failureReason, failureCount }: CampaignSnapshot): string {
  if (error) return `${error.reason}: ${error.message}`;
  const failing = failureReason ? ` ${failureCount} attempts in a row failed: ${failureReason.message}` : '';
  if (status === 'pending') return `Its first snapshot is waited for.${failing}`;
  if (isStale) return `It is what was last seen on this device.${failing}`;
  return failing === '' ? 'Live' : `It was live.${failing}`;
}

/** Why an edit is not yet saved, in a sentence. */
export function explainEdit(
  { delivery, isRetry, containedAt, conflicts = [] }: Pending,
  link: ConnectionState,
): string {
  switch (delivery.kind) {
    case 'held':
      return 'Held back by its pace (pacedUpdate): the app is still adding to it';
    case 'conflicted':
      return `Kept back until its conflict is resolved: ${conflicts.map(({ path }) => path.join('.')).join(', ')}`;
    case 'waiting':
      if (link.status !== 'connected') return `Waits for the connection, which is ${link.status}`;
      return isRetry ? 'To be sent again, under the same id' : 'To be sent, behind what is under way';
    case 'sent':
      return containedAt === undefined
        ? 'Sent; its answer is waited for'
        : `In version ${containedAt}; its answer is waited for`;
    case 'accepted':
      return `Version ${delivery.receipt.version}; that it is committed is waited for`;
  }
}

function seconds(milliseconds: number): string {
  return `${Math.max(0, Math.round(milliseconds / 100) / 10)} s`;
}
