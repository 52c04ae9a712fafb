import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { byRule, ruleTitles } from './rule-titles.ts';

const page = readFileSync(join(import.meta.dirname, '..', 'SPEC.md'), 'utf8');
const stated = [...page.matchAll(/^(?:\| |- \*\*)([A-Z]\d+)(?: \||\*\*) (.*)$/gm)].map(([, rule = '', text = '']) => ({
  rule,
  text,
}));
const titles = ruleTitles();

test('every rule of SPEC.md is proven by a test whose title begins with its number', () => {
  const proven = new Set(titles.map(({ rule }) => rule));
  expect(stated.filter(({ rule }) => !proven.has(rule)).map(({ rule }) => rule)).toEqual([]);
});

test('no rule of SPEC.md stands twice', () => {
  const seen = new Set<string>();
  const twice = stated.filter(({ rule }) => seen.size === seen.add(rule).size);
  expect(twice.map(({ rule }) => rule)).toEqual([]);
});

test('every letter that tests use has its section in SPEC.md', () => {
  const sections = new Set([...page.matchAll(/^## ([A-Z]) /gm)].map(([, letter]) => letter));
  const used = [...new Set(titles.map(({ rule }) => rule[0]))];
  expect(used.filter((letter) => !sections.has(letter))).toEqual([]);
});

test('SPEC.md says what its tests do not: no rule repeats a title', () => {
  const words = (text: string): string =>
    text
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, ' ')
      .trim();
  const repeated = stated.filter(({ rule, text }) =>
    titles.some((title) => title.rule === rule && words(title.title) === words(text.replace(/ \|$/, ''))),
  );
  expect(repeated.map(({ rule }) => rule)).toEqual([]);
});

test('a number means one thing: its tests are of one room, or SPEC.md says what they have in common', () => {
  const inSpec = new Set(stated.map(({ rule }) => rule));
  const files = new Map<string, Set<string>>();
  for (const { rule, file } of titles) files.set(rule, (files.get(rule) ?? new Set()).add(file));
  const torn = [...files].filter(([rule, where]) => where.size > 1 && !inSpec.has(rule)).map(([rule]) => rule);
  expect(torn.toSorted(byRule)).toEqual([]);
});
