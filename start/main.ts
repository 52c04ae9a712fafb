import { join } from 'node:path';
import { runServer } from '../server/cli/run-server.ts';

/** The server of this repository, with its start files and its demo. Sends its announcement to its parent process. */

const announcement = await runServer({
  env: process.env,
  startFiles: import.meta.dirname,
  site: join(import.meta.dirname, '..', 'demo', 'dist'),
  supervised: true,
});
process.send?.(announcement);
