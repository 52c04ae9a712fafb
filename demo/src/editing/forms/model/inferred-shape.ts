import type { JsonValue } from '@campaign-state/client';
import { isObject } from '../../../sections/json.ts';
import { JSON_ONLY, OPEN, TEXT, type Member, type Shape, type TextFormat } from './shape.ts';

/** Objects within objects that are still shown as fields. */
const MAX_DEPTH = 8;

const LOOKS: readonly (readonly [TextFormat, RegExp])[] = [
  ['colour', /^#(?:[0-9a-f]{3}|[0-9a-f]{6})$/i],
  ['link', /^https?:\/\/\S+$/],
  ['date', /^\d{4}-\d\d-\d\d$/],
  ['date-time', /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?$/],
];

/** The shape of a value of which no schema says anything. */
export function inferredShape(value: JsonValue, depth = 0): Shape {
  if (depth > MAX_DEPTH || value === null) return JSON_ONLY;
  if (typeof value === 'string') return TEXT;
  if (typeof value === 'number') return { kind: 'number', isWhole: false };
  if (typeof value === 'boolean') return { kind: 'switch' };
  if (Array.isArray(value)) return { kind: 'list', item: itemShape(value, depth + 1) };
  const members = new Map<string, Member>();
  if (isObject(value))
    for (const [name, member] of Object.entries(value))
      members.set(name, { shape: inferredShape(member, depth + 1), isRequired: false });
  return { kind: 'object', members, rest: OPEN, isInferred: true };
}

/** What a text looks like, of which no schema says what it is: by that its control is chosen, and nothing refused. */
export function formatOf(text: string): TextFormat | undefined {
  return LOOKS.find(([, look]) => look.test(text))?.[0];
}

/** What a further item of a list would be like: what its items have in common. */
function itemShape(items: readonly JsonValue[], depth: number): Shape {
  const [first, ...others] = items.map((item) => inferredShape(item, depth));
  if (!first) return OPEN;
  return others.reduce(alike, first);
}

function alike(a: Shape, b: Shape): Shape {
  if (a.kind !== b.kind) return OPEN;
  if (a.kind === 'list' && b.kind === 'list') return { kind: 'list', item: alike(a.item, b.item) };
  if (a.kind !== 'object' || b.kind !== 'object') return a;
  const members = new Map(a.members);
  for (const [name, { shape }] of b.members) {
    const known = members.get(name);
    members.set(name, { shape: known ? alike(known.shape, shape) : shape, isRequired: false });
  }
  return { kind: 'object', members, rest: OPEN, isInferred: true };
}
