import type { RuleInput, Segment } from '../../server/core/document/targeting-fields.ts';

/** A text that nobody below `editor` may ever be sent: it stands in rules, segments and arms that reach no reader. */
export const MARKER = 'zq7marker';

/** A segment that nobody is in, under the marker as its name. */
export const MARKED_SEGMENT: Segment = { description: MARKER, when: { plan: MARKER } };

/** A rule that reaches nobody, with the marker at every place that has a text; another one for each number. */
export function markedRule(number: number): { readonly key: string; readonly rule: RuleInput } {
  const rule: RuleInput = {
    order: 1 + (number % 3),
    description: `${MARKER} ${number}`,
    status: number % 4 === 3 ? 'paused' : 'running',
    unit: 'userId',
    when: number % 2 === 0 ? { secret: MARKER } : { $savedGroup: { id: MARKER } },
    coverage: 1,
    arms: {
      [`${MARKER}-one`]: { weight: 1 + (number % 5), change: { merge: { ui_content: { banner: MARKER } } } },
      [`${MARKER}-two`]: { weight: 1, change: { features: { add: [MARKER] } } },
    },
  };
  return { key: `rule-${number % 3}`, rule };
}
