/** The document's own sections, in the order in which people look for them. */
const KNOWN = [
  'ui_content',
  'ui_components',
  'theme',
  'scripts',
  'communication',
  'views',
  'scheduling',
  'about',
] as const;

/** What has fields of its own in the console. */
const ELSEWHERE: ReadonlySet<string> = new Set([
  'slug',
  'title',
  'description',
  'status',
  'owner_id',
  'start_date',
  'end_date',
  'ranking_formula',
  'features',
  'tags',
  'channels',
  'i18n_keys',
  'broadcast_enabled',
]);

/** What is edited as text: the known sections, there or not, then every module and whatever else the document holds. */
export function sectionsOf(document: Readonly<Record<string, unknown>>): string[] {
  const others = Object.keys(document).filter((key) => !ELSEWHERE.has(key) && !KNOWN.some((known) => known === key));
  return [...KNOWN, ...others.toSorted()];
}

/** Why a module cannot have that name, or `undefined` where it can. */
export function faultOfName(name: string, document: Readonly<Record<string, unknown>>): string | undefined {
  if (ELSEWHERE.has(name)) return `${name} has a field of its own.`;
  return Object.hasOwn(document, name) || KNOWN.some((known) => known === name)
    ? `${name} is there already.`
    : undefined;
}
