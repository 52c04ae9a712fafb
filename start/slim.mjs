// Runs after `npm install`: removes 67 MB of C headers from the Node of npm, because no native addons are compiled.
import { rmSync } from 'node:fs';
import { join } from 'node:path';

for (const platform of ['linux-x64', 'linux-arm64', 'win-x64']) {
  rmSync(join(import.meta.dirname, '..', 'node_modules', `node-${platform}`, 'include'), {
    recursive: true,
    force: true,
  });
}
