import { getTRPCErrorFromUnknown } from '@trpc/server';
import { RefusalError } from '../../core/errors.ts';
import type { Context } from '../connection/context.ts';
import { forwarded } from './forwarded-call.ts';
import { runCall, type CallContext, type CallOutcome, type CallRules, type CallType } from './run-call.ts';

/** What tRPC's adapters and callers give a procedure, as far as it is read here. */
interface CallOptions {
  readonly ctx: Context;
  readonly path: string;
  readonly type: CallType;
  readonly signal: AbortSignal | undefined;
  readonly getRawInput: () => Promise<unknown>;
}

interface ResolverOptions extends Omit<CallOptions, 'ctx'> {
  readonly ctx: CallContext;
  readonly input: unknown;
}

/** A procedure as tRPC's builder makes it; `_def` holds all that it was built of. */
interface BuiltProcedure {
  (options: CallOptions): Promise<unknown>;
  readonly _def: {
    readonly type: CallType;
    readonly meta?: CallRules | undefined;
    readonly inputs: readonly ((input: unknown) => unknown)[];
    readonly output?: unknown;
    readonly middlewares: readonly unknown[];
    readonly resolver: (options: ResolverOptions) => unknown;
  };
}

/**
 * Answers the calls of a router without tRPC's chain of middlewares, which copies all options of a call five times: the
 * same parsers and resolvers, run by {@link runCall} alone. A procedure with anything else in its chain stays as it is.
 * A context without `directCalls` takes tRPC's own way.
 *
 * @example
 * export const appRouter = answerDirectly(router({ campaign: campaignRouter }));
 */
export function answerDirectly<R extends { readonly _def: { readonly procedures: object } }>(appRouter: R): R {
  // tRPC's types say what a procedure takes and returns, not what it is built of.
  const procedures = appRouter._def.procedures as Record<string, BuiltProcedure>;
  for (const [path, procedure] of Object.entries(procedures)) procedures[path] = directly(procedure);
  return appRouter;
}

function directly(procedure: BuiltProcedure): BuiltProcedure {
  const { type, meta, inputs, output, middlewares, resolver } = procedure._def;
  const [parse] = inputs;
  // `runCall`'s, that of the parser, and the resolver's.
  const isPlain = inputs.length <= 1 && output === undefined && middlewares.length === inputs.length + 2;
  if (!meta || !isPlain) return procedure;

  const answer = async ({ ctx, path, signal, getRawInput }: CallOptions): Promise<unknown> => {
    const outcome = await runCall({ ctx, path, type, getRawInput, rules: meta }, async (call): Promise<CallOutcome> => {
      try {
        if (ctx.upstream?.forwards(path)) {
          // Without a parser the input is not read: over http there may be none.
          const input = parse && (await getRawInput());
          return { ok: true, data: await forwarded(ctx.upstream, ctx, call, { type, input, signal }) };
        }
        const input = parse?.(await getRawInput());
        const data = await resolver({ ctx: { ...ctx, call }, path, type, signal, getRawInput, input });
        return { ok: true, data };
      } catch (cause) {
        // tRPC would make an error of its own around a refusal, and write its stack out, which nobody reads.
        return { ok: false, error: cause instanceof RefusalError ? cause : getTRPCErrorFromUnknown(cause) };
      }
    });
    return outcome.data;
  };
  return Object.assign(
    (options: CallOptions) => (options.ctx.directCalls || options.ctx.upstream ? answer(options) : procedure(options)),
    procedure,
  );
}
