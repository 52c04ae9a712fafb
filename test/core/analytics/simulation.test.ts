import { expect, test } from 'vitest';
import { SCENARIOS, simulate } from '../../analytics/simulate.ts';

/** So that it is quick; `npm run test:analytics` plays 2,000 of each. */
const RUNS = 40;

test.each(SCENARIOS)(
  'E6 many tests with a known truth come to what the interval promises: $name',
  ({ played, holds }) => {
    expect(simulate({ ...played, people: 10_000 }, RUNS, 1)).toSatisfy(holds);
  },
);
