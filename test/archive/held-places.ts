import { expect, test } from 'vitest';
import type { AnalyticsStore } from '../../server/core/analytics/analytics-store.ts';
import type { HeldPlaceRow, HeldPlaceStore } from '../../server/core/targeting/held-place-store.ts';

const PLENTY = 1_000;
let campaigns = 0;

const nextCampaign = (): string => `held-${(campaigns += 1)}`;

const inOrder = (rows: readonly HeldPlaceRow[]): readonly HeldPlaceRow[] =>
  [...rows].sort((a, b) => (`${a.campaignId} ${a.unit} ${a.line}` < `${b.campaignId} ${b.unit} ${b.line}` ? -1 : 1));

/** The places of people, which every archive keeps alike. */
export function heldPlaceTests(store: () => HeldPlaceStore & AnalyticsStore): void {
  const place = (campaignId: string, unit: string, line = 'l', bucket = 1, since = 4): HeldPlaceRow => ({
    campaignId,
    unit,
    line,
    bucket,
    since,
  });
  const found = async (campaignId: string, ...units: readonly string[]) =>
    inOrder(await store().findHeldPlaces(units.map((unit) => ({ campaignId, unit }))));
  const linesOf = async (campaignId: string) => {
    const lines = await store().listHeldLines([campaignId, 'not-there']);
    expect((await store().listHeldLines()).filter((line) => line.campaignId === campaignId)).toEqual(lines);
    return lines;
  };

  test('T70 of a unit and line the first place stays for good, whatever is held later, and at once', async () => {
    const [mine, other] = [nextCampaign(), nextCampaign()];
    await store().holdPlaces(
      [place(mine, 'u', 'l', 7, 4), place(mine, 'u', 'l', 8, 5), place(mine, 'u', 'm', 9)],
      PLENTY,
    );
    await store().holdPlaces([place(mine, 'u', 'l', 10, 6), place(other, 'u', 'l', 11)], PLENTY);
    await store().holdPlaces([], PLENTY);
    expect(await found(mine, 'u')).toEqual([place(mine, 'u', 'l', 7, 4), place(mine, 'u', 'm', 9)]);
    expect(await found(other, 'u', 'v')).toEqual([place(other, 'u', 'l', 11)]);
    expect(await found(mine, 'v')).toEqual([]);
    expect(await store().findHeldPlaces([])).toEqual([]);
    const many = Array.from({ length: 20 }, (_, index) => [place(mine, 'w', 'l', index), place(mine, 'x', 'l', index)]);
    await Promise.all(many.map((rows, index) => store().holdPlaces(index % 2 ? rows : rows.toReversed(), PLENTY)));
    expect(await found(mine, 'w', 'x')).toHaveLength(2);
  });

  test('T71 of a campaign that has as many places as may be none is added, until some are forgotten', async () => {
    const [full, other] = [nextCampaign(), nextCampaign()];
    await store().holdPlaces([place(full, 'a'), place(full, 'b'), place(full, 'b', 'm')], 3);
    await store().holdPlaces([place(full, 'c'), place(other, 'c')], 3);
    expect(await found(full, 'a', 'b', 'c')).toHaveLength(3);
    expect(await found(other, 'c')).toHaveLength(1);
    await store().forgetUnits(full, ['b']);
    expect(await found(full, 'a', 'b')).toEqual([place(full, 'a')]);
    await store().holdPlaces([place(full, 'c')], 3);
    expect(await found(full, 'c')).toHaveLength(1);
    await store().forgetCampaign(full);
    expect(await found(full, 'a', 'b', 'c')).toEqual([]);
    expect(await linesOf(full)).toEqual([]);
    expect(await found(other, 'c')).toHaveLength(1);
  });

  test('T72 the places of a line go once it has not been used for long enough; one that is used again keeps them', async () => {
    const campaignId = nextCampaign();
    await store().holdPlaces([place(campaignId, 'a', 'gone'), place(campaignId, 'a', 'kept')], PLENTY);
    await store().holdPlaces([place(campaignId, 'b', 'gone')], PLENTY);
    const line = (name: string, endedAt?: number) => ({ campaignId, line: name, endedAt });
    expect(await linesOf(campaignId)).toEqual([line('gone'), line('kept')]);
    await store().markHeldLines([line('gone', 1_000), line('kept', 1_000), line('never', 1_000)]);
    await store().markHeldLines([line('kept')]);
    expect(await linesOf(campaignId)).toEqual([line('gone', 1_000), line('kept')]);
    expect(await store().sweepHeldPlaces(1_000)).toBe(0);
    expect(await found(campaignId, 'a', 'b')).toHaveLength(3);
    expect(await store().sweepHeldPlaces(1_001)).toBe(2);
    expect(await found(campaignId, 'a', 'b')).toEqual([place(campaignId, 'a', 'kept')]);
    expect(await linesOf(campaignId)).toEqual([line('kept')]);
  });
}
