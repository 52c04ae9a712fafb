import type { CampaignState, ConfigSection } from '../../server/core/campaign.ts';
import type { SectionSchema } from './sections.ts';

/**
 * The place for an app's own narrowing of the document, by declaration merging.
 *
 * @example
 * declare module '@campaign-state/client' {
 *   interface Register { sections: typeof sections }   // sections = defineSections({ ui_content: z.object({ … }) })
 * }
 */
// An interface, empty until an app merges its own member into it: a type alias could not be merged.
// oxlint-disable-next-line typescript/no-empty-object-type
export interface Register {}

type RegisteredSections = Register extends { sections: infer S }
  ? { [K in keyof S]?: S[K] extends SectionSchema<infer Output> ? Output : never }
  : object;

/** The document of a campaign, narrowed by what the app registered. */
export type CampaignDocument = CampaignState & RegisteredSections;

/** A merge patch of `T`: every member may be left out, and `null` removes it. Arrays are replaced whole. */
export type Patch<T> = T extends readonly unknown[] ? T : T extends object ? { [K in keyof T]?: Patch<T[K]> | null } : T;

/**
 * What `update` takes: any part of the document, `null` removes a member.
 *
 * @example { title: 'New title', description: null, ui_content: { banner: 'Hello' } }
 */
export type CampaignUpdates = Patch<CampaignDocument>;

/** What `updateConfig` takes for a section. */
export type SectionValue<S extends ConfigSection> = Patch<NonNullable<CampaignDocument[S]>>;
