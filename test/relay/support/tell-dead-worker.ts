import cluster from 'node:cluster';
import { tell } from '../../../server/cli/tell-worker.ts';

/** How long a process that was killed may take to be gone, in milliseconds. */
const GONE_MS = 300;

// Tells a worker something that is dead already, of which this process has not heard yet.
if (cluster.isPrimary) {
  const worker = cluster.fork();
  worker.once('online', () => {
    worker.process.kill('SIGKILL');
    // Within the turn, so that nothing of its end is heard of.
    for (const end = performance.now() + GONE_MS; performance.now() < end;);
    tell(worker, { kind: 'metrics' }, () => process.stdout.write('not told\n'));
  });
} else setInterval(() => undefined, 1_000);
