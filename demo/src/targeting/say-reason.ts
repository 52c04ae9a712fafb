/** What is said of a rule for one viewer, as far as its words need it. */
export interface Explained {
  readonly reason: string;
  readonly status: string;
  readonly arm?: string;
  readonly holdout?: string;
  readonly unit?: string;
  readonly bucket?: number;
  readonly range?: readonly [number, number];
}

const place = new Intl.NumberFormat('en');

/** Why a viewer has an arm of a rule, or none, as a sentence. */
export function sayReason({ reason, status, arm, holdout, unit, bucket, range }: Explained): string {
  switch (reason) {
    case 'TARGETING_MATCH':
      return `They have “${arm ?? ''}”, because they meet the condition.`;
    case 'SPLIT':
      return `They have “${arm ?? ''}”: their ${unit ?? 'unit'} falls into bucket ${place.format(bucket ?? 0)}${
        range ? `, which lies in ${place.format(range[0])} to ${place.format(range[1])}` : ''
      }.`;
    case 'HELD':
      return `They have “${arm ?? ''}”, which they had before a login: bucket ${place.format(bucket ?? 0)} is held for their ${unit ?? 'unit'}.`;
    case 'NO_UNIT':
      return 'They would have an arm, but the attribute that the rule divides by is not known of them.';
    case 'NOT_RUNNING':
      return `The rule is ${status === 'draft' ? 'a draft' : status}: it applies to nobody.`;
    case 'HOLDOUT':
      return `They are kept out of rules, by the holdout “${holdout ?? ''}”.`;
    case 'NOT_REQUIRED_ARM':
      return 'They have none of the arms of the other rule that this one requires.';
    case 'NO_MATCH':
      return 'They do not meet the condition.';
    case 'NOT_COVERED':
      return `Their ${unit ?? 'unit'} falls into bucket ${place.format(bucket ?? 0)}, which no arm has.`;
    default:
      return reason;
  }
}
