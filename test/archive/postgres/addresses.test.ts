import { chown, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openPostgresArchive } from '../../../server/archive/index.ts';
import { startPostgres, type TemporaryPostgres } from '../../tools/postgres.ts';
import { openSession } from '../../tools/postgres-session.ts';
import { certificates } from '../../tools/certificates.ts';

describe('addresses of Postgres', () => {
  let folder: string;
  let postgres: TemporaryPostgres;
  let port: string;
  let authority: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cs-addresses-'));
    postgres = await startPostgres([`unix_socket_directories=${tmpdir()}`]);
    ({ port } = new URL(postgres.url));
    authority = join(folder, 'authority.pem');
    const client = await openSession(postgres.url);
    const { rows } = await client.query<{ data_directory: string }>('show data_directory');
    const data = rows[0]?.data_directory ?? '';
    const { uid, gid } = await stat(data);
    const { authorityCertificate, certificate, key } = certificates('localhost');
    await writeFile(authority, authorityCertificate);
    for (const [name, text] of [
      ['server.crt', certificate],
      ['server.key', key],
    ] as const) {
      await writeFile(join(data, name), text, { mode: 0o600 });
      await chown(join(data, name), uid, gid);
    }
    await client.query('alter system set ssl = on');
    await client.query('select pg_reload_conf()');
    await client.end();
  });
  afterAll(async () => {
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const opens = async (connectionString: string): Promise<string> => {
    try {
      const archive = await openPostgresArchive({ connectionString, namespace: 'cs' });
      await archive.ping();
      await archive.stop({ clean: true });
      return 'opened';
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  };

  test('A66 a unix socket works, in both ways of writing it', async () => {
    const socket = encodeURIComponent(tmpdir());
    expect(await opens(`postgres:///postgres?host=${tmpdir()}&port=${port}&user=postgres`)).toBe('opened');
    expect(await opens(`postgres://postgres@${socket}:${port}/postgres`)).toBe('opened');
    expect(await opens(`postgres://postgres@/postgres?host=${tmpdir()}&port=${port}`)).toBe('opened');
  });

  test('A67 TLS works in the forms of managed databases: sslmode=require, and verify-full with the file of the authority', async () => {
    const at = `postgres://postgres@localhost:${port}/postgres`;
    expect(await opens(`${at}?sslmode=require`)).toBe('opened');
    expect(await opens(`${at}?sslmode=verify-full&sslrootcert=${authority}`)).toBe('opened');
    expect(await opens(`${at}?sslmode=verify-ca&sslrootcert=${authority}`)).toBe('opened');
    expect(await opens(`postgres://postgres@127.0.0.1:${port}/postgres?sslmode=require&sslrootcert=${authority}`)).toBe(
      'opened',
    );
  });

  test('A68 a certificate that is not trusted, and TLS where there is none, are each said in one sentence', async () => {
    expect(await opens(`postgres://postgres@localhost:${port}/postgres?sslmode=verify-full`)).toMatch(
      /^DATABASE_URL: the certificate of the database is not trusted: its authority is not one that this machine knows\. Name the file/,
    );
    expect(
      await opens(`postgres://postgres@127.0.0.1:${port}/postgres?sslmode=verify-full&sslrootcert=${authority}`),
    ).toContain('it is for another host');
    expect(
      await opens(`postgres://postgres@localhost:${port}/postgres?sslmode=verify-full&sslrootcert=/no/such.pem`),
    ).toMatch(/^DATABASE_URL cannot be used: ENOENT/);
    const plain = await startPostgres();
    try {
      expect(await opens(`${plain.url}?sslmode=require`)).toBe(
        'DATABASE_URL: the database does not offer TLS: leave sslmode out.',
      );
    } finally {
      await plain.stop();
    }
  });
});
