/**
 * Ids of the locks that this page holds or is asking for; a page makes each id itself. The list of a campaign's locks
 * names them too, and may come before the answer that grants one.
 */
export const ownLocks = new Set<string>();
