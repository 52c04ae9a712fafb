/** The limits that clients keep to by themselves; apart from the others, so that a page loads no more than these. */
export const CLIENT_LIMITS = {
  /** Bytes of UTF-8 of a document as compact JSON. */
  documentBytes: 256 * 1024,
  /** Levels of objects and arrays, the document itself being the first. */
  depth: 32,
  /** Bytes of one ws message and of one http body. */
  messageBytes: 1024 * 1024,
  /** Commands in one `campaign.batch`. */
  batchCommands: 100,
  /** Mutations in one `campaign.push`. */
  pushMutations: 100,
  /** Characters of `comment`. */
  commentLength: 500,
} as const;

/** Limits of the contract, each with its unit. A refusal names the limit that was exceeded. */
export const LIMITS = {
  ...CLIENT_LIMITS,
  /** Strings in an ordered set such as `features`. */
  setItems: 1_000,
  /** Characters of one string in an ordered set. */
  setItemLength: 128,
  /** Rows of one page of `list` and `history`. */
  pageSize: 100,
  /**
   * Bytes of entries at which a page of `history`, and what is read back with a campaign, ends early: with the entry
   * that reaches them.
   */
  pageBytes: 1024 * 1024,
  /** Entries kept in memory per campaign, for resumes. */
  ringEntries: 1_024,
  /** Bytes of entries kept in memory per campaign, for resumes. */
  ringBytes: 1024 * 1024,
  /** Mutation ids remembered in memory per campaign; older ones are asked of Postgres. */
  idempotencyWindow: 2_048,
  /**
   * Weight (`weightOf`) of one command, which is decided without a pause: about 4,000 members of objects. A new
   * campaign may weigh more.
   */
  commandWeight: 1_024,
  /**
   * Weight (`weightOf`) of the mutations that are decided in one turn of the event loop, over all campaigns; and of
   * those that are appended together for one.
   */
  turnWeight: 128,
  /** Weight of the mutations that may wait to be decided, over all campaigns; a single one may have half of it. */
  queuedWeight: 32_768,
} as const;

/**
 * The first of these items, up to and including the one that brings their sizes to `bytes`: so that a page is empty
 * only where nothing was given.
 *
 * @param sizeOf size of an item in bytes
 */
export function upToBytes<T>(items: readonly T[], bytes: number, sizeOf: (item: T) => number): T[] {
  let total = 0;
  const end = items.findIndex((item) => (total += sizeOf(item)) >= bytes);
  return end < 0 ? [...items] : items.slice(0, end + 1);
}
