import { ensurePeers } from './harness/ensure-peers.ts';

// So that what was started ends with it, which is done at the exit.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

// Before anything is loaded that needs them.
ensurePeers();
const { bench } = await import('./bench.ts');
process.exit(await bench(process.argv.slice(2)));
