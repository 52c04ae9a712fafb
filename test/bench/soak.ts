import { ensurePeers } from './harness/ensure-peers.ts';

// So that what was started ends with it, which is done at the exit.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

// Before anything is loaded that needs them.
ensurePeers();
const { soak } = await import('./harness/soak.ts');
process.exit(await soak(process.argv.slice(2)));
