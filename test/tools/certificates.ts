import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A certificate for a host, signed by an authority of its own; all of them PEM. */
export interface Certificates {
  readonly authorityCertificate: string;
  readonly certificate: string;
  readonly key: string;
}

/** Makes an authority and a certificate for a host with the system's `openssl`, valid for a day. */
export function certificates(host: string): Certificates {
  const folder = mkdtempSync(join(tmpdir(), 'campaign-state-certificates-'));
  const at = (name: string): string => join(folder, name);
  const openssl = (...args: string[]): void => void execFileSync('openssl', args, { stdio: 'ignore' });
  const elliptic = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  try {
    openssl(
      'req',
      '-x509',
      ...elliptic,
      '-days',
      '1',
      '-subj',
      '/CN=Test authority',
      '-keyout',
      at('ca.key'),
      '-out',
      at('ca.pem'),
    );
    openssl('req', ...elliptic, '-subj', `/CN=${host}`, '-keyout', at('key.pem'), '-out', at('request.pem'));
    writeFileSync(at('names'), `subjectAltName=DNS:${host}`);
    openssl(
      'x509',
      '-req',
      '-days',
      '1',
      '-in',
      at('request.pem'),
      '-CA',
      at('ca.pem'),
      '-CAkey',
      at('ca.key'),
      '-CAcreateserial',
      '-extfile',
      at('names'),
      '-out',
      at('cert.pem'),
    );
    const read = (name: string): string => readFileSync(at(name), 'utf8');
    return { authorityCertificate: read('ca.pem'), certificate: read('cert.pem'), key: read('key.pem') };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
