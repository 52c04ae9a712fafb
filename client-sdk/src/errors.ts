import { isRetryable, type Path, type Reason, type Refusal, REASONS } from '../../server/core/errors.ts';

/**
 * The error of every refused or failed call, with fields that an app can act upon.
 *
 * @example
 * campaign.update({ title: '' }).catch((error) => {
 *   if (error instanceof CampaignError && error.reason === 'INVALID') showFieldError(error.path);
 * });
 */
export class CampaignError extends Error {
  override readonly name = 'CampaignError';
  /** The machine-readable reason: narrower than tRPC's codes, the same on server and client. */
  declare readonly reason: Reason;
  /** Whether the same call may succeed later. The SDK retries mutations for which this is true. */
  declare readonly retryable: boolean;
  /** After how many milliseconds to retry, where the server said so. */
  declare readonly retryAfterMs: number | undefined;
  /** The field at fault, outermost first. */
  declare readonly path: Path | undefined;
  /** The limit that was exceeded. */
  declare readonly limit: number | undefined;
  /** The mutation that was refused. */
  declare readonly mutationId: string | undefined;
  /** With `CONFLICT`: the campaign's present position. */
  declare readonly position: string | undefined;
  /** With `LOCKED`: the id of whom has locked `path`. */
  declare readonly holder: string | undefined;
  /** With `LOCKED`: what the holder says of it. */
  declare readonly note: string | undefined;
  /** With `NOT_FOUND`: when the campaign was deleted, in epoch milliseconds. The SDK has forgotten it then. */
  declare readonly deletedAt: number | undefined;

  constructor(refusal: Refusal, options?: { cause?: unknown }) {
    super(refusal.message, options);
    // Its members are named as the fields are.
    Object.assign(this, refusal, { retryable: isRetryable(refusal) });
  }
}

/** A failed call: refused by the server, or unanswered, so that its outcome is unknown. */
export type CallFailure = { kind: 'refused'; error: CampaignError } | { kind: 'unanswered'; error: CampaignError };

/**
 * Classifies what `@trpc/client` threw. An error without the server's `data` did not come from the server: the link was
 * lost, and whether the call was carried out is not known.
 */
export function readFailure(thrown: unknown): CallFailure {
  const own = thrown instanceof Error && thrown.cause instanceof CampaignError ? thrown.cause : undefined;
  if (own) return { kind: own.reason === 'UNAVAILABLE' ? 'unanswered' : 'refused', error: own };
  const data = dataOf(thrown);
  if (!data) {
    const message =
      thrown instanceof Error && thrown.message !== ''
        ? thrown.message
        : 'The connection was lost before an answer came';
    return {
      kind: 'unanswered',
      error: new CampaignError({ reason: 'UNAVAILABLE', message, retryable: true }, { cause: thrown }),
    };
  }
  return {
    kind: 'refused',
    error: new CampaignError(refusalOf(thrown instanceof Error ? thrown.message : '', data), { cause: thrown }),
  };
}

/** What every call of a closed client ends with. */
export function closedError(): CampaignError {
  return new CampaignError({ reason: 'UNAVAILABLE', message: 'The client has been closed', retryable: false });
}

/** Of arguments that the types do not allow: which one, and what it must be. */
export function invalid(path: Path, what: string, cause?: unknown): CampaignError {
  const message = path.length > 0 ? `${path.join('.')}: ${what}` : what;
  return new CampaignError({ reason: 'INVALID', message, path }, { cause });
}

/** Where no campaign was named, and the server has no default one. */
export function noDefaultCampaign(): CampaignError {
  return new CampaignError({ reason: 'NOT_FOUND', message: 'There is no default campaign: name one' });
}

/**
 * Converts what a call of `client.trpc`, or a hook of TanStack Query, threw into a {@link CampaignError}.
 *
 * @example client.trpc.campaign.create.mutate(input).catch((thrown) => alert(toCampaignError(thrown).reason));
 */
export function toCampaignError(thrown: unknown): CampaignError {
  return thrown instanceof CampaignError ? thrown : readFailure(thrown).error;
}

/** Converts a refusal of the connection, which belongs to no call. */
export function readRefusal(message: string, data: unknown): CampaignError {
  return new CampaignError(refusalOf(message, typeof data === 'object' && data !== null ? { ...data } : {}));
}

function dataOf(thrown: unknown): Record<string, unknown> | undefined {
  if (!(thrown instanceof Error) || !('data' in thrown)) return undefined;
  const { data } = thrown;
  return typeof data === 'object' && data !== null ? { ...data } : undefined;
}

/**
 * Reasons for tRPC's own errors, such as a time that has run out, for which the server names none; others are alike.
 */
const REASON_BY_CODE: Readonly<Record<string, Reason>> = {
  PAYLOAD_TOO_LARGE: 'TOO_LARGE',
  TOO_MANY_REQUESTS: 'RATE_LIMITED',
  INTERNAL_SERVER_ERROR: 'UNAVAILABLE',
  SERVICE_UNAVAILABLE: 'UNAVAILABLE',
  TIMEOUT: 'UNAVAILABLE',
};

/** Details of a refusal that are passed on as they are, with their types. */
const DETAILS: Readonly<Record<string, string>> = {
  retryable: 'boolean',
  retryAfterMs: 'number',
  limit: 'number',
  mutationId: 'string',
  position: 'string',
  holder: 'string',
  note: 'string',
  deletedAt: 'number',
} satisfies Partial<Record<keyof Refusal, string>>;

function refusalOf(message: string, data: Record<string, unknown>): Refusal {
  const code = REASON_BY_CODE[String(data.code)] ?? data.code;
  const reason = REASONS.find((known) => known === data.reason) ?? REASONS.find((known) => known === code) ?? 'INVALID';
  const details = Object.entries(data).filter(([name, value]) => typeof value === DETAILS[name]);
  return {
    // Of the types that the table names.
    ...(Object.fromEntries(details) as Partial<Refusal>),
    reason,
    message,
    ...(Array.isArray(data.path) && {
      path: data.path.filter((step) => typeof step === 'string' || typeof step === 'number'),
    }),
  };
}
