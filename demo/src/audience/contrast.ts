/** Contrast that text needs to be read, after WCAG 2.2 (1.4.3, level AA). */
export const READABLE_CONTRAST = 4.5;

/**
 * The contrast of two colours after WCAG, from 1 to 21; `undefined` where one of them is no colour. The browser itself
 * reads them, in whatever notation they are; what is transparent counts as on white.
 *
 * @example contrastOf('#fff', 'black') // 21
 */
export function contrastOf(one: string, other: string): number | undefined {
  const [a, b] = [luminanceOf(one), luminanceOf(other)];
  return a === undefined || b === undefined ? undefined : (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}

function luminanceOf(colour: string): number | undefined {
  if (!CSS.supports('color', colour)) return undefined;
  const context = new OffscreenCanvas(1, 1).getContext('2d');
  if (!context) return undefined;
  for (const fill of ['white', colour]) {
    context.fillStyle = fill;
    context.fillRect(0, 0, 1, 1);
  }
  const [red = 0, green = 0, blue = 0] = context.getImageData(0, 0, 1, 1).data;
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
}

function linear(channel: number): number {
  const share = channel / 255;
  return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
}
