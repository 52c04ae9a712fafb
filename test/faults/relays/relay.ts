import { join } from 'node:path';
import { openTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts';
import { createServerProcess, type ServerProcess } from './server-process.ts';

/** One real relay, with a hand on its link to upstream. */
export interface Relay extends ServerProcess {
  readonly upstream: TcpProxy;
}

export interface RelayOptions {
  name: string;
  /** Where each new link of it goes: to an instance, or to another relay. */
  upstreamPort: () => number | undefined;
  clockSkew?: number;
  env?: Readonly<Record<string, string>>;
}

const BIN = join(import.meta.dirname, '..', '..', '..', 'server', 'cli', 'bin.ts');

export async function createRelay({ name, upstreamPort, clockSkew = 0, env = {} }: RelayOptions): Promise<Relay> {
  const upstream = await openTcpProxy(upstreamPort);
  const started = createServerProcess({ name, main: BIN, args: ['relay', '--upstream', upstream.url], clockSkew, env });
  const close = async (): Promise<void> => {
    await started.close();
    await upstream.close();
  };
  // `port` changes: it is read from the process.
  return Object.assign(Object.create(started) as ServerProcess, { upstream, close });
}
