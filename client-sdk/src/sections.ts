/** A section's schema: the part of Standard Schema that is read here; zod, valibot, arktype and others have it. */
export interface SectionSchema<Output = unknown> {
  readonly '~standard': { readonly types?: { readonly output: Output } | undefined };
}

/**
 * Declares narrower shapes for parts of the document, in a file that app and server share: `createCampaignServer({
 * sections })` enforces them, and `Register` makes the SDK's types follow.
 *
 * @example
 * export const sections = defineSections({ ui_content: z.object({ banner: z.string().max(80) }) });
 * declare module '@campaign-state/client' { interface Register { sections: typeof sections } }
 */
export function defineSections<const S extends Readonly<Record<string, SectionSchema>>>(sections: S): S {
  return sections;
}
