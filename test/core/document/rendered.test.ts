import fc from 'fast-check';
import { defaultTreeAdapter, parseFragment, type DefaultTreeAdapterTypes } from 'parse5';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { check, defineSections } from '../../../server/core/document/check.ts';
import { rendered } from '../../../server/core/document/rendered/rendered.ts';
import type { JsonObject, JsonValue } from '../../../server/core/json.ts';

const HASH = `sha384-${'A'.repeat(64)}`;

/** What the server says of this value in a section that is held to this schema. */
function said(schema: z.ZodType, value: JsonValue): string {
  const state: JsonObject = { slug: 's', title: 't', page: { content: value } };
  const sections = defineSections({ page: z.object({ content: schema }) });
  const checked = check(state, state, 0, sections);
  if (checked.ok) return 'ok';
  expect(checked.refusal.path?.slice(0, 2)).toEqual(['page', 'content']);
  return checked.refusal.message;
}

/** Pieces of markup that parsers disagree about, or that do harm where they come together. */
const MARKUP: readonly string[] = [
  '<',
  '>',
  '</',
  '/>',
  '"',
  "'",
  '=',
  ' ',
  '\n',
  '&',
  ';',
  '&lt;',
  '&#60;',
  '!--',
  '-->',
  '<![CDATA[',
  ']]>',
  'p',
  'a',
  'b',
  'table',
  'td',
  'img',
  'svg',
  'math',
  'style',
  'script',
  'select',
  'template',
  'title',
  'x',
  'href',
  'src',
  'onerror',
  'title',
  'javascript:',
  'java&Tab;script:',
  'https://e.example',
  '/path',
  '<p>',
  '<a href=/>',
  '<img src=x onerror=1>',
  '</p>',
  '<table>',
  '<svg>',
  '<b title="',
  '<style>',
  '<!--',
];

function elementsOf(parent: DefaultTreeAdapterTypes.ParentNode): DefaultTreeAdapterTypes.Element[] {
  return parent.childNodes.flatMap((node) =>
    defaultTreeAdapter.isElementNode(node) ? [node, ...elementsOf(node)] : [],
  );
}

describe('rendered.url', () => {
  it.each([
    'https://example.com',
    'HTTPS://Example.com/a?b#c',
    'https://example.com:8443/%2e%2e/',
    'https://xn--bcher-kva.example/',
  ])('C26 takes %s', (url) => {
    expect(said(rendered.url(), url)).toBe('ok');
  });

  it.each([
    'javascript:alert(1)',
    ' JaVaScRiPt:alert(1)',
    'java\tscript:alert(1)',
    'java\nscript:alert(1)',
    '\u0001javascript:alert(1)',
    'data:text/html,<script>alert(1)</script>',
    'blob:https://example.com/1',
    'vbscript:x',
    'file:///etc/passwd',
    'http://example.com',
    'mailto:a@example.com',
    '/path',
    '//example.com',
    'example.com',
    '',
    'https://',
    'https://exa mple.com',
  ])('C26 refuses %j: another scheme than those that are allowed, or none', (url) => {
    expect(said(rendered.url(), url)).toBe('page.content: must be a URL with the scheme https');
  });

  it('C26 refuses user names, which make one host look like another, and whatever is no text', () => {
    for (const url of ['https://google.com@evil.example', 'https://a:b@evil.example/', 'https:\\\\a@evil.example'])
      expect(said(rendered.url(), url)).toBe('page.content: must not contain a user name or a password');
    expect(said(rendered.url(), 7)).toBe('page.content: must be text');
    expect(said(rendered.url(), `https://a.example/${'x'.repeat(3_000)}`)).toMatch(/at most 2048 characters/);
  });

  it('C26 takes other schemes and relative URLs where they are allowed, but no other host among them', () => {
    const schema = rendered.url({ schemes: ['https', 'mailto'], allowRelative: true });
    for (const url of ['mailto:a@example.com', '/a/b', 'a/b?c', '?q', '#top', '']) expect(said(schema, url)).toBe('ok');
    for (const url of ['//evil.example', '\\\\evil.example', '/\\evil.example', '/\t/evil.example'])
      expect(said(schema, url)).toBe('page.content: must name the scheme of another host');
    expect(said(schema, 'ftp://example.com')).toBe('page.content: must be a URL with the scheme https or mailto');
    for (const scheme of ['javascript', 'data', 'JavaScript', 'HTTPS'])
      expect(() => rendered.url({ schemes: [scheme] })).toThrow(TypeError);
  });
});

describe('rendered.html', () => {
  it.each([
    '',
    'plain text, 1 < 2 && 3 > 2',
    '<p>Hello <b>you</b> &amp; &lt;script&gt;</p>',
    '<ul><li>one<li value=2>two</ul>',
    '<a href="https://example.com" target=_blank rel=noopener title="x">link</a>',
    '<a href=/path>here</a> <a href="mailto:a@example.com">mail</a>',
    '<img src="https://example.com/a.png" alt="" width=10>',
    '<table><tr><td colspan=2>x</table>',
    '<P LANG=de>unclosed <EM>and <STRONG>upper case',
  ])('C27 takes %j', (html) => {
    expect(said(rendered.html(), html)).toBe('ok');
  });

  it.each<[string, string]>([
    ['<script>alert(1)</script>', 'must not contain the element <script>'],
    ['<ScRiPt src=//evil.example>', 'must not contain the element <script>'],
    ['</script><b>', 'must not contain the element <script>'],
    ['<img src=x onerror=alert(1)>', 'must not have the attribute onerror on <img>'],
    ['<img/src="x"/onerror=alert(1)>', 'must not have the attribute onerror on <img>'],
    ['<svg/onload=alert(1)>', 'must not contain the element <svg>'],
    ['<math><mtext><style><img src=x>', 'must not contain the element <math>'],
    ['<iframe srcdoc="<script>1</script>">', 'must not contain the element <iframe>'],
    ['<p style="position:fixed">', 'must not have the attribute style on <p>'],
    ['<p id=location>', 'must not have the attribute id on <p>'],
    ['<a name=cookie>', 'must not have the attribute name on <a>'],
    ['<a href="javascript:alert(1)">', 'href of <a> must be a URL with the scheme https or mailto or tel'],
    ['<a href="java&#10;script&colon;alert(1)">', 'href of <a> must be a URL with the scheme https or mailto or tel'],
    ['<a href=" &#106;avascript:alert(1)">', 'href of <a> must be a URL with the scheme https or mailto or tel'],
    ['<a href=//evil.example>', 'href of <a> must name the scheme of another host'],
    ['<img src="data:image/svg+xml,x">', 'src of <img> must be a URL with the scheme https or mailto or tel'],
    ['<a target=top href="/">', 'target of <a> must be _blank or _self'],
    ['<form action=/steal><input name=password>', 'must not contain the element <form>'],
    ['<base href=https://evil.example>', 'must not contain the element <base>'],
    ['<meta http-equiv=refresh content=0>', 'must not contain the element <meta>'],
    ['<!-- x -->', 'must not contain comments'],
    ['<!--><img src=x onerror=alert(1)>', 'must not contain comments'],
    ['<?php ?>', 'must not contain comments'],
    ['<![CDATA[x]]>', 'must not contain comments'],
    ['<!doctype html>', 'must not contain a doctype'],
    ['<p>x<img src=x onerror=alert(1)', 'must not end inside a tag'],
    ['<p title="', 'must not end inside a tag'],
    ['<noscript><p title="</noscript><img src=x onerror=1>">', 'must not contain the element <noscript>'],
    ['<textarea><b></textarea><script>', 'must not contain the element <textarea>'],
    ['<x-custom onclick=1>', 'must not contain the element <x-custom>'],
  ])('C27 refuses %j', (html, words) => {
    expect(said(rendered.html(), html)).toBe(`page.content: ${words}`);
  });

  it('C27 quotes no more than 64 characters of what it refuses', () => {
    expect(said(rendered.html(), `<${'x'.repeat(900)}>`).length).toBeLessThan(150);
    expect(said(rendered.html(), `<p ${'x'.repeat(900)}>`).length).toBeLessThan(150);
  });

  it('C27 bounds what browsers have to nest, and is done in time that follows the text', () => {
    expect(said(rendered.html(), '<b>'.repeat(1_001))).toBe('page.content: must have at most 1000 tags');
    expect(said(rendered.html(), 'x'.repeat(50_001))).toBe('page.content: must have at most 50000 characters');
    expect(said(rendered.html({ maxLength: 200_000 }), '<a><b>'.repeat(30_000))).toMatch(/at most 1000 tags/);
    expect(said(rendered.html({ maxLength: 200_000 }), `<p ${'a '.repeat(90_000)}>`)).toMatch(/the attribute a on <p>/);
  });

  it('C27 takes other lists, but none that no sanitiser could make safe', () => {
    const schema = rendered.html({
      elements: ['b', 'video'],
      attributes: { video: ['src', 'poster'], '*': ['class'] },
    });
    expect(said(schema, '<video src=/a.mp4 class=wide></video>')).toBe('ok');
    expect(said(schema, '<video poster="javascript:1">')).toMatch(/poster of <video> must be a URL/);
    expect(said(schema, '<i>')).toBe('page.content: must not contain the element <i>');
    for (const element of ['script', 'svg', 'style', 'iframe', 'template', 'noscript'])
      expect(() => rendered.html({ elements: [element] })).toThrow(TypeError);
    for (const attribute of ['onclick', 'style', 'srcset', 'srcdoc', 'xlink:href', 'formaction'])
      expect(() => rendered.html({ attributes: { '*': [attribute] } })).toThrow(TypeError);
    expect(() => rendered.html({ schemes: ['javascript'] })).toThrow(TypeError);
  });

  it('C27 lets nothing pass that a browser would make more of than it shows', () => {
    const pieces = fc.constantFrom(...MARKUP);
    const schema = rendered.html();
    let passed = 0;
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 14 }), (given) => {
        const html = given.join('');
        if (!schema.safeParse(html).success) return;
        passed += 1;
        for (const element of elementsOf(parseFragment(html))) {
          expect(element.namespaceURI).toBe('http://www.w3.org/1999/xhtml');
          expect(['script', 'style', 'template', 'title', 'select', 'svg', 'math']).not.toContain(element.tagName);
          for (const { name, value } of element.attrs) {
            expect(name).not.toMatch(/^on|^style$/);
            if (name === 'href' || name === 'src')
              expect(new URL(value, 'https://own.example').protocol).toBe('https:');
          }
        }
      }),
      { numRuns: 1_000 },
    );
    expect(passed).toBeGreaterThan(20);
  });
});

describe('rendered.scriptSource', () => {
  const script = { src: 'https://cdn.example.com/a.js', integrity: HASH };

  it('C28 takes a script by https with the hash of its content, and one hash or several', () => {
    expect(said(rendered.scriptSource(), script)).toBe('ok');
    const several = `sha256-${'A'.repeat(43)}= ${HASH} sha512-${'A'.repeat(86)}==`;
    expect(said(rendered.scriptSource({ hosts: ['cdn.example.com'] }), { ...script, integrity: several })).toBe('ok');
  });

  it.each<[string, JsonValue, string]>([
    [
      'http',
      { ...script, src: 'http://cdn.example.com/a.js' },
      'page.content.src: must be a URL with the scheme https',
    ],
    ['data', { ...script, src: 'data:text/javascript,1' }, 'page.content.src: must be a URL with the scheme https'],
    ['a relative URL', { ...script, src: '/a.js' }, 'page.content.src: must be a URL with the scheme https'],
    ['no hash', { src: script.src }, 'page.content.integrity: is required'],
    ['an empty hash', { ...script, integrity: '' }, 'page.content.integrity: must be sha256-…, sha384-… or sha512-…'],
    ['a weak hash', { ...script, integrity: 'md5-abc' }, 'page.content.integrity: must be sha256-…'],
    ['a cut hash', { ...script, integrity: HASH.slice(0, 40) }, 'page.content.integrity: must be sha256-…'],
    ['a good hash behind a bad one', { ...script, integrity: `sha1-x ${HASH}` }, 'page.content.integrity: must be'],
    ['a handler', { ...script, onload: 'alert(1)' }, 'page.content: '],
    ['code', 'alert(1)', 'page.content: must be an object'],
  ])('C28 refuses %s', (_what, value, words) => {
    expect(said(rendered.scriptSource(), value)).toContain(words);
  });

  it('C28 takes scripts of the hosts that are named, and of no others', () => {
    const schema = rendered.scriptSource({ hosts: ['cdn.example.com'] });
    expect(said(schema, script)).toBe('ok');
    for (const src of [
      'https://evil.example/a.js',
      'https://cdn.example.com.evil.example/',
      'https://cdn.example.com:8/',
    ])
      expect(said(schema, { ...script, src })).toBe('page.content.src: must be on cdn.example.com');
  });
});
