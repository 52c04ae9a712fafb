import type { MetricSum, UnitCount } from '../../server/core/analytics/analytics-store.ts';
import { resultsOf, type RuleResults } from '../../server/core/analytics/results.ts';
import type { Rule } from '../../server/core/document/targeting-fields.ts';
import { seededRandom, type SeededRandom } from '../support/seeded-random.ts';

/** A test that is played: two arms with these rates, looked at whenever so many people have come. */
export interface Played {
  readonly control: number;
  readonly arm: number;
  /** People in all. */
  readonly people: number;
  readonly lookEvery: number;
  readonly role: 'goal' | 'guardrail';
  readonly better: 'up' | 'down';
  /** Whether whoever looks stops at the first effect. */
  readonly stops?: boolean;
}

/** What looking again and again has shown in one test. */
export interface Looked {
  /** Whether the effect was `better` or `worse` at any look. */
  readonly found: boolean;
  /** The first effect that was found. */
  readonly effect: 'better' | 'worse' | 'none yet';
  /** Whether the interval held the true difference at every look. */
  readonly covered: boolean;
}

const ABOUT = { campaignId: 'c', rule: 'r', phase: 1 };
const SPLIT = '{"a":5000,"b":5000}';
const ARMS: Rule['arms'] = { a: { weight: 1, change: {} }, b: { weight: 1, change: { merge: { title: 'B' } } } };

/** The results as the server computes them, of so many people and conversions. */
function resultsFor(people: readonly number[], conversions: readonly number[], played: Played): RuleResults {
  const counts = ['a', 'b'].map((arm, index): UnitCount => ({
    arm,
    verified: true,
    split: SPLIT,
    units: people[index] ?? 0,
    multiple: 0,
  }));
  const sums = ['a', 'b'].map((arm, index): MetricSum => {
    const converted = conversions[index] ?? 0;
    return { arm, converted, sum: String(converted), sumOfSquares: String(converted) };
  });
  const { role, better } = played;
  const metrics = { m: { goal: 'g', type: 'conversion', better, role } } as const;
  return resultsOf(ABOUT, { arms: ARMS, metrics }, counts, { m: sums });
}

/** Plays one test. */
export function play(played: Played, random: SeededRandom): Looked {
  const rates = [played.control, played.arm];
  const people = [0, 0];
  const conversions = [0, 0];
  const truth = played.arm - played.control;
  let effect: Looked['effect'] = 'none yet';
  let covered = true;
  for (let count = 1; count <= played.people; count += 1) {
    const arm = random.next() < 0.5 ? 0 : 1;
    people[arm] = (people[arm] ?? 0) + 1;
    if (random.next() < (rates[arm] ?? 0)) conversions[arm] = (conversions[arm] ?? 0) + 1;
    if (count % played.lookEvery !== 0) continue;
    const found = resultsFor(people, conversions, played).metrics['m']?.arms[1];
    const [low, high] = found?.comparison?.difference.anytime ?? [-1, 1];
    covered &&= low <= truth && truth <= high;
    if (effect === 'none yet') effect = found?.effect ?? 'none yet';
    if (played.stops === true && effect !== 'none yet') break;
  }
  return { found: effect !== 'none yet', effect, covered };
}

/** What many tests came to, as shares. */
export interface Simulated {
  readonly runs: number;
  readonly found: number;
  readonly worse: number;
  readonly covered: number;
}

export function simulate(played: Played, runs: number, seed: number): Simulated {
  const random = seededRandom(seed);
  let [found, worse, covered] = [0, 0, 0];
  for (let run = 0; run < runs; run += 1) {
    const looked = play(played, random);
    found += Number(looked.found);
    worse += Number(looked.effect === 'worse');
    covered += Number(looked.covered);
  }
  return { runs, found: found / runs, worse: worse / runs, covered: covered / runs };
}

/** The tests that are played, with what must come of them. */
export const SCENARIOS: readonly {
  readonly name: string;
  readonly played: Played;
  readonly holds: (simulated: Simulated) => boolean;
}[] = [
  ...[0.02, 0.1, 0.5].map((rate) => ({
    name: `A/A at ${rate * 100} %: false positives at any look ≤ 5 %`,
    played: { control: rate, arm: rate, people: 20_000, lookEvery: 100, role: 'goal', better: 'up' } as const,
    holds: ({ found }: Simulated) => found <= 0.05,
  })),
  ...(
    [
      [0.1, 0.12],
      [0.02, 0.03],
      [0.5, 0.45],
    ] as const
  ).map(([control, arm]) => ({
    name: `A/B at ${control * 100} % and ${arm * 100} %: the interval holds the effect at every look ≥ 95 %`,
    played: { control, arm, people: 20_000, lookEvery: 100, role: 'goal', better: 'up' } as const,
    holds: ({ covered }: Simulated) => covered >= 0.95,
  })),
  ...[0.05, 0.1, 0.3].map((rate) => ({
    name: `a guardrail at ${rate * 100} % that worsens by 5 points: caught ≥ 95 % within 10,000 people`,
    played: {
      control: rate,
      arm: rate + 0.05,
      people: 10_000,
      lookEvery: 100,
      role: 'guardrail',
      better: 'down',
      stops: true,
    } as const,
    holds: ({ worse }: Simulated) => worse >= 0.95,
  })),
];
