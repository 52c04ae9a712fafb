import type { Mutation } from '../../../server/core/commands/command.ts';
import { CampaignError } from '../errors.ts';

/**
 * The mutation that a refusal of a whole push is about: the only one, or the one that its path names, which begins
 * `['mutations', index, …]`.
 */
export function culpritOf(push: readonly Mutation[], { path }: CampaignError): Mutation | undefined {
  if (push.length === 1) return push[0];
  const [field, index] = path ?? [];
  return field === 'mutations' && typeof index === 'number' ? push[index] : undefined;
}

/**
 * The error with the path of what the app wrote: a place in the document, without the push and the command around it.
 */
export function withoutEnvelope(error: CampaignError, { command }: Mutation): CampaignError {
  const [field, , ...rest] = error.path ?? [];
  if (field !== 'mutations') return error;
  if (rest[0] === 'command') rest.shift();
  const inner = rest[0] === 'commands' && command.type === 'batch' ? command.commands[Number(rest[1])] : command;
  if (rest[0] === 'commands') rest.splice(0, 2);
  if (rest[0] === 'updates' || rest[0] === 'value') rest.shift();
  const path = inner?.type === 'updateConfig' ? [inner.section, ...rest] : rest;
  const { reason, message, retryable, limit } = error;
  return new CampaignError(
    { reason, message, retryable, path, ...(limit !== undefined && { limit }) },
    { cause: error },
  );
}
