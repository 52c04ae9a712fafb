import type { HeldLine, HeldPlaceRow, HeldPlaceStore } from '../core/targeting/held-place-store.ts';

/** The places that people keep, of a store in memory. */
export interface MemoryHeldPlaces {
  readonly places: Map<string, HeldPlaceRow>;
  readonly lines: Map<string, HeldLine>;
}

export function noHeldPlaces(): MemoryHeldPlaces {
  return { places: new Map(), lines: new Map() };
}

/** Removes the places of a campaign: of these units, or all of them. */
export function dropHeldPlaces(
  { places, lines }: MemoryHeldPlaces,
  campaignId: string,
  units?: ReadonlySet<string>,
): void {
  for (const [key, row] of places)
    if (row.campaignId === campaignId && (units === undefined || units.has(row.unit))) places.delete(key);
  if (units) return;
  for (const [key, line] of lines) if (line.campaignId === campaignId) lines.delete(key);
}

/**
 * @param call runs a call within one turn
 * @param isDeleted whether a campaign was deleted and is not there again: nothing is held in it
 */
export function createMemoryHeldPlaces(
  { places, lines }: MemoryHeldPlaces,
  call: <T>(answer: () => T) => Promise<T>,
  isDeleted: (campaignId: string) => boolean,
): HeldPlaceStore {
  return {
    holdPlaces: (rows, maxOfCampaign) =>
      call(() => {
        const counts = Map.groupBy(places.values(), ({ campaignId }) => campaignId);
        const isFull = (campaignId: string): boolean => (counts.get(campaignId)?.length ?? 0) >= maxOfCampaign;
        for (const row of rows) {
          const { campaignId, unit, line } = row;
          const key = JSON.stringify([campaignId, unit, line]);
          if (isDeleted(campaignId) || isFull(campaignId) || places.has(key)) continue;
          places.set(key, { ...row });
          const lineKey = JSON.stringify([campaignId, line]);
          if (!lines.has(lineKey)) lines.set(lineKey, { campaignId, line, endedAt: undefined });
        }
      }),

    findHeldPlaces: (units) =>
      call(() => {
        const wanted = new Set(units.map(({ campaignId, unit }) => JSON.stringify([campaignId, unit])));
        return [...places.values()].filter(({ campaignId, unit }) => wanted.has(JSON.stringify([campaignId, unit])));
      }),

    listHeldLines: (campaignIds) =>
      call(() =>
        [...lines]
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .filter(([, { campaignId }]) => campaignIds?.includes(campaignId) ?? true)
          .map(([, line]) => ({ ...line })),
      ),

    markHeldLines: (marked) =>
      call(() => {
        for (const line of marked) {
          const key = JSON.stringify([line.campaignId, line.line]);
          if (lines.has(key)) lines.set(key, { ...line });
        }
      }),

    sweepHeldPlaces: (before) =>
      call(() => {
        let swept = 0;
        for (const [lineKey, { campaignId, line, endedAt }] of lines) {
          if (endedAt === undefined || endedAt >= before) continue;
          lines.delete(lineKey);
          for (const [key, row] of places) {
            if (row.campaignId !== campaignId || row.line !== line) continue;
            places.delete(key);
            swept += 1;
          }
        }
        return swept;
      }),
  };
}
