import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createCallLog } from '../../../server/api/observability/call-log.ts';
import type { CallReport } from '../../../server/api/connection/context.ts';
import { createLogger } from '../../../server/index.ts';

let lines: Record<string, unknown>[] = [];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  lines = [];
});
afterEach(() => {
  vi.useRealTimers();
});

const log = () => createCallLog(createLogger('info', { write: (line) => lines.push(JSON.parse(line)) }));

function refused(actor: string | undefined, reason: 'FORBIDDEN' | 'INVALID', message = 'no'): CallReport {
  return {
    path: 'campaign.update',
    type: 'mutation',
    campaignId: 'spring',
    actor,
    origin: { instance: 'one', transport: 'ws' },
    correlationId: 'c',
    milliseconds: 1,
    outcome: { kind: 'refused', refusal: { reason, message } },
  };
}

test('H36 repeated refusals of a caller for a reason are one line with their number', () => {
  const calls = log();
  for (let call = 0; call < 1_000; call += 1) calls.report(refused('ada', 'FORBIDDEN'), '10.0.0.1');
  calls.report(refused('ada', 'INVALID'), '10.0.0.1');
  calls.report(refused('bob', 'FORBIDDEN'), '10.0.0.1');
  expect(lines).toMatchObject([
    { actor: 'ada', reason: 'FORBIDDEN', msg: 'call refused', path: 'campaign.update', address: '10.0.0.1' },
    { actor: 'ada', reason: 'INVALID' },
    { actor: 'bob', reason: 'FORBIDDEN' },
  ]);
  lines = [];
  vi.advanceTimersByTime(10_000);
  expect(lines).toMatchObject([{ actor: 'ada', reason: 'FORBIDDEN', calls: 999, msg: 'calls refused again' }]);
  // Quiet for an interval: the next one is a line of its own.
  vi.advanceTimersByTime(20_000);
  calls.report(refused('ada', 'FORBIDDEN'), '10.0.0.1');
  expect(lines).toMatchObject([{ calls: 999 }, { msg: 'call refused' }]);
});

test('H36 callers without a token are told apart by their address, and very many are counted together', () => {
  const calls = log();
  for (let caller = 0; caller < 10_000; caller += 1)
    calls.report(refused(undefined, 'INVALID'), `10.0.${caller >> 8}.${caller & 255}`);
  expect(lines.length).toBeLessThan(300);
  lines = [];
  calls.stop();
  expect(lines).toMatchObject([{ reason: 'INVALID', calls: expect.any(Number) }]);
  expect(Number(lines[0]?.['calls'])).toBeGreaterThan(9_000);
});

test('H36 a line quotes no more than an excerpt of what the caller sent', () => {
  const calls = log();
  const long = 'x'.repeat(100_000);
  calls.report({ ...refused(long, 'INVALID', long), path: long }, '10.0.0.1');
  expect(JSON.stringify(lines[0]).length).toBeLessThan(800);
  expect(String(lines[0]?.['path']).length).toBeLessThanOrEqual(64);
  expect(String(lines[0]?.['actor']).length).toBeLessThanOrEqual(64);
});

test('H36 nor more than 4,096 characters of each text of an error, which may quote it', () => {
  const calls = log();
  const cause = Object.assign(new Error('x'.repeat(100_000)), { detail: 'y'.repeat(100_000) });
  calls.report({ ...refused('ada', 'INVALID'), outcome: { kind: 'failed', error: cause } }, '10.0.0.1');
  expect(lines[0]).toMatchObject({ err: { type: 'Error', message: 'x'.repeat(4_096), detail: 'y'.repeat(4_096) } });
  expect(JSON.stringify(lines[0]).length).toBeLessThan(20_000);
});
