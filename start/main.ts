import { join } from 'node:path';
import { runServer } from '../server/cli/run-server.ts';

/**
 * The server of this repository: with the start files beside this file, and with the demo. Whoever starts it hears
 * where it is.
 */

const announcement = await runServer({
  env: process.env,
  startFiles: import.meta.dirname,
  site: join(import.meta.dirname, '..', 'demo', 'dist'),
  revived: true,
});
process.send?.(announcement);
