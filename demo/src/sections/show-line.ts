/**
 * Selects a line of a text area and brings it into its middle. Lines wrap, so that only the browser knows how far down
 * one stands.
 */
export function showLine(area: HTMLTextAreaElement, start: number, end: number): void {
  area.setSelectionRange(start, end);
  area.focus();
  area.scrollTop = heightOf(area, area.value.slice(0, end)) - area.clientHeight / 2;
}

/**
 * How high that text would be there: measured on a copy, because the area's own history would not survive another
 * value.
 */
function heightOf(area: HTMLTextAreaElement, text: string): number {
  const copy = document.createElement('textarea');
  copy.value = text;
  Object.assign(copy.style, {
    position: 'absolute',
    visibility: 'hidden',
    inlineSize: `${area.offsetWidth}px`,
    minBlockSize: '0',
    blockSize: '0',
  });
  area.after(copy);
  const { scrollHeight } = copy;
  copy.remove();
  return scrollHeight;
}
