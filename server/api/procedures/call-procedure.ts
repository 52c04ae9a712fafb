import { TRPCError } from '@trpc/server';
import type { Context } from '../connection/context.ts';
import { appRouter } from './router.ts';

/** A call by its path, as tRPC's adapters make it. */
export interface ProcedureCall {
  readonly ctx: Context;
  readonly path: string;
  readonly type: 'query' | 'mutation' | 'subscription';
  readonly input: unknown;
  readonly signal: AbortSignal | undefined;
}

/** A procedure, as tRPC's adapters call it. */
interface CallableProcedure {
  (options: Omit<ProcedureCall, 'input'> & { readonly getRawInput: () => Promise<unknown> }): Promise<unknown>;
  readonly _def: { readonly type: ProcedureCall['type'] };
}

// tRPC's types say what a procedure takes and returns, not how it is called.
const procedures = appRouter._def.procedures as unknown as Readonly<Record<string, CallableProcedure>>;

/**
 * Calls a procedure by its path. It runs up to its place in the order of its connection before this returns.
 *
 * @throws TRPCError `NOT_FOUND` where there is none of that path and type; what the procedure throws
 */
export function callProcedure({ ctx, path, type, input, signal }: ProcedureCall): Promise<unknown> {
  const procedure = Object.hasOwn(procedures, path) ? procedures[path] : undefined;
  if (!procedure || procedure._def.type !== type)
    throw new TRPCError({ code: 'NOT_FOUND', message: `No "${type}"-procedure on path "${path}"` });
  const rawInput = Promise.resolve(input);
  return procedure({ ctx, path, type, signal, getRawInput: () => rawInput });
}
