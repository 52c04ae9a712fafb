import type { Refusal } from '../errors.ts';
import type { Receipt } from '../stream/entry.ts';

/** Answer to one mutation of a push, in the order of the push: its receipt, or why it was refused. */
export type PushOutcome =
  | { readonly ok: true; readonly receipt: Receipt }
  | { readonly ok: false; readonly mutationId: string; readonly error: Refusal & { readonly retryable: boolean } };
