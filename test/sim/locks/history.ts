/** An operation on locks as its client saw it, in milliseconds of the run's one true time. */
export interface LockOperation {
  readonly kind: 'acquire' | 'steal' | 'release' | 'edit';
  readonly client: string;
  readonly path: readonly string[];
  readonly invokedAt: number;
  /** `undefined`: it was never answered, and may have happened at any time after. */
  readonly answeredAt: number | undefined;
  /** `refused`: it had no effect. */
  readonly outcome: 'ok' | 'refused' | 'unknown';
  /** Of the lock that it got, gives up, or is made under. */
  readonly fence?: number;
  /** Where its lock ends by itself; of what was acquired. */
  readonly expiresAt?: number;
  /** Of an edit that was accepted: its place in the log's order, over all epochs. */
  readonly order?: number;
}

/**
 * Checks that a history of lock operations could have come from one lock table that does one thing at a time
 * (linearizability), by what the fences and the order of edits say of that table's order.
 *
 * - Real time: what was answered before another began comes before it, so that its fence is the lower one.
 * - Fencing: on conflicting paths no edit under a lower fence is ordered behind an edit under a higher one.
 * - Exclusion: while a client holds a lock for certain, from its answer until it gives it up or its time is over,
 *   nobody begins and ends an acquisition of a conflicting path, nor an edit of it without that lock.
 *
 * @param voidedAt when the log was lost, which voids all locks
 * @returns what is wrong, or `undefined`
 */
export function checkLockHistory(
  history: readonly LockOperation[],
  voidedAt: readonly number[] = [],
): string | undefined {
  const done = history.filter(({ outcome }) => outcome === 'ok');
  const grants = done.filter(({ kind }) => kind === 'acquire' || kind === 'steal');
  const edits = done.filter(({ kind }) => kind === 'edit');
  for (const a of grants)
    for (const b of grants)
      if (a !== b && before(a, b) && fenceOf(a) >= fenceOf(b))
        return `fence ${fenceOf(a)} was granted before ${fenceOf(b)} was asked for`;
  const fenced = edits.filter(({ fence }) => fence !== undefined).toSorted((a, b) => (a.order ?? 0) - (b.order ?? 0));
  for (const [index, later] of fenced.entries())
    for (const earlier of fenced.slice(0, index))
      if (conflict(earlier.path, later.path) && fenceOf(later) < fenceOf(earlier))
        return `an edit under fence ${fenceOf(later)} was ordered behind one under ${fenceOf(earlier)}`;
  for (const grant of grants) {
    const until = Math.min(
      grant.expiresAt ?? Number.POSITIVE_INFINITY,
      givenUpAt(history, grant),
      ...voidedAt.filter((time) => time >= grant.invokedAt),
    );
    const isWithin = ({ invokedAt, answeredAt }: LockOperation): boolean =>
      invokedAt > (grant.answeredAt ?? Number.POSITIVE_INFINITY) && answeredAt !== undefined && answeredAt < until;
    const acquired = grants.find((other) => other !== grant && isWithin(other) && conflict(other.path, grant.path));
    if (acquired) return `${acquired.client} got what ${grant.client} held, with fence ${fenceOf(acquired)}`;
    const changed = edits.find(
      (edit) => edit.fence !== grant.fence && isWithin(edit) && conflict(edit.path, grant.path),
    );
    if (changed) return `${changed.client} changed what ${grant.client} held, under fence ${fenceOf(grant)}`;
  }
  return undefined;
}

/** Until when nobody can have taken it: its holder gives it up, or somebody begins to take it over. */
function givenUpAt(history: readonly LockOperation[], grant: LockOperation): number {
  const ends = history
    .filter(
      ({ kind, fence, path }) =>
        (kind === 'release' && fence === grant.fence) || (kind === 'steal' && conflict(path, grant.path)),
    )
    .filter(
      ({ invokedAt, answeredAt }) => (answeredAt ?? Number.POSITIVE_INFINITY) >= grant.invokedAt && invokedAt >= 0,
    )
    .filter((operation) => operation !== grant)
    .map(({ invokedAt }) => invokedAt);
  return Math.min(Number.POSITIVE_INFINITY, ...ends);
}

function before(a: LockOperation, b: LockOperation): boolean {
  return a.answeredAt !== undefined && a.answeredAt < b.invokedAt;
}

function fenceOf({ fence }: LockOperation): number {
  return fence ?? Number.NaN;
}

/** Naive on purpose: the core's own is what is being looked at. */
export function conflict(a: readonly string[], b: readonly string[]): boolean {
  const length = Math.min(a.length, b.length);
  return JSON.stringify(a.slice(0, length)) === JSON.stringify(b.slice(0, length));
}
