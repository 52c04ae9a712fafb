/** Up to two letters that stand for somebody, from a name or an id: Ada Lovelace → AL, dev → D. */
export function initials(name: string): string {
  const words = name.match(/[\p{L}\p{N}]+/gu) ?? [];
  const outer = words.length > 1 ? [words[0], words.at(-1)] : words;
  const letters = outer.map((word = '') => /^./su.exec(word)?.[0] ?? '').join('');
  return letters === '' ? '?' : letters.toUpperCase();
}
