import type { JsonObject, JsonValue } from '@campaign-state/client';
import type { ObjectShape, Shape, TextShape } from './shape.ts';

/** What something new begins with: as little as its shape allows. */
export function initialValue(shape: Shape): JsonValue {
  switch (shape.kind) {
    case 'text':
      return initialText(shape);
    case 'number':
      return initialNumber(shape);
    case 'switch':
      return false;
    case 'choice':
      return shape.options[0] ?? null;
    case 'list':
      return Array.from({ length: shape.min ?? 0 }, () => initialValue(shape.item));
    case 'object':
      return initialObject(shape);
    case 'union':
      return initialValue(shape.options.find(({ kind }) => kind === 'object') ?? shape.options[0] ?? { kind: 'json' });
    case 'open':
      return '';
    case 'json':
      return {};
  }
}

function initialText({ format, min = 0, title, suggestions, schemes }: TextShape): string {
  if (format === 'link') return `${schemes?.[0] ?? 'https'}://example.com/`;
  if (format === 'date') return '2026-01-01';
  if (format === 'date-time') return '2026-01-01T00:00:00Z';
  if (format === 'colour') return '#1f2937';
  if (format === 'email') return 'somebody@example.com';
  if (suggestions[0] !== undefined) return suggestions[0];
  return min === 0 ? '' : (title ?? 'New').padEnd(min, '.');
}

function initialNumber({ isWhole, min, max, above, below }: Extract<Shape, { kind: 'number' }>): number {
  const least =
    min ?? (above === undefined ? -Infinity : above + (isWhole ? 1 : Number.EPSILON + Math.abs(above) * 1e-9));
  const most =
    max ?? (below === undefined ? Infinity : below - (isWhole ? 1 : Number.EPSILON + Math.abs(below) * 1e-9));
  const near = Math.min(Math.max(0, least), most);
  return isWhole ? Math.ceil(near) : near;
}

function initialObject({ members }: ObjectShape): JsonObject {
  const value: JsonObject = {};
  for (const [name, { shape, isRequired }] of members) if (isRequired) value[name] = initialValue(shape);
  return value;
}
