import { describe, expect, it } from 'vitest';
import type { Change, Receipt } from '@campaign-state/client';
import { createLedger } from '../../../demo/src/measure/ledger.ts';

const receipt = (version: number): Receipt => ({
  campaignId: 'spring',
  position: `e:${version}`,
  epoch: 'e',
  version,
  changed: true,
  durability: 'accepted',
  mutationId: `m${version}`,
});

/** A change whose two answers are given by hand. */
function openChange() {
  const sent = Promise.withResolvers<number>();
  const accepted = Promise.withResolvers<Receipt>();
  const durable = Promise.withResolvers<Receipt>();
  const change: Change = Object.assign(accepted.promise, {
    mutationId: 'm',
    durable: durable.promise,
    conflict: Promise.resolve(undefined),
    sentAt: sent.promise,
  });
  return { change, sent, accepted, durable };
}

function ledgerAt(start: number) {
  const clock = { now: start };
  return { clock, ledger: createLedger(() => clock.now) };
}

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('the ledger of measurements', () => {
  it('D2 starts when the change is sent, and counts apart for how long it was held', async () => {
    const { ledger, clock } = ledgerAt(60);
    const { change, sent, accepted } = openChange();
    ledger.follow('spring', change);
    expect(ledger.getSnapshot()).toMatchObject({ held: undefined, shown: undefined, accepted: undefined });
    clock.now = 100;
    sent.resolve(0);
    await settled();
    clock.now = 103;
    accepted.resolve(receipt(2));
    await settled();
    expect(ledger.getSnapshot()).toMatchObject({ held: 40, shown: undefined, accepted: 3, saved: undefined });
  });

  it('D2 counts a paint that came before the receipt, and one that came after', async () => {
    for (const paintFirst of [true, false]) {
      const { ledger, clock } = ledgerAt(0);
      const { change, sent, accepted, durable } = openChange();
      ledger.follow('spring', change);
      sent.resolve(0);
      await settled();
      const paint = () => {
        clock.now = 6;
        ledger.painted('spring', 2);
      };
      if (paintFirst) paint();
      clock.now = paintFirst ? 9 : 4;
      accepted.resolve(receipt(2));
      await settled();
      if (!paintFirst) paint();
      clock.now = 19;
      durable.resolve(receipt(2));
      await settled();
      expect(ledger.getSnapshot()).toMatchObject({ version: 2, shown: 6, accepted: paintFirst ? 9 : 4, saved: 19 });
    }
  });

  it('D2 takes no other version’s and no other campaign’s paint', async () => {
    const { ledger } = ledgerAt(0);
    const { change, sent, accepted } = openChange();
    ledger.follow('spring', change);
    sent.resolve(0);
    accepted.resolve(receipt(2));
    await settled();
    ledger.painted('spring', 1);
    ledger.painted('autumn', 2);
    expect(ledger.getSnapshot()?.shown).toBeUndefined();
  });

  it('D2 follows the newest change only', async () => {
    const { ledger } = ledgerAt(0);
    const first = openChange();
    ledger.follow('spring', first.change);
    ledger.follow('spring', openChange().change);
    first.accepted.resolve(receipt(2));
    await settled();
    expect(ledger.getSnapshot()?.accepted).toBeUndefined();
  });

  it('D2 says that a change was refused', async () => {
    const { ledger } = ledgerAt(0);
    const { change, accepted, durable } = openChange();
    ledger.follow('spring', change);
    accepted.reject(new Error('no'));
    durable.reject(new Error('no'));
    await settled();
    expect(ledger.getSnapshot()).toMatchObject({ refused: true, saved: undefined });
  });
});
