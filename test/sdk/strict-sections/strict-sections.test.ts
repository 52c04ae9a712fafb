import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

test('K237 with Register { strict: true } unknown names do not compile, and registered sections can be addressed by updateConfig', async () => {
  const tsc = join(import.meta.dirname, '../../../node_modules/.bin/tsc');
  await promisify(execFile)(tsc, ['--noEmit', '-p', import.meta.dirname]).catch(({ stdout }: { stdout: string }) =>
    expect.fail(stdout),
  );
});
