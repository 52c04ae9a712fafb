// Runs after `npm install`: the Node runtime from npm brings 67 MB of C headers for native addons; nothing here
// compiles any.
import { rmSync } from 'node:fs';
import { join } from 'node:path';

for (const platform of ['linux-x64', 'linux-arm64', 'win-x64']) {
  rmSync(join(import.meta.dirname, '..', 'node_modules', `node-${platform}`, 'include'), {
    recursive: true,
    force: true,
  });
}
