import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { check, defineSections } from '../../../server/core/document/check.ts';
import { describeFields } from '../../../server/core/document/described/describe-fields.ts';
import { openVariants } from '../../../server/core/document/described/open-variants.ts';
import { rendered } from '../../../server/core/document/rendered/rendered.ts';
import type { JsonObject } from '../../../server/core/json.ts';

describe('C95 the description of documents', () => {
  it('C95 has the shapes and limits of the document, then those of the operator, and nothing of targeting', () => {
    const fields = describeFields(
      defineSections({ title: z.string().max(20), commerce: z.object({ price: z.int() }) }),
    );
    expect(fields['title']).toMatchObject([{ type: 'string', maxLength: 500 }, { maxLength: 20 }]);
    expect(fields['commerce']).toMatchObject([{ type: 'object', properties: { price: { type: 'integer' } } }]);
    expect(fields['status']).toMatchObject([{ enum: ['draft', 'active', 'paused', 'ended'] }]);
    for (const name of ['rules', 'segments', 'groups', 'holdouts']) expect(fields).not.toHaveProperty(name);
  });

  it('C95 says what links, HTML and pictures are, also where they are optional', () => {
    const link = rendered.url({ schemes: ['https', 'mailto'], allowRelative: true }).exactOptional();
    const page = z.object({ link, body: rendered.html(), photo: rendered.image() });
    const [described] = describeFields(defineSections({ page }))['page'] ?? [];
    expect(described).toMatchObject({
      properties: {
        link: { format: 'uri-reference', schemes: ['https', 'mailto'], maxLength: 2_048 },
        body: { contentMediaType: 'text/html', maxLength: 50_000 },
        photo: { properties: { src: { format: 'uri', schemes: ['https'] }, alt: { maxLength: 500 } } },
      },
      required: ['body', 'photo'],
    });
  });

  it('C95 leaves out the pattern of an expression whose flags JSON Schema does not have', () => {
    const code = z.string().regex(/^[a-z]+$/i);
    const page = z.object({ code, both: code.regex(/^.b/u).max(9).exactOptional(), plain: z.string().regex(/^p/) });
    const [described] = describeFields(defineSections({ page }))['page'] ?? [];
    expect(described?.['properties']).toEqual({
      code: { type: 'string' },
      both: { type: 'string', maxLength: 9, allOf: [{ pattern: '^.b' }] },
      plain: { type: 'string', pattern: '^p' },
    });
    const variant = openVariants({ one: z.looseObject({ code }) });
    expect(JSON.stringify(describeFields(defineSections({ page: variant }))['page'])).not.toContain('pattern');
  });

  it('C95 takes everything where a schema cannot be described, and says the rest', () => {
    const throws = z.string().meta({
      get title(): string {
        throw new Error('no title');
      },
    });
    const sections = defineSections({ one: z.object({ at: z.date(), name: z.string() }), two: throws });
    const fields = describeFields(sections);
    expect(fields['one']).toMatchObject([{ properties: { at: {}, name: { type: 'string' } } }]);
    expect(fields['two']).toEqual([{}]);
  });
});

describe('C96 variants', () => {
  const modules = openVariants({
    progress: z.looseObject({ goal: z.number().min(0), label: z.string().max(5, 'is too long') }),
    countdown: z.looseObject({}),
  });
  const sections = defineSections({ ui_components: z.record(z.string(), modules) });

  function said(module: JsonObject): string {
    const state: JsonObject = { slug: 's', title: 't', ui_components: { one: module } };
    const checked = check(state, state, 0, sections);
    return checked.ok ? 'ok' : checked.refusal.message;
  }

  it('C96 are checked by the schema that their type names, in the words of all others', () => {
    expect(said({ type: 'progress', goal: 3, label: 'four', more: [] })).toBe('ok');
    expect(said({ type: 'progress', goal: 'x', label: '' })).toBe('ui_components.one.goal: must be a number');
    expect(said({ type: 'progress', label: '' })).toBe('ui_components.one.goal: is required');
    expect(said({ type: 'progress', goal: -1, label: '' })).toBe('ui_components.one.goal: must be at least 0');
    expect(said({ type: 'progress', goal: 1, label: 'longer' })).toBe('ui_components.one.label: is too long');
  });

  it('C96 of other types are taken as they are, whatever these are called', () => {
    for (const type of ['hero', 'toString', '__proto__', '']) expect(said({ type, goal: 'x' })).toBe('ok');
    expect(said({ type: 7 })).toBe('ui_components.one.type: must be text');
  });

  it('C96 are described each with its type', () => {
    const [, described] = describeFields(sections)['ui_components'] ?? [];
    expect(described).toMatchObject({
      additionalProperties: {
        properties: { type: { type: 'string' } },
        anyOf: [
          { properties: { type: { const: 'progress' }, goal: { minimum: 0 } }, required: ['goal', 'label', 'type'] },
          { properties: { type: { const: 'countdown' } } },
          { properties: { type: { not: { enum: ['progress', 'countdown'] } } } },
        ],
      },
    });
  });
});
