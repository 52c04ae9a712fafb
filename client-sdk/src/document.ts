import type { CampaignState, ConfigSection } from '../../server/core/document/campaign.ts';
import type { JsonObject } from '../../server/core/json.ts';
import type { SectionSchema } from './sections.ts';

/**
 * The register of an app's own types, filled by declaration merging: they narrow the document.
 *
 * @example
 * declare module '@campaign-state/client' {
 *   interface Register {
 *     sections: typeof sections;            // sections = defineSections({ ui_content: z.object({ … }) })
 *     features: 'leaderboard' | 'polls';    // where `sections` says nothing of `features`
 *   }
 * }
 */
// An interface, empty until an app merges its own members into it: a type alias could not be merged.
// oxlint-disable-next-line typescript/no-empty-object-type
export interface Register {}

type SectionsOf<R> = R extends { sections: infer S }
  ? { [K in keyof S]?: S[K] extends SectionSchema<infer Output> ? Output : never }
  : object;

type FeatureOf<R> = R extends { features: infer F extends string }
  ? F
  : SectionsOf<R> extends { features?: readonly (infer F extends string)[] }
    ? F
    : string;

/** The name of a feature: any string, until an app has registered which there are. */
export type FeatureName = FeatureOf<Register>;

/** The document with its features named; an index signature beside them would allow every other name again. */
type WithFeatures = string extends FeatureName
  ? CampaignState
  : { [K in keyof CampaignState as string extends K ? never : K extends 'features' ? never : K]: CampaignState[K] } & {
      features?: FeatureName[];
      [key: string]: unknown;
    };

/** The document of a campaign, narrowed by what the app registered. */
export type CampaignDocument = WithFeatures & Omit<SectionsOf<Register>, 'features'>;

/** The document as the app types it. The one place of this cast: the server has checked it against the sections. */
export function asDocument(document: JsonObject): Partial<CampaignDocument> {
  return document as unknown as Partial<CampaignDocument>;
}

/** A merge patch of `T`: every member may be left out, and `null` removes it. Arrays are replaced whole. */
export type Patch<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { [K in keyof T]?: Patch<T[K]> | null }
    : T;

/**
 * What `update` takes: any part of the document, `null` removes a member.
 *
 * @example { title: 'New title', description: null, ui_content: { banner: 'Hello' } }
 */
export type CampaignUpdates = Patch<CampaignDocument>;

/** What `updateConfig` takes for a section. */
export type SectionValue<S extends ConfigSection> = Patch<NonNullable<CampaignDocument[S]>>;
