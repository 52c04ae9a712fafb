import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readConfig, VARIABLES } from '../../server/cli/config.ts';
import { NODE_FLAGS } from '../../server/cli/node-flags.ts';
import { ROOT } from './support/processes.ts';

const compose = await readFile(join(ROOT, 'start', 'compose.yaml'), 'utf8');
const dockerfile = await readFile(join(ROOT, 'Dockerfile'), 'utf8');

/** The environment of the instances, with the values that `compose` would put in. */
function instanceEnvironment(): Record<string, string> {
  const [, block = ''] = /^ {2}environment:\n((?: {4}.*\n)+)/m.exec(compose) ?? [];
  const given = [...block.matchAll(/^ {4}([A-Z_]+): '?(.*?)'?$/gm)].map(
    ([, name = '', value = '']): [string, string] => [name, value],
  );
  return Object.fromEntries(
    given.map(([name, value]) => [
      name,
      value.replace(/\$\{\w+:-([^}]*)\}/g, '$1').replace(/\$\{\w+:\?[^}]*\}/g, 'x'.repeat(64)),
    ]),
  );
}

test('F13 compose.yaml sets variables that exist, with values that they take', () => {
  const environment = instanceEnvironment();
  expect(Object.keys(environment)).toEqual(expect.arrayContaining(['AUTH_SECRET', 'DATABASE_URL', 'REDIS_URL']));
  for (const name of Object.keys(environment)) expect(VARIABLES).toContain(name);
  const read = readConfig({ ...environment, HOST: '0.0.0.0' });
  expect(read).toMatchObject({
    ok: true,
    config: { storage: { kind: 'postgres' }, redisUrl: 'redis://redis:6379', auth: { kind: 'secret' } },
  });
});

test('F13 Redis runs with the settings that the server requires, and no secret has a default', () => {
  expect(compose).toContain('--maxmemory-policy noeviction');
  expect(compose).toContain('--appendonly yes');
  for (const secret of ['AUTH_SECRET', 'POSTGRES_PASSWORD'])
    expect(compose).not.toMatch(new RegExp(`\\$\\{${secret}(?!:\\?)`));
});

test('F13 what a relay stores lies on a volume, and is there for the next container', () => {
  const [, relay = ''] = /^ {2}relay:\n((?: {4}.*\n|\n)+)/m.exec(compose) ?? [];
  const [, folder] = /RELAY_DIR: (\S+)/.exec(relay) ?? [];
  expect(folder).toBe('/data');
  expect(/tmpfs: \[(.*)\]/.exec(relay)?.[1]?.split(', ')).toEqual(['/tmp']);
  expect(/volumes: \[(.*)\]/.exec(relay)?.[1]).toBe(folder);
});

test('F13 the image copies and runs files that exist, sets variables that exist, and runs as an unprivileged user on the same Node', async () => {
  const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, sources = '']) =>
    sources.split(' '),
  );
  expect(copied.length).toBeGreaterThan(8);
  for (const source of copied) if (!source.includes('*')) expect(existsSync(join(ROOT, source))).toBe(true);
  const [, command = '[]'] = /^CMD (.+)$/m.exec(dockerfile) ?? [];
  const parts: string[] = JSON.parse(command);
  expect(existsSync(join(ROOT, parts.at(-1) ?? ''))).toBe(true);
  const variables = [...dockerfile.matchAll(/^(?:ENV| {3}) ([A-Z_]+)=/gm)].map(([, name]) => name);
  expect(variables).toContain('NODE_ENV');
  for (const name of variables) expect(VARIABLES).toContain(name);
  expect(dockerfile.lastIndexOf('USER node')).toBeGreaterThan(dockerfile.lastIndexOf('FROM '));
  const { engines }: { engines: { node: string } } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
  for (const [, version] of dockerfile.matchAll(/^FROM node:(\d+)/gm)) expect(engines.node).toBe(`>=${version}`);
});

test('F23 the image and compose.yaml start servers with the flags of node-flags.ts', () => {
  expect(dockerfile).toContain(`CMD ${JSON.stringify(['node', ...NODE_FLAGS, 'start/main.ts']).replaceAll(',', ', ')}`);
  const commands = [...compose.matchAll(/^ +command: \[node, (.+)\]$/gm)].map(([, command = '']) =>
    command.split(', '),
  );
  expect(commands).toHaveLength(1);
  for (const command of commands) expect(command.slice(0, NODE_FLAGS.length)).toEqual(NODE_FLAGS);
});

test.each(['server/README.md', 'docs/operations.md'])('F23 %s names the flags', async (page) => {
  expect(await readFile(join(ROOT, page), 'utf8')).toContain(`node ${NODE_FLAGS.join(' ')} `);
});

test('F13 the build context contains all that the image copies', async () => {
  const taken = (await readFile(join(ROOT, '.dockerignore'), 'utf8'))
    .split('\n')
    .flatMap((line) => /^!(.+)$/.exec(line)?.[1] ?? []);
  const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, sources = '']) =>
    sources.split(' '),
  );
  for (const source of copied)
    expect(taken.some((pattern) => source === pattern || source.startsWith(`${pattern}/`))).toBe(true);
});
