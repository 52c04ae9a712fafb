import type { Result } from './result.ts';
import { figure, nameOf } from './table.ts';

/** Colours of one appearance. */
interface Theme {
  text: string;
  quiet: string;
  grid: string;
  ours: string;
  others: string;
}

export const THEMES: Readonly<Record<'light' | 'dark', Theme>> = {
  light: { text: '#1f2328', quiet: '#59636e', grid: '#d1d9e0', ours: '#0969da', others: '#afb8c1' },
  dark: { text: '#f0f6fc', quiet: '#9198a1', grid: '#3d444d', ours: '#4493f8', others: '#59636e' },
};

const WIDTH = 760;
const LABELS = 150;
const ROW = 22;
const BAR = 14;
const GAP = 34;
const TOP = 16;
const FONT = 'font-family="system-ui, -apple-system, Segoe UI, sans-serif"';

/**
 * Bars of each figure, ours and the peers', the smallest first; what is longer than the frame is cut off, and says so.
 */
export function chart(results: readonly Result[], theme: Theme): string {
  const parts: string[] = [];
  let y = TOP;
  for (const result of results) {
    const bars = [['ours', result.ours] as const, ...Object.entries(result.peers)].toSorted(([, a], [, b]) => a - b);
    // A frame for the middle of the field: one outlier must not press all others against the wall.
    const frame = Math.min(bars.at(-1)?.[1] ?? 1, 3 * (bars[Math.floor(bars.length / 2)]?.[1] ?? 1)) * 1.05;
    parts.push(text(0, y + 12, `${result.title} (${result.unit})`, theme.text, 'font-weight="600"'));
    y += GAP - 10;
    const top = y;
    for (const [name, value] of bars) {
      const isOurs = name.startsWith('ours');
      const isCut = value > frame;
      const width = Math.max(1, (Math.min(value, frame) / frame) * (WIDTH - LABELS - 110));
      parts.push(
        text(
          LABELS - 8,
          y + 11,
          nameOf(name),
          isOurs ? theme.text : theme.quiet,
          `text-anchor="end"${name === 'ours' ? ' font-weight="600"' : ''}`,
        ),
        `<rect x="${LABELS}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" rx="2" fill="${name === 'ours' ? theme.ours : theme.others}"/>`,
        text(LABELS + width + 6, y + 11, `${figure(value)}${isCut ? ' →' : ''}`, theme.text, ''),
      );
      y += ROW;
    }
    parts.push(`<line x1="${LABELS}" y1="${top - 4}" x2="${LABELS}" y2="${y - 4}" stroke="${theme.grid}"/>`);
    y += GAP - ROW;
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" width="${WIDTH}" height="${y}" role="img" ${FONT} font-size="12">`,
    `<title>${escape(results.map(({ title }) => title).join('; '))}</title>`,
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}

function text(x: number, y: number, content: string, fill: string, more: string): string {
  return `<text x="${x.toFixed(1)}" y="${y}" fill="${fill}" ${more}>${escape(content)}</text>`;
}

function escape(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
