import type { CSSProperties } from 'react';

/** The colours that a campaign's theme names, with what holds where it names none. */
export const THEME_COLOURS = [
  { name: 'primary', label: 'Primary', fallback: '#1f2937' },
  { name: 'accent', label: 'Accent', fallback: '#0e7490' },
  { name: 'background', label: 'Background', fallback: '#ffffff' },
  { name: 'text', label: 'Text', fallback: '#16181d' },
] as const;

export const THEME_FONTS = ['grotesque', 'serif'] as const;

type Theme = Readonly<Record<string, unknown>>;

/** The theme as custom properties of the page; a value that is no colour is left out. */
export function themeProperties(theme: Theme): CSSProperties {
  const properties: Record<`--${string}`, string> = {};
  for (const { name } of THEME_COLOURS) properties[`--page-${name}`] = themeColour(theme, name);
  properties['--page-radius'] = `${radius(theme['radius'])}px`;
  return properties;
}

/** A colour of the page: the theme's, or where it names none, the one that holds then. */
export function themeColour(theme: Theme, name: (typeof THEME_COLOURS)[number]['name']): string {
  return colour(theme[name]) ?? THEME_COLOURS.find((known) => known.name === name)?.fallback ?? '';
}

export function themeFont(theme: Theme): (typeof THEME_FONTS)[number] {
  return THEME_FONTS.find((font) => font === theme['font']) ?? 'grotesque';
}

/** Corners in pixels, from 0 to 32. */
export function radius(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? Math.min(32, Math.max(0, value)) : 8;
}

function colour(value: unknown): string | undefined {
  return typeof value === 'string' && CSS.supports('color', value) ? value : undefined;
}
