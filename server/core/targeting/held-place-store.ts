/** A stored place: that of a unit on a number line of a campaign (`held-places.ts`). */
export interface HeldPlaceRow {
  readonly campaignId: string;
  /** Keyed hash of the unit. */
  readonly unit: string;
  readonly line: string;
  readonly bucket: number;
  readonly since: number;
}

/** A unit whose places are looked up. */
export type HeldUnit = Pick<HeldPlaceRow, 'campaignId' | 'unit'>;

/** A line on which places are held. */
export interface HeldLine {
  readonly campaignId: string;
  readonly line: string;
  /** When it was found that no rule has it any more, in epoch milliseconds. */
  readonly endedAt: number | undefined;
}

/**
 * Storage of the places that people keep over a login; implemented by every archive, and held to one behaviour by one
 * contract suite. `forgetUnits` and `forgetCampaign` of the analytics store erase places too, as they stand under the
 * same hashes.
 */
export interface HeldPlaceStore {
  /**
   * Stores places, in one transaction. Of a unit and line the first stays for good; of a campaign that was deleted, or
   * has so many already, none is added.
   */
  holdPlaces(rows: readonly HeldPlaceRow[], maxOfCampaign: number): Promise<void>;
  /** All places of these units. */
  findHeldPlaces(units: readonly HeldUnit[]): Promise<HeldPlaceRow[]>;
  /** The lines on which places are held, of these campaigns or of all. */
  listHeldLines(campaignIds?: readonly string[]): Promise<HeldLine[]>;
  /** Notes since when lines are not used, or that they are used again. */
  markHeldLines(lines: readonly HeldLine[]): Promise<void>;
  /**
   * Erases the places of lines that have not been used since that time, in epoch milliseconds.
   *
   * @returns how many
   */
  sweepHeldPlaces(before: number): Promise<number>;
}
