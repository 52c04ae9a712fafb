import { z } from 'zod';
import {
  assertSafeRules,
  assertSafeSchemes,
  htmlFault,
  TEXT_ATTRIBUTES,
  TEXT_ELEMENTS,
  type HtmlRules,
} from './rendered-html.ts';
import { urlFault, type UrlRules } from './rendered-url.ts';

/** Options of `rendered.url()`. */
export interface RenderedUrlOptions {
  /** The schemes that are allowed, in lower case and without a colon. Default: `['https']`. */
  readonly schemes?: readonly string[];
  /** Whether `/path`, `?query` and `#fragment` of the page's own origin are allowed. Default: false. */
  readonly allowRelative?: boolean;
}

/** Options of `rendered.html()`. */
export interface RenderedHtmlOptions extends RenderedUrlOptions {
  /** The elements that are allowed, instead of those of text, lists, tables, links and images. */
  readonly elements?: readonly string[];
  /** Attributes that are allowed beside the usual ones, by element; those of `*` on all. */
  readonly attributes?: Readonly<Record<string, readonly string[]>>;
  /** The most characters. Default: 50,000. */
  readonly maxLength?: number;
}

/** Options of `rendered.scriptSource()`. */
export interface RenderedScriptOptions {
  /** The hosts that scripts may come from, with the port where it is not 443. Default: any. */
  readonly hosts?: readonly string[];
}

/** A picture by its address. */
export interface ImageSource {
  readonly src: string;
  readonly alt: string;
}

/** A script of another origin that a page may load: exactly the file that its hash names. */
export interface ScriptSource {
  readonly src: string;
  readonly integrity: string;
}

const MAX_URL_LENGTH = 2_048;
const MAX_ALT_LENGTH = 500;
const MAX_HTML_LENGTH = 50_000;
const MAX_TAGS = 1_000;

/** One hash of the attribute `integrity`, as long as its function makes it. */
const HASH = /^(?:sha256-[A-Za-z0-9+/]{43}=|sha384-[A-Za-z0-9+/]{64}|sha512-[A-Za-z0-9+/]{86}==)$/;
const MAX_HASHES = 5;

/**
 * Schemas for content that apps render: what could run, embed or lead elsewhere is refused, with its path. Nothing is
 * changed in silence, so that what was written is what is stored.
 *
 * @example
 *   export const sections = defineSections({
 *     ui_content: z.looseObject({
 *       cta_url: rendered.url({ schemes: ['https', 'mailto'] }).exactOptional(),
 *       photo: rendered.image().exactOptional(),
 *       body: rendered.html().exactOptional(),
 *       widget: rendered.scriptSource({ hosts: ['cdn.example.com'] }).exactOptional(),
 *     }),
 *   });
 */
export const rendered = {
  /**
   * A URL that a page links to or loads, read as browsers read it.
   *
   * @throws TypeError for a scheme that runs what stands behind it, such as `javascript` and `data`
   */
  url({ schemes = ['https'], allowRelative = false }: RenderedUrlOptions = {}) {
    assertSafeSchemes('rendered.url', schemes);
    const rules: UrlRules = { schemes, allowRelative };
    return z
      .string()
      .max(MAX_URL_LENGTH)
      .superRefine((text, context) => report(context, urlFault(text, rules)))
      .meta({ format: allowRelative ? 'uri-reference' : 'uri', schemes: [...schemes] });
  },

  /**
   * A picture that a page shows, and what it says to those who do not see it: `''` for one that only decorates.
   *
   * @throws TypeError as `rendered.url()`
   */
  image(options: RenderedUrlOptions = {}): z.ZodType<ImageSource> {
    return z.strictObject({ src: rendered.url(options), alt: z.string().max(MAX_ALT_LENGTH) });
  },

  /**
   * HTML that an app inserts into its page (`innerHTML`), of elements and attributes that are on a list.
   *
   * @throws TypeError for elements, attributes and schemes that no list can make safe, such as `script` and `onclick`
   */
  html(options: RenderedHtmlOptions = {}) {
    const { elements = TEXT_ELEMENTS, attributes = {}, maxLength = MAX_HTML_LENGTH } = options;
    const { schemes = ['https', 'mailto', 'tel'], allowRelative = true } = options;
    const rules: HtmlRules = {
      elements: new Set(elements),
      attributes: joined(TEXT_ATTRIBUTES, attributes),
      schemes,
      allowRelative,
      maxTags: MAX_TAGS,
    };
    assertSafeRules(rules);
    return z
      .string()
      .max(maxLength)
      .superRefine((text, context) => report(context, text.length > maxLength ? undefined : htmlFault(text, rules)))
      .meta({ contentMediaType: 'text/html' });
  },

  /** A script that a page loads from elsewhere: by https, and with the hash of its content (subresource integrity). */
  scriptSource({ hosts }: RenderedScriptOptions = {}): z.ZodType<ScriptSource> {
    return z.strictObject({
      src: rendered.url().superRefine((text, context) => {
        if (hosts === undefined || !URL.canParse(text) || hosts.includes(new URL(text).host)) return;
        report(context, `must be on ${hosts.join(' or ')}`);
      }),
      integrity: z
        .string()
        .refine(isIntegrity, 'must be sha256-…, sha384-… or sha512-…, as in the attribute integrity'),
    });
  },
};

function isIntegrity(text: string): boolean {
  const hashes = text.split(' ', MAX_HASHES + 1);
  return hashes.length <= MAX_HASHES && hashes.every((hash) => HASH.test(hash));
}

function report(context: z.core.$RefinementCtx, fault: string | undefined): void {
  if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
}

function joined(
  usual: Readonly<Record<string, readonly string[]>>,
  more: Readonly<Record<string, readonly string[]>>,
): Readonly<Record<string, readonly string[]>> {
  const names = [...new Set([...Object.keys(usual), ...Object.keys(more)])];
  return Object.fromEntries(names.map((name) => [name, [...(usual[name] ?? []), ...(more[name] ?? [])]]));
}
