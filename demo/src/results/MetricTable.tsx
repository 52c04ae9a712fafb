import { armColour, isControl, type MetricOfArm, type MetricResult, type RuleResults } from './results.ts';
import { Swatch } from './Swatch.tsx';
import { sayCount, sayEffect, sayMean, sayMetric } from './say-figures.ts';

/** A metric in each arm: people, conversions, mean, and the effect with its interval, drawn and in figures. */
export function MetricTable({ name, metric, results }: { name: string; metric: MetricResult; results: RuleResults }) {
  const bound = boundOf(metric.arms);
  return (
    <section className="metric" aria-label={name}>
      <h3>
        {name} <small>{sayMetric(metric)}</small>
      </h3>
      <div className="scroll" tabIndex={0} role="region" aria-label={`${name}, by arm`}>
        <table className="figures">
          <thead>
            <tr>
              <th scope="col">Arm</th>
              <th scope="col">People</th>
              <th scope="col">{metric.type === 'conversion' ? 'Share' : 'Mean'} (had it)</th>
              <th scope="col">Lift, within (at every look)</th>
            </tr>
          </thead>
          <tbody>
            {metric.arms.map((arm) => (
              <tr key={arm.arm} data-effect={arm.effect}>
                <th scope="row">
                  <Swatch colour={armColour(results, arm.arm)} />
                  <span dir="auto">{arm.arm}</span>
                </th>
                <td>{sayCount(arm.units)}</td>
                <td>
                  {sayMean(metric, arm)} <small>({sayCount(arm.conversions)})</small>
                </td>
                <td className="effect">
                  {isControl(results, arm) ? (
                    <span className="empty">the control</span>
                  ) : (
                    <>
                      {sayEffect(arm)} {arm.effect !== undefined && <em>{arm.effect}</em>}
                      <Interval arm={arm} bound={bound} />
                    </>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p className="metric-verdict">{metric.verdict}</p>
    </section>
  );
}

/** The interval as a bar around its estimate, on one scale for all arms; the figures beside it say the same. */
function Interval({ arm: { comparison }, bound }: { arm: MetricOfArm; bound: number }) {
  const { estimate, anytime } = comparison?.lift ?? comparison?.difference ?? {};
  if (estimate === undefined || anytime === undefined) return undefined;
  const place = (value: number): number => 50 + (Math.max(-bound, Math.min(bound, value)) / bound) * 48;
  const [low, high] = [place(anytime[0]), place(anytime[1])];
  return (
    <svg className="interval" viewBox="0 0 100 12" preserveAspectRatio="none" aria-hidden="true">
      <line className="interval-none" x1="50" x2="50" y1="0" y2="12" />
      <rect x={low} width={Math.max(0.5, high - low)} y="4" height="4" rx="1" />
      <line className="interval-estimate" x1={place(estimate)} x2={place(estimate)} y1="1" y2="11" />
    </svg>
  );
}

function boundOf(arms: readonly MetricOfArm[]): number {
  const ends = arms.flatMap(({ comparison }) => (comparison?.lift ?? comparison?.difference)?.anytime ?? []);
  return Math.max(0.01, ...ends.map(Math.abs));
}
