import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { CreateHTTPContextOptions } from '@trpc/server/adapters/standalone';
import type { CreateWSSContextFnOptions } from '@trpc/server/adapters/ws';
import type { Logger } from 'pino';
import { RefusalError } from '../../core/errors.ts';
import type { CampaignService } from '../../engine/service.ts';
import { bearerToken } from '../connection/auth.ts';
import type { Authenticator } from '../connection/auth.ts';
import { createConnection } from '../connection/connection.ts';
import type { AdmissionResult } from '../connection/connection.ts';
import type { ConnectionSlots } from '../connection/connection-slots.ts';
import { CONTRACT } from '../connection/context.ts';
import type { Context } from '../connection/context.ts';
import { CORRELATION_HEADER } from '../correlation.ts';
import { API_LIMITS } from '../limits.ts';
import { logCall } from '../observability/logging.ts';
import { ServerSocket } from './server-socket.ts';
import type { MutationRate } from '../connection/mutation-rate.ts';

/** Options of {@link createAdmission}. */
export interface AdmissionOptions {
  readonly service: CampaignService;
  readonly authenticator: Authenticator;
  readonly rate: MutationRate;
  readonly slots: ConnectionSlots;
  readonly logger: Logger;
  readonly instance: string;
  readonly version: string;
  /** Whether events are pushed to ws connections (`CAMPAIGN_FANOUT=rooms`) or pulled by each subscription. */
  readonly rooms: boolean;
}

/**
 * Admission of callers: the context of every http request and of every ws socket. It never throws: the calls of a
 * caller that is not admitted are refused one by one, with the reason.
 */
export interface Admission {
  /** The context of an http request, for all calls of its batch. */
  forRequest(options: CreateHTTPContextOptions): Promise<Context>;
  /** Calls of all connections that are not answered yet. */
  readonly pendingCalls: number;
  /** The context of a ws socket, which is admitted with its first valid token: now, or by `session.authenticate`. */
  forSocket(socket: ServerSocket, options: CreateWSSContextFnOptions): Promise<Context>;
}

/** tRPC's `connectionParams`, which a ws client sends in its first message. */
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
  const environment = {
    rate,
    rooms,
    now: Date.now,
    onCall(change: 1 | -1) {
      pendingCalls += change;
    },
  };

  async function accessFor(headers: IncomingHttpHeaders, params: Params): Promise<AdmissionResult> {
    try {
      checkContract(headers['x-campaign-contract'] ?? params?.['contract']);
      // A client without a token sends an empty one.
      const token = bearerToken(headers.authorization) ?? (params?.['token'] || undefined);
      return { kind: 'admitted', identity: await authenticator.identify(token) };
    } catch (error) {
      if (error instanceof RefusalError) return { kind: 'refused', error };
      logger.error({ err: error }, 'the authentication failed');
      return { kind: 'refused', error: new RefusalError('UNAVAILABLE', 'The token cannot be verified now') };
    }
  }

  /** The refusal of a request that exceeds a limit; an SSE stream takes a connection slot. */
  function excess({ info, res }: CreateHTTPContextOptions): RefusalError | undefined {
    if (info.calls.length > API_LIMITS.batchCalls) {
      const message = `At most ${API_LIMITS.batchCalls} calls may be batched; this batch has ${info.calls.length}`;
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
      const refusal = excess(options);
      const access = refusal
        ? ({ kind: 'refused', error: refusal } as const)
        : await accessFor(req.headers, info.connectionParams);
      const channel = {
        get unsent() {
          return res.writableLength;
        },
        disconnect: () => void res.destroy(),
      };
      const connection = createConnection(environment, {
        admission: access,
        channel,
        closed: undefined,
        rateKey: undefined,
      });
      return { ...shared, connection, correlationId: correlationOf(res) };
    },

    async forSocket(socket, { req, info }) {
      const access = await accessFor(req.headers, info.connectionParams);
      const rateKey = `ws ${(sockets += 1)}`;
      const connection = createConnection(environment, {
        admission: access,
        channel: socket,
        closed: info.signal,
        rateKey,
      });
      if (access.kind === 'admitted') socket.liveness.admitted = true;
      else connection.onIdentity(() => (socket.liveness.admitted = true));
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

/** The correlation id that the response has already. */
function correlationOf(res: ServerResponse): string | undefined {
  const id = res.getHeader(CORRELATION_HEADER);
  return typeof id === 'string' ? id : undefined;
}
