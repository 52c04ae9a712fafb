import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { CreateHTTPContextOptions } from '@trpc/server/adapters/standalone';
import type { CreateWSSContextFnOptions } from '@trpc/server/adapters/ws';
import type { Logger } from 'pino';
import { RefusalError } from '../../core/errors.ts';
import type { CampaignService } from '../../engine/service.ts';
import { bearerToken } from '../connection/auth.ts';
import type { Authenticator } from '../connection/auth.ts';
import { createConnection } from '../connection/connection.ts';
import type { Access } from '../connection/connection.ts';
import type { ConnectionSlots } from '../connection/connection-slots.ts';
import { CONTRACT } from '../connection/context.ts';
import type { Context } from '../connection/context.ts';
import { CORRELATION_HEADER } from '../correlation.ts';
import { API_LIMITS } from '../limits.ts';
import { logCall } from '../observability/logging.ts';
import { ServerSocket } from './server-socket.ts';
import type { MutationRate } from '../connection/mutation-rate.ts';

export interface AdmissionOptions {
  service: CampaignService;
  authenticator: Authenticator;
  rate: MutationRate;
  slots: ConnectionSlots;
  logger: Logger;
  instance: string;
  version: string;
  /**
   * Whether events are pushed to ws connections by rooms (`CAMPAIGN_FANOUT`); else each subscription is pulled by
   * itself.
   */
  rooms: boolean;
}

/**
 * Makes the context of every http request and of every ws socket. Nothing is thrown: who is not let in is told at each
 * call.
 */
export interface Admission {
  forRequest(options: CreateHTTPContextOptions): Promise<Context>;
  /** Calls that wait for their answer, over all connections. */
  readonly pendingCalls: number;
  /** The socket counts as admitted once somebody was let in, now or later by `session.authenticate`. */
  forSocket(socket: ServerSocket, options: CreateWSSContextFnOptions): Promise<Context>;
}

type Params = Readonly<Record<string, string | undefined>> | null;

export function createAdmission({
  service,
  authenticator,
  rate,
  slots,
  logger,
  instance,
  version,
  rooms,
}: AdmissionOptions): Admission {
  const shared = {
    service,
    instance,
    version,
    authenticate: (token: string) => authenticator.identify(token),
    report: (call: Parameters<Context['report']>[0]) => logCall(logger, call),
  };
  let sockets = 0;
  let pendingCalls = 0;
  const surroundings = {
    rate,
    rooms,
    now: Date.now,
    onCall(change: 1 | -1) {
      pendingCalls += change;
    },
  };

  async function accessFor(headers: IncomingHttpHeaders, params: Params): Promise<Access> {
    try {
      checkContract(headers['x-campaign-contract'] ?? params?.['contract']);
      // An empty token is what a client sends that has none.
      const token = bearerToken(headers.authorization) ?? (params?.['token'] || undefined);
      return { kind: 'admitted', identity: await authenticator.identify(token) };
    } catch (error) {
      if (error instanceof RefusalError) return { kind: 'refused', error };
      logger.error({ err: error }, 'a caller could not be identified');
      return { kind: 'refused', error: new RefusalError('UNAVAILABLE', 'The caller cannot be identified now') };
    }
  }

  /** What a request asks for beyond what one client may take. */
  function excess({ info, res }: CreateHTTPContextOptions): RefusalError | undefined {
    if (info.calls.length > API_LIMITS.batchCalls) {
      const message = `At most ${API_LIMITS.batchCalls} calls may be batched; these are ${info.calls.length}`;
      return new RefusalError('TOO_LARGE', message, { limit: API_LIMITS.batchCalls });
    }
    if (info.type !== 'subscription') return undefined;
    const free = slots.take('sse');
    if (!free) return slots.refusal();
    res.once('close', free);
    return undefined;
  }

  return {
    get pendingCalls() {
      return pendingCalls;
    },

    async forRequest(options) {
      const { req, res, info } = options;
      const tooMuch = excess(options);
      const access = tooMuch
        ? ({ kind: 'refused', error: tooMuch } as const)
        : await accessFor(req.headers, info.connectionParams);
      const transport = {
        get unsent() {
          return res.writableLength;
        },
        disconnect: () => void res.destroy(),
      };
      const connection = createConnection(surroundings, { access, transport, closed: undefined, rateKey: undefined });
      return { ...shared, connection, correlationId: correlationOf(res) };
    },

    async forSocket(socket, { req, info }) {
      const access = await accessFor(req.headers, info.connectionParams);
      const rateKey = `ws ${(sockets += 1)}`;
      const connection = createConnection(surroundings, { access, transport: socket, closed: info.signal, rateKey });
      if (access.kind === 'admitted') socket.life.admitted = true;
      else connection.onIdentity(() => (socket.life.admitted = true));
      return { ...shared, connection, correlationId: undefined };
    },
  };
}

function checkContract(contract: string | string[] | undefined): void {
  if (contract === undefined || contract === CONTRACT) return;
  throw new RefusalError(
    'UPGRADE_REQUIRED',
    `This server speaks contract ${CONTRACT}, not ${JSON.stringify(contract).slice(0, 40)}; update the client`,
  );
}

/** The id that the response carries already. */
function correlationOf(res: ServerResponse): string | undefined {
  const id = res.getHeader(CORRELATION_HEADER);
  return typeof id === 'string' ? id : undefined;
}
