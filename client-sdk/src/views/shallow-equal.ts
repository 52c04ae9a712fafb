/**
 * Whether two flat records have the same members: for a selector that puts some together.
 *
 * @example useCampaign((s) => ({ title: s.title, status: s.status }), { isEqual: shallowEqual });
 */
export function shallowEqual<T extends object>(a: T, b: T): boolean {
  const entries = Object.entries(a);
  const others = new Map(Object.entries(b));
  return (
    entries.length === others.size &&
    entries.every(([key, value]) => others.has(key) && Object.is(value, others.get(key)))
  );
}
