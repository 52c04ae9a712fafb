import type { IncomingMessage, ServerResponse } from 'node:http';
import { parseConnectionParamsFromString } from '@trpc/server/http';
import type { CreateHTTPContextOptions } from '@trpc/server/adapters/standalone';
import type { CreateWSSContextFnOptions } from '@trpc/server/adapters/ws';
import type { Logger } from 'pino';
import { findUnsafeInteger, unsafeIntegerRefusal } from '../../core/document/issues/unsafe-integer.ts';
import { RefusalError } from '../../core/errors.ts';
import type { CampaignService } from '../../engine/service.ts';
import type { AccessKeys } from '../../access/access-keys.ts';
import type { AuditedCall, AuditEvents } from '../../audit/audit-events.ts';
import type { AuditService } from '../../audit/audit-service.ts';
import type { SnapshotService } from '../../snapshot/snapshot-service.ts';
import { bearerToken } from '../connection/auth.ts';
import type { Authenticator } from '../connection/auth.ts';
import type { RelaySettings } from '../../core/stream/replica.ts';
import type { Upstream } from '../connection/upstream.ts';
import { createRelayedConnections } from './relayed-connections.ts';
import { createConnection, tooManyCalls } from '../connection/connection.ts';
import type { AdmissionResult } from '../connection/connection.ts';
import { addressKey, type CallerPlace, type CallerPlaces } from '../connection/caller-places.ts';
import type { ConnectionSlots } from '../connection/connection-slots.ts';
import { CONTRACT } from '../connection/context.ts';
import type { CallReport, Context } from '../connection/context.ts';
import { bytesSaved } from '../compression.ts';
import { CORRELATION_HEADER } from '../correlation.ts';
import { API_LIMITS } from '../limits.ts';
import type { CallLog } from '../observability/call-log.ts';
import { ServerSocket } from './ws/server-socket.ts';
import type { MutationRate } from '../connection/mutation-rate.ts';
import type { FairTurns } from '../connection/fair-turns.ts';
import { PRICES } from '../connection/work-budget.ts';
import type { WorkBudgets } from '../connection/work-budget.ts';
import type { ClientAddress } from '../connection/client-address.ts';

/** Options of {@link createAdmission}. */
export interface AdmissionOptions {
  readonly service: CampaignService;
  readonly authenticator: Authenticator;
  readonly accessKeys: AccessKeys | undefined;
  readonly snapshots: SnapshotService | undefined;
  readonly audit: AuditService | undefined;
  readonly auditEvents: AuditEvents | undefined;
  /** Whether the audit may hold network addresses. */
  readonly auditAddresses: boolean;
  readonly rate: MutationRate;
  readonly eventRate: MutationRate;
  readonly budgets: WorkBudgets;
  readonly turns: FairTurns;
  readonly addressOf: ClientAddress;
  readonly slots: ConnectionSlots;
  readonly places: CallerPlaces;
  readonly logger: Logger;
  readonly callLog: CallLog;
  /** Called with each request whose response is a stream. */
  readonly onStream: (req: IncomingMessage) => void;
  readonly instance: string;
  readonly version: string;
  /** What relays of this server are told of it. */
  readonly relaySettings: RelaySettings;
  /** Where this server is a relay: the server that it stands before. */
  readonly upstream: Upstream | undefined;
  /** Whether events are pushed to ws connections (`CAMPAIGN_FANOUT=rooms`) or pulled by each subscription. */
  readonly rooms: boolean;
  /** Whether calls are answered without tRPC's chain of middlewares (`CAMPAIGN_CALLS=direct`). */
  readonly directCalls: boolean;
}

/**
 * Admission of callers: the context of every http request and of every ws socket. It never throws: the calls of a
 * caller that is not admitted are refused one by one, with the reason.
 */
export interface Admission {
  /**
   * Admits the caller of an http request before its body is read.
   *
   * @returns how many bytes the body may have, and who pays for it (`Connection.payer`)
   */
  admitRequest(req: IncomingMessage): Promise<{ readonly limit: number; readonly payer: string }>;
  /** Why each call of an http request is refused that has no token, and whose address has to wait. */
  owing(req: IncomingMessage): RefusalError | undefined;
  /** Refuses the calls of an admitted request; those of one that was refused stay so for its own reason. */
  refuse(req: IncomingMessage, error: RefusalError): void;
  /** Why the calls of an admitted request are refused; `undefined` where they are not. */
  refusalOf(req: IncomingMessage): RefusalError | undefined;
  /** Charges and logs calls that are refused before tRPC sees them. */
  reportRefused(req: IncomingMessage, error: RefusalError, paths: readonly string[], correlationId: string): void;
  /** Takes the body of an admitted request; refuses the calls of one that holds an integer that would be rounded. */
  takeBody(req: IncomingMessage, body: string): void;
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
  accessKeys,
  snapshots,
  audit,
  auditEvents,
  auditAddresses,
  rate,
  eventRate,
  budgets,
  turns,
  addressOf,
  slots,
  places,
  logger,
  callLog,
  onStream,
  instance,
  version,
  rooms,
  directCalls,
  relaySettings,
  upstream,
}: AdmissionOptions): Admission {
  const shared = {
    service,
    accessKeys,
    snapshots,
    audit,
    instance,
    version,
    directCalls,
    relaySettings,
    upstream,
    openConnections: slots.open,
    authenticate: authenticator.identify,
  };
  /** The results for requests that were admitted before their body was read. */
  const results = new WeakMap<IncomingMessage, AdmissionResult>();
  /** The ids of those that have a valid token. */
  const callers = new WeakMap<IncomingMessage, string>();
  /** The lengths of their bodies, in characters. */
  const bodyLengths = new WeakMap<IncomingMessage, number>();
  let sockets = 0;
  let pendingCalls = 0;
  const environment = {
    rate,
    eventRate,
    budgets,
    turns,
    places,
    rooms,
    instance,
    auditAddresses,
    now: Date.now,
    onCall(change: 1 | -1) {
      pendingCalls += change;
    },
  };

  authenticator.onRevoked((isRevoked) => {
    for (const connection of places.connections()) {
      const identity = connection.identity();
      // As an expired token: calls and subscriptions are refused, and a new token makes them go on.
      if (isRevoked(identity)) connection.replaceIdentity({ ...identity, expiresAt: 0 });
    }
  });

  /** The call log for the calls of a connection. The address is found now: a closed socket has none. */
  function reportFrom(req: IncomingMessage): Context['report'] {
    const address = addressOf(req);
    return (call) => {
      // What a relay forwards is reported as its caller's.
      if (call.path.startsWith('relay.') && call.outcome.kind === 'ok') return;
      callLog.report(call, address);
      auditEvents?.onCall(auditedCall(call));
    };
  }

  /** The token that a caller shows. A client without one sends an empty one. */
  const tokenOf = ({ headers }: IncomingMessage, params: Params): string | undefined =>
    bearerToken(headers.authorization) ?? (params?.['token'] || undefined);

  /** The callers of the relay that a connection is, once it says that it is one. */
  const relayedBy = createRelayedConnections({
    environment,
    places,
    upstream,
    identify: shared.authenticate,
    contextOf: (connection, report, correlationId) => ({
      ...shared,
      connection,
      relayed: () => undefined,
      report,
      correlationId,
    }),
  });

  async function accessFor(req: IncomingMessage, params: Params): Promise<AdmissionResult> {
    const { headers } = req;
    let token: string | undefined;
    try {
      checkContract(headers['x-campaign-contract'] ?? params?.['contract']);
      token = tokenOf(req, params);
      return { kind: 'admitted', identity: await authenticator.identify(token) };
    } catch (error) {
      if (!(error instanceof RefusalError)) logger.error({ err: error }, 'the authentication failed');
      return { kind: 'refused', error: chargeRejected(req, token, error) };
    }
  }

  /** Charges the address of a caller that is not admitted; a caller that has to wait is told so instead. */
  function chargeRejected(req: IncomingMessage, token: string | undefined, error: unknown): RefusalError {
    const address = addressOf(req);
    const waitMs = budgets.addresses.waitMs(address);
    budgets.addresses.charge(address, token === undefined ? PRICES.refusal : PRICES.authentication);
    if (waitMs > 0) return tooManyCalls(waitMs);
    return error instanceof RefusalError ? error : new RefusalError('UNAVAILABLE', 'The token cannot be verified now');
  }

  /**
   * The refusal of a request that exceeds a limit; an SSE stream takes a connection slot, and a place of its caller.
   */
  function excess({ info, req, res }: CreateHTTPContextOptions): RefusalError | CallerPlace | undefined {
    if (info.calls.length > API_LIMITS.batchCalls) {
      const message = `At most ${API_LIMITS.batchCalls} calls may be batched; this batch has ${info.calls.length}`;
      return new RefusalError('TOO_LARGE', message, { limit: API_LIMITS.batchCalls });
    }
    if (info.type !== 'subscription') return undefined;
    onStream(req);
    const place = places.take(addressKey(addressOf(req)));
    if (!place) return places.refusal();
    const free = slots.take('sse');
    if (!free) {
      place.release();
      return slots.refusal();
    }
    res.once('close', () => {
      free();
      place.release();
    });
    return place;
  }

  return {
    get pendingCalls() {
      return pendingCalls;
    },

    async admitRequest(req) {
      const result = await accessFor(req, paramsOf(req.url));
      results.set(req, result);
      if (result.kind === 'admitted' && result.identity.anonymous !== true) {
        const { id } = result.identity;
        callers.set(req, id);
        return { limit: API_LIMITS.messageBytes, payer: id };
      }
      return { limit: API_LIMITS.unadmittedBytes, payer: addressOf(req) };
    },

    owing(req) {
      if (req.headers.authorization !== undefined || paramsOf(req.url) !== null) return undefined;
      const waitMs = budgets.addresses.waitMs(addressOf(req));
      return waitMs > 0 ? tooManyCalls(waitMs) : undefined;
    },

    refuse(req, error) {
      if (results.get(req)?.kind !== 'refused') results.set(req, { kind: 'refused', error });
    },

    refusalOf(req) {
      const result = results.get(req);
      return result?.kind === 'refused' ? result.error : undefined;
    },

    reportRefused(req, { refusal }, paths, correlationId) {
      const caller = callers.get(req);
      const points = PRICES.refusal * (1 + paths.length);
      if (caller === undefined) budgets.addresses.charge(addressOf(req), points);
      else budgets.callers.charge(caller, points);
      const type = req.method === 'GET' ? 'query' : 'mutation';
      const origin = { instance, transport: 'http' } as const;
      const report = reportFrom(req);
      for (const path of paths)
        report({
          path,
          type,
          campaignId: undefined,
          actor: caller,
          origin,
          correlationId,
          milliseconds: 0,
          outcome: { kind: 'refused', refusal },
        });
    },

    takeBody(req, body) {
      bodyLengths.set(req, body.length);
      const found = findUnsafeInteger(body);
      if (!found || results.get(req)?.kind === 'refused') return;
      const { reason, message, ...details } = unsafeIntegerRefusal(found);
      results.set(req, { kind: 'refused', error: new RefusalError(reason, message, details) });
    },

    async forRequest(options) {
      const { req, res, info } = options;
      const found = excess(options);
      const isExcess = found instanceof RefusalError;
      const access = isExcess
        ? ({ kind: 'refused', error: found } as const)
        : (results.get(req) ?? (await accessFor(req, info.connectionParams)));
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
        place: isExcess ? undefined : found,
        isBatch: info.calls.length > 1,
        transport: info.type === 'subscription' ? 'sse' : 'http',
        address: addressOf(req),
      });
      connection.chargeInput(bodyLengths.get(req) ?? 0, info.calls.length);
      const { socket } = req;
      const before = socket.bytesWritten;
      if (found && !isExcess) found.connection = connection;
      if (res.closed) connection.leave();
      else res.once('close', () => connection.leave());

      if (info.type !== 'subscription')
        res.once('close', () => connection.chargeAnswer(socket.bytesWritten - before + bytesSaved(res)));
      if (access.kind === 'admitted')
        upstream?.onCaller(connection, {
          token: tokenOf(req, info.connectionParams ?? paramsOf(req.url)),
          address: addressOf(req),
          transport: info.type === 'subscription' ? 'sse' : 'http',
        });
      return {
        ...shared,
        connection,
        relayed: () => undefined,
        report: reportFrom(req),
        correlationId: correlationOf(res),
      };
    },

    async forSocket(socket, { req, info }) {
      const access = await accessFor(req, info.connectionParams);
      const rateKey = `ws ${(sockets += 1)}`;
      const connection = createConnection(environment, {
        admission: access,
        channel: socket,
        closed: info.signal,
        rateKey,
        place: socket.place,
        transport: 'ws',
        address: addressOf(req),
      });
      if (socket.place) socket.place.connection = connection;
      const isAdmitted = connection.isAdmitted();
      const isAnonymous = connection.identity().anonymous === true;
      if (isAdmitted) socket.admit(!isAnonymous);
      else connection.charge(PRICES.unadmittedConnection);
      if (!isAdmitted || isAnonymous) connection.onIdentity(() => socket.admit(true));
      if (isAdmitted) {
        const token = tokenOf(req, info.connectionParams);
        upstream?.onCaller(connection, { token, address: addressOf(req), transport: 'ws' });
      } else upstream?.onCaller(connection, { address: addressOf(req), transport: 'ws' });
      const report = reportFrom(req);
      const relayed = relayedBy(connection, info.signal, report);
      return { ...shared, connection, relayed, report, correlationId: undefined };
    },
  };
}

/** What the audit records a call by. */
function auditedCall({ outcome, ...call }: CallReport): AuditedCall {
  return {
    ...call,
    failed: outcome.kind === 'failed',
    ...(outcome.kind === 'refused' && { reason: outcome.refusal.reason }),
  };
}

/** The connection parameters in the URL of an http request, as tRPC reads them. */
function paramsOf(url: string | undefined): Params {
  const text = new URL(`http://host${url ?? '/'}`).searchParams.get('connectionParams');
  try {
    return text === null ? null : parseConnectionParamsFromString(text);
  } catch {
    // tRPC refuses the request for it.
    return null;
  }
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
