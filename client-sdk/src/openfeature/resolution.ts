import type { JsonValue } from '../../../server/core/json.ts';
import type { Evaluation, FlagKind } from './evaluation.ts';
import type { FlagSource } from './flag-source.ts';

/** OpenFeature's `ResolutionDetails`; `C` is the `ErrorCode` of the SDK in use. */
export interface Resolution<T, C> {
  value: T;
  reason: string;
  /** The viewer's arm in the rule of the flag's name. */
  variant?: string;
  errorCode?: C;
  errorMessage?: string;
  flagMetadata: { campaignId: string; version: number };
}

type ErrorCodes<C> = Readonly<Record<Extract<Evaluation, { kind: 'error' }>['code'], C>>;

/** An evaluation as OpenFeature's `ResolutionDetails`. */
export function resolve<T extends JsonValue, C>(
  source: FlagSource,
  codes: ErrorCodes<C>,
  key: string,
  kind: FlagKind,
  defaultValue: T,
): Resolution<T, C> {
  const flagMetadata = source.metadata();
  const evaluation = source.evaluate(key, kind);
  if (evaluation.kind === 'error') {
    return {
      value: defaultValue,
      reason: 'ERROR',
      errorCode: codes[evaluation.code],
      errorMessage: evaluation.message,
      flagMetadata,
    };
  }
  // `evaluate` has compared it with `kind`, which is that of `T`.
  const { value, reason, variant } = evaluation;
  return { value: value as T, reason, ...(variant !== undefined && { variant }), flagMetadata };
}
