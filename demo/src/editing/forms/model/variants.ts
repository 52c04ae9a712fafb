import { optionLabel } from './labels.ts';
import { tagsOf } from './resolve-shape.ts';
import { OPEN, TEXT, type Shape } from './shape.ts';

/** Something that can be added. */
export interface Variant {
  /** The name of its type, where it has one. */
  readonly name: string | undefined;
  readonly label: string;
  readonly shape: Shape;
}

const KINDS: Readonly<Record<Shape['kind'], string>> = {
  text: 'Text',
  number: 'Number',
  switch: 'Yes or no',
  choice: 'Choice',
  object: 'Group',
  list: 'List',
  union: 'Something',
  open: 'Something',
  json: 'JSON',
};

/** What can be added where anything may stand. */
const ANYTHING: readonly Shape[] = [
  TEXT,
  { kind: 'number', isWhole: false },
  { kind: 'switch' },
  { kind: 'list', item: OPEN },
  { kind: 'object', members: new Map(), rest: OPEN },
];

/** What can be added where that may stand, in words. Where variants have names, whatever has none is not offered. */
export function variantsOf(shape: Shape): readonly Variant[] {
  const shapes = shape.kind === 'union' ? shape.options : shape.kind === 'open' ? ANYTHING : [shape];
  const variants = shapes.map((option) => ({ shape: option, tag: tagOf(option) }));
  const named = variants.filter(({ tag }) => tag !== undefined);
  return (named.length > 0 ? named : variants).map(({ shape: option, tag }) => {
    const label = option.title ?? tag ?? (shapes.length === 1 ? shape.title : undefined) ?? KINDS[option.kind];
    return { name: tag, label, shape: option };
  });
}

function tagOf(shape: Shape): string | undefined {
  if (shape.kind !== 'object') return undefined;
  const [tag] = tagsOf(shape).values();
  return tag === undefined ? undefined : optionLabel(tag);
}

/** A name that nothing has yet. */
export function freeName(wanted: string, taken: readonly string[]): string {
  let name = wanted;
  for (let next = 2; taken.includes(name); next += 1) name = `${wanted}_${next}`;
  return name;
}
