/** The rules for a URL that a page links to or loads. */
export interface UrlRules {
  /** The schemes that are allowed, without a colon. */
  readonly schemes: readonly string[];
  /** Whether a path, a query or a fragment of the page's own origin is allowed. */
  readonly allowRelative: boolean;
}

/** An origin that nobody has: what resolves to it was relative. */
const OWN_ORIGIN = 'https://relative.invalid';

/**
 * What is wrong with a URL, in words that continue the name of its field; `undefined` where nothing is. It is read as a
 * browser reads it (WHATWG URL), so that what a browser ignores (tabs, line ends, leading spaces, the case of a scheme,
 * backslashes) hides nothing.
 */
export function urlFault(text: string, { schemes, allowRelative }: UrlRules): string | undefined {
  if (!URL.canParse(text)) {
    if (!allowRelative || !URL.canParse(text, OWN_ORIGIN)) return `must be a URL with the scheme ${choice(schemes)}`;
    const { origin, username, password } = new URL(text, OWN_ORIGIN);
    // `//other.example` and `\\other.example` name another host, by the scheme of whatever page shows them.
    if (origin !== OWN_ORIGIN || username !== '' || password !== '') return 'must name the scheme of another host';
    return undefined;
  }
  const { protocol, username, password } = new URL(text);
  if (!schemes.includes(protocol.slice(0, -1))) return `must be a URL with the scheme ${choice(schemes)}`;
  return username === '' && password === '' ? undefined : 'must not contain a user name or a password';
}

function choice(schemes: readonly string[]): string {
  return schemes.join(' or ');
}
