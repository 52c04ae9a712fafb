import { ensurePeers } from './harness/ensure-peers.ts';

// Before anything is loaded that needs them.
ensurePeers();
const { bench } = await import('./bench.ts');
process.exit(await bench(process.argv.slice(2)));
