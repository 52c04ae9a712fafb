import { expect, it } from 'vitest';
import { createCampaignPace } from '../../../server/engine/archiving/campaign-pace.ts';
import { systemClock } from '../../../server/engine/system-clock.ts';

it('M228 a clock that is set back holds no campaign up', () => {
  let now = 10_000;
  const pace = createCampaignPace({ ...systemClock, now: () => now });
  pace.onRoundBegun();
  pace.onCommitted('large', 200 * 1_024);
  now = 10_199;
  expect(pace.firstEnd).toBe(10_200);
  expect([...pace.onRoundBegun()]).toEqual(['large']);
  now = 9_000;
  expect([...pace.onRoundBegun()]).toEqual([]);
  expect(pace.firstEnd).toBe(Number.POSITIVE_INFINITY);
});
