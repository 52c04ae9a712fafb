import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const page = readFileSync(join(import.meta.dirname, '../../../client-sdk/FRAMEWORKS.md'), 'utf8');

/** The headings of all sections. */
export const HEADINGS = [...page.matchAll(/^## (.*)$/gm)].map(([, heading = '']) => heading);

/** A section of FRAMEWORKS.md, as a reader copies it. */
export interface Recipe {
  /** What `npm install` is told to install, beside what the framework's own starter has. */
  readonly packages: readonly string[];
  /** The content of each file, by the path in its first line. */
  readonly files: Readonly<Record<string, string>>;
  /** Commands other than `npm install`, in their order. */
  readonly commands: readonly string[];
}

/** The address that stands in the recipes for the reader's own server. */
export const ADDRESS = 'http://127.0.0.1:4000';

/**
 * @param heading of the section
 * @param url the server's address, the one thing that is not taken as it is written
 */
export function readRecipe(heading: string, url: string): Recipe {
  const [, section] = page.split(`\n## ${heading}\n`);
  if (section === undefined) throw new Error(`FRAMEWORKS.md has no section ${heading}`);
  const blocks = [...(section.split('\n## ')[0] ?? '').matchAll(/^```(\w+)\n(.*?)^```$/gms)];
  const files: Record<string, string> = {};
  const lines: string[] = [];
  for (const [, language = '', text = ''] of blocks) {
    const code = text.replaceAll(ADDRESS, url);
    const path = /^(?:\/\/|<!--) (\S+)(?: -->)?\n/.exec(code)?.[1];
    if (path !== undefined) files[path] = code.replace(/^<!--.*\n/, '');
    else if (language === 'sh') lines.push(...code.trim().split('\n'));
  }
  const install = lines.find((line) => line.startsWith('npm install '));
  if (install === undefined) throw new Error(`The section ${heading} does not say what to install`);
  const packages = install.split(/\s+#/)[0]?.split(' ').slice(2) ?? [];
  return { packages, files, commands: lines.filter((line) => line !== install) };
}
