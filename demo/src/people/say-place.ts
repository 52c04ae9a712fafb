/** A place in the document in words: `ui_content.banner` → banner in ui content. */
export function sayPlace(path: readonly string[]): string {
  const words = path.map((key) => key.replaceAll('_', ' ')).toReversed();
  return words.join(' in ');
}
