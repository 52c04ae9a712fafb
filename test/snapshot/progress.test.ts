import { afterEach, expect, test, vi } from 'vitest';
import { progressLine } from '../../server/cli/progress.ts';
import { restAfter } from '../../server/snapshot/snapshot-service.ts';

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

test('W66 progress says the rate and what is left, of each part of the work anew', () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  const said: string[] = [];
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => said.push(String(text)) > 0);
  const progress = progressLine('read', () => 60_000);
  vi.advanceTimersByTime(20_000);
  progress.show({ campaigns: 3, entries: 10_000, bytes: 2_500_000 });
  progress.restart('restored');
  vi.advanceTimersByTime(12_000);
  progress.show({ campaigns: 30, entries: 48_000, bytes: 9_000_000 });
  expect(said).toEqual([
    'read: 3 campaigns, 10000 of about 60000 entries, 2.5 MB, 500 entries/s, about 2 min left\n',
    'restored: 30 campaigns, 48000 of about 60000 entries, 9.0 MB, 4000 entries/s, about 3 s left\n',
  ]);
});

test('W76 a snapshot rests three times as long as it has worked, beside changes thirty times, and never so long that it does not end', () => {
  expect(restAfter(2, false)).toBe(6);
  expect(restAfter(2, true)).toBe(60);
  expect(restAfter(50, true)).toBe(100);
  expect(restAfter(50, false)).toBe(100);
});
