import { describe, expect, it } from 'vitest';
import { shapeOf } from '../../../demo/src/editing/forms/model/read-schema.ts';
import { hintsAt, sayShape } from '../../../demo/src/sections/json-hints.ts';
import { placeAt } from '../../../demo/src/sections/json-place.ts';
import { readSoFar } from '../../../demo/src/sections/json-text.ts';

/** The place at the bar in a text. */
function placeIn(marked: string) {
  return placeAt(marked.replace('|', ''), marked.indexOf('|'));
}

const SHAPE = shapeOf([
  {
    type: 'object',
    properties: {
      status: { enum: ['draft', 'live'], description: 'Whether people see it' },
      isNew: { type: 'boolean' },
      title: { type: 'string', minLength: 1, maxLength: 80, title: 'Headline' },
      colour: { type: 'string', format: 'color', examples: ['#fff', '#000'] },
      count: { type: 'integer', minimum: 0, maximum: 9 },
      links: {
        type: 'array',
        maxItems: 5,
        items: {
          anyOf: [
            {
              type: 'object',
              required: ['kind', 'to'],
              properties: { kind: { const: 'page' }, to: { type: 'string' } },
            },
            {
              type: 'object',
              required: ['kind', 'id'],
              properties: { kind: { const: 'video' }, id: { type: 'string' } },
            },
          ],
        },
      },
    },
    required: ['title'],
  },
]);

/** What is offered at the bar. */
function hintsIn(marked: string) {
  const place = placeIn(marked);
  return place ? hintsAt(place, SHAPE, () => readSoFar(marked.replace('|', ''))) : [];
}

const offered = (marked: string): string[] => hintsIn(marked).map(({ text }) => text);

describe('JSON by its schema', () => {
  it.each([
    ['{"a": {"b|": 1}}', { kind: 'name', path: ['a', 'b'], from: 7, to: 10 }],
    ['{"a": [1, {"x": tr|}]}', { kind: 'value', path: ['a', 1, 'x'], from: 16, to: 18 }],
    ['{"a": [1, |]}', { kind: 'value', path: ['a', 1] }],
    ['{"a": |}', { kind: 'value', path: ['a'] }],
    ['{"a": "tex|t"}', { kind: 'value', path: ['a'] }],
    ['{"a": 1, |}', { kind: 'name', path: [''] }],
    ['{"a": 1, "|', { kind: 'name', path: [''] }],
    ['{"a": {|', { kind: 'name', path: ['a', ''] }],
    ['"|"', { kind: 'value', path: [] }],
  ])('D167 knows where a text is being typed: %s', (marked, place) => {
    expect(placeIn(marked)).toMatchObject(place);
  });

  it.each(['{"a" |', '{"a": 1 |}', '{"a": {}|}', '{"a": "x" |}'])(
    'D167 offers nothing behind what is whole, before a comma or a colon: %s',
    (marked) => {
      expect(placeIn(marked)).toBeUndefined();
    },
  );

  it('D167 offers the names that are not there yet, and what may stand behind one', () => {
    expect(offered('{"title": "x", "|"}')).toEqual(['"status"', '"isNew"', '"colour"', '"count"', '"links"']);
    expect(offered('{"status": |}')).toEqual(['"draft"', '"live"']);
    expect(offered('{"isNew": t|}')).toEqual(['true', 'false']);
    expect(offered('{"colour": "#|"}')).toEqual(['"#fff"', '"#000"']);
    expect(offered('{"title": |}')).toEqual([]);
    expect(offered('{"unknown": {|}}')).toEqual([]);
    expect(offered('{"title": "x"}|')).toEqual([]);
  });

  it('D167 goes by what tells variants apart, and offers all of them until that is said', () => {
    expect(offered('{"links": [{"kind": "video", "|": 1}]}')).toEqual(['"id"']);
    // Also where the text has not come to its end.
    expect(offered('{"links": [{"kind": "video", "|')).toEqual(['"id"']);
    expect(offered('{"links": [{|}]}')).toEqual(['"kind"', '"to"', '"id"']);
    expect(offered('{"links": [{"kind": |}]}')).toEqual(['"page"', '"video"']);
  });

  it('D167 puts a name there with the least value that its schema allows', () => {
    expect(hintsIn('{|}').map(({ whole, detail, info }) => [whole, detail, info])).toEqual([
      ['"status": "draft"', '"draft" or "live"', 'Whether people see it'],
      ['"isNew": false', 'true or false', undefined],
      ['"title": "Headline"', 'Text, at least 1 character, at most 80 characters, required', 'Headline'],
      ['"colour": "#1f2937"', 'Colour', undefined],
      ['"count": 0', 'Whole number, at least 0, at most 9', undefined],
      ['"links": []', 'List, at most 5 items', undefined],
    ]);
  });

  it('D167 says of a shape what it allows', () => {
    expect(sayShape({ kind: 'number', isWhole: false, min: 1, above: undefined, below: 2 })).toBe(
      'Number, at least 1, less than 2',
    );
    expect(sayShape({ kind: 'choice', options: [1, 2, 3, 4, 5, 6, 7] })).toBe('One of 7');
    expect(sayShape({ kind: 'union', options: [{ kind: 'switch' }, { kind: 'open' }] })).toBe(
      'true or false or Anything',
    );
  });
});
