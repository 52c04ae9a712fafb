// `npm start`, `npm run dev` (--dev) and `npm run start:cluster` (--cluster). Plain JavaScript, so that an old Node can
// parse this file and refuse with one sentence.
import { fileURLToPath } from 'node:url';

const NEEDED_NODE = 24;

const [major] = process.versions.node.split('.').map(Number);
if (major < NEEDED_NODE) {
  process.stderr.write(
    `campaign-state needs Node ${NEEDED_NODE} or newer, this is ${process.versions.node}: \`npm install\` brings one on Linux and Windows, https://nodejs.org has it for other systems.\n`,
  );
  process.exit(1);
}
// What one of its processes has compiled is there for the others, and for the next start: half of a start is that.
const { enableCompileCache } = await import('node:module');
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL('../node_modules/.cache/node', import.meta.url));
enableCompileCache(process.env.NODE_COMPILE_CACHE);
await import(process.argv.includes('--cluster') ? './launch/cluster.ts' : './launch/one.ts');
