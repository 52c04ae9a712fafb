import { Socket } from 'node:net';
import { hostname } from 'node:os';
import pg from 'pg';
import { toConnectionString } from './address.ts';

const CONNECT_TIMEOUT_MS = 5_000;
const IDLE_TIMEOUT_MS = 30_000;
const TRANSACTION_IDLE_TIMEOUT_MS = 10_000;
/** How much longer than the server's own limit for a statement a connection may be silent, at most. */
const MAX_SILENCE_MARGIN_MS = 5_000;
/** A connection without traffic is probed after so long, and given up soon after. */
const KEEPALIVE_DELAY_MS = 10_000;

export interface ConnectionOptions {
  readonly connectionString: string;
  /** The server's limit for one statement, in milliseconds. */
  readonly statementTimeoutMs: number;
  /** Whether a silent connection is given up; `false` for a session that is idle by design. Default true. */
  readonly endWhenSilent?: boolean;
}

/** The configuration of connections to Postgres, and a way to destroy all of them. */
export interface Connections {
  readonly config: pg.ClientConfig;
  /** The statements that begin each session. As startup parameters, poolers would refuse them. */
  readonly sessionSettings: string;
  /**
   * Destroys every connection, also later ones: each pending call rejects. For a stop that cannot wait for an answer.
   */
  destroyAll(): void;
}

/** Configures connections that cannot hang: a dead one is noticed by its silence, whatever TCP believes. */
export function createConnections({
  connectionString,
  statementTimeoutMs,
  endWhenSilent = true,
}: ConnectionOptions): Connections {
  const sockets = new Set<Socket>();
  let destroyed = false;
  const open = (): Socket => {
    const socket = new Socket();
    const silenceTimeoutMs = statementTimeoutMs + Math.min(MAX_SILENCE_MARGIN_MS, statementTimeoutMs);
    // `query_timeout` would give up the answer and keep the dead connection for the next query; closing the socket ends
    // both.
    if (endWhenSilent) socket.setTimeout(silenceTimeoutMs, () => socket.destroy(silence()));
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    if (destroyed) setImmediate(() => socket.destroy(silence()));
    return socket;
  };
  return {
    config: {
      connectionString: toConnectionString(connectionString),
      // Shown in pg_stat_activity, and in the sentence for a namespace that is in use; Postgres cuts it at 63 bytes.
      application_name: `campaign-state ${hostname().slice(0, 40)}:${process.pid}`,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEPALIVE_DELAY_MS,
      stream: open,
    },
    sessionSettings: `set statement_timeout = ${statementTimeoutMs}; set idle_in_transaction_session_timeout = ${TRANSACTION_IDLE_TIMEOUT_MS}`,
    destroyAll: () => {
      destroyed = true;
      for (const socket of sockets) socket.destroy(silence());
    },
  };
}

function silence(): Error {
  return Object.assign(new Error('Postgres has not answered in time.'), { code: 'ETIMEDOUT' });
}

/** `bigint` as a number: versions and milliseconds are far below 2^53. */
const NUMBERS: pg.CustomTypesConfig = {
  getTypeParser: (oid, format) => (oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid, format)),
};

export interface PoolOptions extends ConnectionOptions {
  /** Connections at most. */
  readonly size: number;
  /** An idle connection broke; for the log. The pool replaces it. */
  readonly onError?: ((error: Error) => void) | undefined;
}

/** A pool whose broken connections reject the calls that use them, and never end the process. */
export function createPool({ size, onError, ...options }: PoolOptions): {
  pool: pg.Pool;
  destroyAll: Connections['destroyAll'];
} {
  const { config, sessionSettings, destroyAll } = createConnections(options);
  // Set up by the pool's own hook, which gives the place of a session that ends meanwhile to another one. A pooler lets
  // clients in while its database is away, so that the first statement is where its sessions end.
  const setUp = async (client: pg.ClientBase): Promise<void> => void (await client.query(sessionSettings));
  const pool = new pg.Pool({
    ...config,
    types: NUMBERS,
    max: size,
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
    onConnect: setUp,
  });
  pool.on('error', (error) => onError?.(error));
  // While a client is checked out the pool has no listener on it, and an 'error' without one would end the process; the
  // call that uses the client is rejected.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return { pool, destroyAll };
}
