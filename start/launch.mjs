// `npm start`, `npm run dev` (--dev) and `npm run start:cluster` (--cluster). Plain JavaScript, so that an old Node can
// parse this file and refuse with one sentence.
const NEEDED_NODE = 24;

const [major] = process.versions.node.split('.').map(Number);
if (major < NEEDED_NODE) {
  process.stderr.write(
    `campaign-state needs Node ${NEEDED_NODE} or newer, this is ${process.versions.node}: \`npm install\` brings one on Linux and Windows, https://nodejs.org has it for other systems.\n`,
  );
  process.exit(1);
}
await import(process.argv.includes('--cluster') ? './launch/cluster.ts' : './launch/one.ts');
