import type { CampaignError } from '../errors.ts';
import type { CampaignSnapshot, ConnectionState } from '../types.ts';

/** The part of a snapshot that says why the campaign cannot be read, while that is retried. */
export type Failure = Pick<CampaignSnapshot, 'failureReason' | 'failureCount'>;

export const NO_FAILURE: Failure = Object.freeze({ failureReason: undefined, failureCount: 0 });

/** The connection's failure, else that of the stream over it. */
export function failureOf({ status, attempt, error }: ConnectionState, stream: Failure): Failure {
  if (status === 'connected' || error === undefined) return stream;
  return { failureReason: error, failureCount: Math.max(attempt, 1) };
}

/** Whether an error is the same refusal as before, so that what shows it need not render again. */
export function isSameError(a: CampaignError | undefined, b: CampaignError | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && a.reason === b.reason && a.message === b.message);
}
