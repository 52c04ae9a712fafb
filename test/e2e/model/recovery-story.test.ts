import { describe, expect, it } from 'vitest';
import { reduceRecovery } from '../../../demo/src/status/recovery.ts';
import type { Recovery, RecoveryEvent } from '../../../demo/src/status/recovery.ts';

const story = (...events: RecoveryEvent[]) => events.reduce<Recovery>(reduceRecovery, { phase: 'none' });
const at = (
  time: number,
  status: Extract<RecoveryEvent, { type: 'connection' }>['status'],
  version: number,
): RecoveryEvent => ({
  type: 'connection',
  status,
  version,
  at: time,
});

describe('the story of a lost connection', () => {
  it('D8 begins when a connection that had shown something is lost, and not before the first one', () => {
    expect(story(at(0, 'connecting', 0), at(1, 'reconnecting', 0), at(2, 'connected', 1))).toEqual({ phase: 'none' });
    expect(story(at(0, 'connected', 7), at(10, 'reconnecting', 7))).toEqual({ phase: 'lost', since: 10, version: 7 });
  });

  it('D8 counts from the first loss, through offline and further attempts', () => {
    const lost = story(at(10, 'reconnecting', 7), at(20, 'offline', 7), at(30, 'reconnecting', 7));
    expect(lost).toEqual({ phase: 'lost', since: 10, version: 7 });
  });

  it('D8 tells how long it took and what was caught up, then is over', () => {
    const back = story(at(10, 'reconnecting', 7), at(1_510, 'connected', 7), { type: 'caught-up', version: 9 });
    expect(back).toEqual({ phase: 'back', took: 1_500, from: 7, version: 9 });
    expect(reduceRecovery(back, { type: 'told' })).toEqual({ phase: 'none' });
  });
});
