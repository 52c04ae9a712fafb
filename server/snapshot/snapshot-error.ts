/** Where in a snapshot file something does not fit. */
export interface SnapshotPlace {
  /** Bytes from the beginning of the file: that of the block in which it was found. */
  readonly offset: number;
  readonly campaignId?: string | undefined;
  readonly version?: number | undefined;
}

/** A snapshot file is damaged, cut, or of a format that this version does not read. Its message says what and where. */
export class SnapshotError extends Error {
  override readonly name = 'SnapshotError';
  readonly place: SnapshotPlace;

  constructor(problem: string, place: SnapshotPlace) {
    super(`${problem} (${inWords(place)})`);
    this.place = place;
  }
}

function inWords({ offset, campaignId, version }: SnapshotPlace): string {
  const at = campaignId === undefined ? '' : `${campaignId}${version === undefined ? '' : `, version ${version}`}; `;
  return `${at}at byte ${offset}`;
}
