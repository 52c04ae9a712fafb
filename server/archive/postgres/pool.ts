import { Socket } from 'node:net';
import { hostname } from 'node:os';
import pg from 'pg';

/** How long things may take, in milliseconds. */
const CONNECT_TIMEOUT = 5_000;
const IDLE_TIMEOUT = 30_000;
const TRANSACTION_IDLE_TIMEOUT = 10_000;
/** What a silent link gets beyond the server's own limit for a statement, at most. */
const SILENCE_MARGIN = 5_000;
/** A link without traffic is probed after so long, on both sides, and given up soon after. */
const KEEPALIVE_DELAY = 10_000;

export interface LinkOptions {
  connectionString: string;
  /** The server's limit for one statement, in milliseconds. */
  statementTimeout: number;
  /** `false` for a session that is idle by design. */
  endWhenSilent?: boolean;
}

/** How connections to Postgres are made, and a way to break all of them. */
export interface Links {
  config: pg.ClientConfig;
  /**
   * Breaks every connection, also those to come: whatever waits on one is rejected. For an end that cannot wait for an
   * answer.
   */
  cut: () => void;
}

export function createLinks({ connectionString, statementTimeout, endWhenSilent = true }: LinkOptions): Links {
  const sockets = new Set<Socket>();
  let broken = false;
  const open = (): Socket => {
    const socket = new Socket();
    const patience = statementTimeout + Math.min(SILENCE_MARGIN, statementTimeout);
    // `query_timeout` would give up the answer and keep the dead connection for the next query; closing the socket ends
    // both.
    if (endWhenSilent) socket.setTimeout(patience, () => socket.destroy(silence()));
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    if (broken) setImmediate(() => socket.destroy(silence()));
    return socket;
  };
  return {
    config: {
      connectionString,
      // Shown in pg_stat_activity, and in the sentence for a namespace that is in use; Postgres cuts it at 63 bytes.
      application_name: `campaign-state ${hostname().slice(0, 40)}:${process.pid}`,
      connectionTimeoutMillis: CONNECT_TIMEOUT,
      statement_timeout: statementTimeout,
      idle_in_transaction_session_timeout: TRANSACTION_IDLE_TIMEOUT,
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEPALIVE_DELAY,
      stream: open,
    },
    cut: () => {
      broken = true;
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

export interface PoolOptions extends LinkOptions {
  size: number;
  /** A connection broke that nobody was waiting on; for the log. The pool replaces it. */
  onError?: ((error: Error) => void) | undefined;
}

/**
 * Connections that come and go with Postgres: a broken one rejects the calls that use it, and never ends the process.
 */
export function createPool({ size, onError, ...link }: PoolOptions): { pool: pg.Pool; cut: () => void } {
  const { config, cut } = createLinks(link);
  const pool = new pg.Pool({ ...config, types: NUMBERS, max: size, idleTimeoutMillis: IDLE_TIMEOUT });
  pool.on('error', (error) => onError?.(error));
  // While a client is lent out the pool does not listen to it, and an 'error' that nobody hears would end the process;
  // the call that borrowed the client hears of it by its rejection.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return { pool, cut };
}
