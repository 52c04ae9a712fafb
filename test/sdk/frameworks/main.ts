// Tries the packed client in each framework: npm run test:frameworks [-- next vue …]
import { launchBrowser, type Browser } from '../../tools/browser.ts';
import { startServer } from '../support/server.ts';
import { openWorkshop } from './projects.ts';
import { SETUPS, type Setup } from './setups.ts';

const names = process.argv.slice(2);
const unknown = names.filter((name) => !SETUPS.some((setup) => setup.name === name));
if (unknown.length > 0) {
  process.stderr.write(
    `There are no such set-ups: ${unknown.join(', ')}. There are ${SETUPS.map(({ name }) => name).join(', ')}.\n`,
  );
  process.exit(1);
}
let opened: Promise<Browser> | undefined;
const browser = () => (opened ??= launchBrowser());
const workshop = await openWorkshop();
let failed = 0;

async function attempt({ name, rule, run }: Setup): Promise<void> {
  const server = await startServer();
  let isStopped = false;
  const stopServer = async (): Promise<void> => {
    if (!isStopped) await server.close();
    isStopped = true;
  };
  const before = performance.now();
  try {
    process.stdout.write(`\n${name} (${rule})\n`);
    for (const line of await run({ workshop, url: server.url, stopServer, browser }))
      process.stdout.write(`  ${line}\n`);
    process.stdout.write(`  passed in ${Math.round((performance.now() - before) / 1_000)} s\n`);
  } catch (error) {
    failed += 1;
    process.stdout.write(`  FAILED: ${error instanceof Error ? error.message : String(error)}\n`);
  } finally {
    await stopServer();
  }
}

try {
  for (const setup of SETUPS) if (names.length === 0 || names.includes(setup.name)) await attempt(setup);
} finally {
  await (await opened)?.close();
  await workshop.close();
}
process.stdout.write(failed === 0 ? '\nAll of them passed.\n' : `\n${failed} failed.\n`);
process.exit(failed === 0 ? 0 : 1);
