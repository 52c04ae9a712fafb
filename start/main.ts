import { join } from 'node:path';
import { runServer } from '../server/cli/run-server.ts';
import { sections } from './sections.ts';

/**
 * The server of this repository, with its start files, its demo and what the page of that can show. Sends its
 * announcement to its parent process.
 */

const announcement = await runServer({
  env: process.env,
  startFiles: import.meta.dirname,
  sections,
  site: join(import.meta.dirname, '..', 'demo', 'dist'),
  supervised: true,
});
process.send?.(announcement);
