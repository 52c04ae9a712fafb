import { TARGETING_NAME_PATTERN, TARGETING_NAME_WORDS } from '@campaign-state/client/targeting';

/** Why a rule, an arm, a segment, a group or a holdout cannot have that name, or `undefined` where it can. */
export function faultOfName(name: string, taken: readonly string[]): string | undefined {
  if (taken.includes(name)) return 'There is one of that name already.';
  return TARGETING_NAME_PATTERN.test(name) ? undefined : `The name ${TARGETING_NAME_WORDS}.`;
}
