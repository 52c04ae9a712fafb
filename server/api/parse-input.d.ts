import type { z } from 'zod';
/**
 * An input parser for tRPC: the input itself, or one sentence about the first thing that is wrong with it, which names the field
 * and the limit. A plain function, so that no type of zod's reaches the router's type.
 *
 * @example procedure.input(parsedBy(updateInput))
 */
export declare function parsedBy<T>(schema: z.ZodType<T>): (input: unknown) => T;
