import { ensurePeers } from './harness/ensure-peers.ts';

// Before anything is loaded that needs them.
ensurePeers();
const { soak } = await import('./harness/soak.ts');
process.exit(await soak(process.argv.slice(2)));
