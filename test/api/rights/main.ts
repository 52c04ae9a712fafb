import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { rightsPage } from './page.ts';

/** Writes `docs/rights.md`. */
await writeFile(join(import.meta.dirname, '..', '..', '..', 'docs', 'rights.md'), rightsPage());
