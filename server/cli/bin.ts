#!/usr/bin/env node
// The command. It refuses an old Node before that loads syntax that is too new for it.
import process from 'node:process';

const NEEDED_NODE = 24;

if (Number.parseInt(process.versions.node, 10) < NEEDED_NODE) {
  process.stderr.write(
    `campaign-state needs Node ${NEEDED_NODE} or newer, this is ${process.versions.node}: https://nodejs.org has it.\n`,
  );
  process.exit(1);
}
await import('./main.ts');
