import type { RuleResults } from './results.ts';
import { sayCount, sayShare } from './say-figures.ts';

/** What is known in one sentence, and what must be known before it is believed. */
export function Verdict({ results }: { results: RuleResults }) {
  const { verdict, sampleRatio, multiple, unverified, arms } = results;
  const isBroken = sampleRatio?.isBroken === true;
  const units = arms.reduce((sum, arm) => sum + arm.units, 0);
  return (
    <div className="verdict-box" data-tone={toneOf(results)}>
      <p className="verdict-words" role="status">
        {verdict.replaceAll(' %', '\u00A0%')}
      </p>
      <ul className="checks">
        <li>
          {sayCount(units)} {units === 1 ? 'person' : 'people'}
        </li>
        <li data-bad={isBroken}>
          {sampleRatio === undefined
            ? 'Too few to say whether the arms have the people that are due to them'
            : isBroken
              ? `The arms have not the people that are due to them (p = ${sampleRatio.p.toExponential(1)}): something loses those of one arm`
              : 'The arms have the people that are due to them'}
        </li>
        <li data-bad={multiple.isHigh}>
          {multiple.units === 0
            ? 'Nobody saw two arms'
            : `${sayShare(multiple.share)} saw more than one arm, and ${multiple.isHigh ? 'blur the results' : 'count for the first'}`}
        </li>
        {unverified.units > 0 && (
          <li data-bad={unverified.share > 0.1}>
            {sayShare(unverified.share)} claim an arm that the server would not have given them: they are not counted
          </li>
        )}
      </ul>
    </div>
  );
}

function toneOf({ sampleRatio, metrics, arms }: RuleResults): 'broken' | 'worse' | 'better' | 'open' {
  if (sampleRatio?.isBroken === true) return 'broken';
  if (arms.every(({ units }) => units === 0)) return 'open';
  const effects = Object.values(metrics).flatMap((metric) => metric.arms.map(({ effect }) => effect));
  if (effects.includes('worse')) return 'worse';
  return effects.includes('better') ? 'better' : 'open';
}
