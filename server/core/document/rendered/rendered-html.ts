import { ErrorCodes, Tokenizer, type Token } from 'parse5';
import { urlFault, type UrlRules } from './rendered-url.ts';

/** The rules for HTML that an app inserts into its page. */
export interface HtmlRules extends UrlRules {
  /** The elements that are allowed, in lower case. */
  readonly elements: ReadonlySet<string>;
  /** The attributes that are allowed, by element; those of `*` on all of them. */
  readonly attributes: Readonly<Record<string, readonly string[]>>;
  /** The most tags: browsers take time that grows with their square to nest what is not closed. */
  readonly maxTags: number;
}

/** The elements of text, lists, tables, links and images: nothing runs, embeds, submits or restyles. */
export const TEXT_ELEMENTS: readonly string[] = (
  'a abbr b blockquote br caption cite code col colgroup dd del details dfn div dl dt em figcaption figure h1 h2 h3 h4 h5 ' +
  'h6 hr i img ins kbd li mark ol p pre q s samp section small span strong sub summary sup table tbody td tfoot th thead ' +
  'time tr u ul var wbr'
).split(' ');

/** No `style`, `class`, `id` or `name`: they reach beyond the content, into the page's layout and its scripts. */
export const TEXT_ATTRIBUTES: Readonly<Record<string, readonly string[]>> = {
  '*': ['title', 'lang', 'dir'],
  a: ['href', 'rel', 'target'],
  blockquote: ['cite'],
  col: ['span'],
  colgroup: ['span'],
  del: ['cite', 'datetime'],
  details: ['open'],
  img: ['src', 'alt', 'width', 'height', 'loading'],
  ins: ['cite', 'datetime'],
  li: ['value'],
  ol: ['start', 'type', 'reversed'],
  q: ['cite'],
  td: ['colspan', 'rowspan'],
  th: ['colspan', 'rowspan', 'scope'],
  time: ['datetime'],
};

/**
 * Elements that no list can allow: they run or embed something, or switch the tokenizer or the rules of parsing, so
 * that the same text would mean something else in a browser than it did here.
 */
const FORBIDDEN_ELEMENTS: ReadonlySet<string> = new Set(
  (
    'applet base body button embed form frame frameset head html iframe input link listing math meta noembed noframes ' +
    'noscript object option optgroup param plaintext portal script select slot style svg template textarea title xmp'
  ).split(' '),
);

/** Attributes whose value is a URL. */
const URL_ATTRIBUTES: ReadonlySet<string> = new Set(['href', 'src', 'cite', 'poster']);

/** Attributes that no list can allow: they run scripts, restyle the page, or hold URLs in a syntax of their own. */
const FORBIDDEN_ATTRIBUTES = /^on|^style$|^srcdoc$|^srcset$|^ping$|^(form)?action$|^background$|^xmlns|:/;

/** The most characters of a caller's text that are quoted. */
const QUOTED_CHARACTERS = 64;

/**
 * Throws where rules allow what makes HTML unsafe whatever else is refused.
 *
 * @throws TypeError naming the element or attribute
 */
export function assertSafeRules({ elements, attributes, schemes }: HtmlRules): void {
  for (const element of elements)
    if (FORBIDDEN_ELEMENTS.has(element)) throw new TypeError(`rendered.html: <${element}> cannot be allowed`);
  for (const name of Object.values(attributes).flat())
    if (FORBIDDEN_ATTRIBUTES.test(name)) throw new TypeError(`rendered.html: the attribute ${name} cannot be allowed`);
  assertSafeSchemes('rendered.html', schemes);
}

/**
 * Throws for a scheme that runs what stands behind it.
 *
 * @throws TypeError naming the scheme
 */
export function assertSafeSchemes(where: string, schemes: readonly string[]): void {
  for (const scheme of schemes)
    if (/^(javascript|vbscript|data|blob|filesystem)$/i.test(scheme) || scheme !== scheme.toLowerCase())
      throw new TypeError(`${where}: the scheme ${scheme} cannot be allowed`);
}

/**
 * The first thing in an HTML text that the rules do not allow, in words that continue the name of its field.
 *
 * Validation by an allow-list over the tokens of the HTML standard's own tokenizer (`parse5`), not a rewriting
 * sanitiser: the text is stored as it was written, or refused. Tokens are enough, and a tree is not needed: as no
 * element that switches the tokenizer, and no foreign content, can be allowed, every browser sees the same tokens in
 * every context, and a tree is made of nothing but these. Time follows the text, where building a tree can take its
 * square. Rejected: sanitisers that clean (they change what somebody wrote in silence, and a comparison of their output
 * with the input refuses harmless spellings).
 */
export function htmlFault(html: string, rules: HtmlRules): string | undefined {
  let fault: string | undefined;
  let tags = 0;
  const found = (words: string | undefined): void => {
    fault ??= words;
  };
  const onTag = (token: Token.TagToken): void => {
    tags += 1;
    if (tags > rules.maxTags) found(`must have at most ${rules.maxTags} tags`);
    found(tagFault(token, rules));
  };
  const tokenizer = new Tokenizer(
    {},
    {
      onStartTag: onTag,
      onEndTag: onTag,
      onComment: () => found('must not contain comments'),
      onDoctype: () => found('must not contain a doctype'),
      // A tag that is not finished would take in what an app puts behind the text.
      onParseError: ({ code }) => found(code === ErrorCodes.eofInTag ? 'must not end inside a tag' : undefined),
      onCharacter: ignore,
      onNullCharacter: ignore,
      onWhitespaceCharacter: ignore,
      onEof: ignore,
    },
  );
  tokenizer.write(html, true);
  return fault;
}

function ignore(): void {}

function tagFault({ tagName, attrs }: Token.TagToken, rules: HtmlRules): string | undefined {
  const element = quoted(tagName);
  if (!rules.elements.has(tagName)) return `must not contain the element <${element}>`;
  const allowed = [...(rules.attributes['*'] ?? []), ...attributesOf(rules, tagName)];
  for (const { name, value } of attrs) {
    if (!allowed.includes(name)) return `must not have the attribute ${quoted(name)} on <${element}>`;
    const fault = URL_ATTRIBUTES.has(name) ? urlFault(value, rules) : undefined;
    if (fault !== undefined) return `${name} of <${element}> ${fault}`;
    // A name could be that of a frame of the page.
    if (name === 'target' && value !== '_blank' && value !== '_self')
      return `target of <${element}> must be _blank or _self`;
  }
  return undefined;
}

function attributesOf({ attributes }: HtmlRules, element: string): readonly string[] {
  return (Object.hasOwn(attributes, element) ? attributes[element] : undefined) ?? [];
}

function quoted(name: string): string {
  return name.slice(0, QUOTED_CHARACTERS).toWellFormed();
}
