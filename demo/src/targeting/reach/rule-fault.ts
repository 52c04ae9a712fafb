import { sayRefusal, type Refused } from '../../status/say-refusal.ts';
import { sayShare } from './weights.ts';

/** The fields of a rule beside which a refusal is said. */
export type FaultyField = 'coverage' | 'requires' | 'group' | 'unit' | 'fallbackUnit';

const FIELDS: readonly FaultyField[] = ['coverage', 'requires', 'group', 'unit', 'fallbackUnit'];
const LABELS: Readonly<Record<FaultyField, string>> = {
  coverage: 'The share',
  requires: 'What it requires',
  group: 'The group',
  unit: 'The attribute',
  fallbackUnit: 'The attribute',
};

/** Why a rule was refused: beside the field that it is about, or of the rule as a whole. */
export interface RuleFault {
  readonly field: FaultyField | undefined;
  readonly words: string;
}

/**
 * Where a refusal of a rule belongs, and in which words. A claim on a group's line that others have claimed is one of
 * too many people, so that it is said beside their share.
 *
 * @param free what is free of the rule's group, from 0 to 1; `undefined` where it is in none
 */
export function faultOfRule(error: Refused, name: string, free: number | undefined): RuleFault {
  const { reason = error.data?.reason, path = error.data?.path ?? [] } = error;
  if (reason === 'CONFLICT' && path[0] === 'groups' && free !== undefined)
    return { field: 'coverage', words: `Others of the group have the rest: ${sayShare(free)} of its line is free.` };
  // By the input that was sent, or by the document that would have come of it.
  const at = path[0] === 'rules' && path[1] === name ? path[2] : path[0] === 'rule' ? path[1] : undefined;
  const field = FIELDS.find((one) => one === at);
  return { field, words: sayRefusal(error, field === undefined ? 'The rule' : LABELS[field]) };
}
