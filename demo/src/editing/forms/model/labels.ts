import type { JsonValue } from '@campaign-state/client';
import { isObject } from '../../../sections/json.ts';

/** Characters of a text that stands for what it is in. */
const MAX_TITLE = 60;

/**
 * A name of the document in words.
 *
 * @example labelOf('main_text') // 'Main text'
 */
export function labelOf(name: string): string {
  const words = name
    .replaceAll(/([\p{Ll}\d])(\p{Lu})/gu, (_both, before: string, after: string) => `${before} ${after.toLowerCase()}`)
    .replaceAll(/[_-]+/g, ' ')
    .trim();
  const [first = '', ...rest] = words === '' ? name : words;
  return `${first.toUpperCase()}${rest.join('')}`;
}

/** A value as one of a few that are chosen from. */
export function optionLabel(value: JsonValue): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/**
 * A word for one of what something is named after.
 *
 * @example singular('Entries') // 'Entry'
 */
export function singular(label: string): string {
  if (/ies$/i.test(label)) return label.replace(/ies$/i, 'y');
  return /[^s]s$/i.test(label) ? label.slice(0, -1) : `${label} item`;
}

/** What an item is called by, where it has it. */
const NAMES = ['title', 'name', 'label', 'question'] as const;

/** What an item is called: by its name, else the first text in it, or by its number. */
export function itemTitle(item: JsonValue, index: number, one: string): string {
  const texts = isObject(item) ? [...NAMES.map((name) => item[name]), ...Object.values(item)] : [item];
  const text = texts.find((member) => typeof member === 'string' && member.trim() !== '');
  if (typeof text !== 'string') return `${one} ${index + 1}`;
  return text.length > MAX_TITLE ? `${text.slice(0, MAX_TITLE)}…` : text;
}
