import type { CampaignState, ConfigSection } from '../../server/core/document/campaign.ts';
import type { JsonObject, JsonValue } from '../../server/core/json.ts';
import { deepFreeze } from './frozen.ts';
import type { SectionSchema } from './sections.ts';

/**
 * The register of an app's own types, filled by declaration merging: they narrow the document.
 *
 * @example
 * declare module '@campaign-state/client' {
 *   interface Register {
 *     sections: typeof sections;            // sections = defineSections({ ui_content: z.object({ … }) })
 *     features: 'leaderboard' | 'polls';    // where `sections` says nothing of `features`
 *     goals: 'lead' | 'paid';               // what `track` may tell
 *     strict: true;                         // refuses names that are neither the document's nor registered
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

/** The name of a goal: any string, until an app has registered which there are. */
export type GoalName = Register extends { goals: infer G extends string } ? G : string;

/** The document with its features named; an index signature beside them would allow every other name again. */
type WithFeatures = string extends FeatureName
  ? CampaignState
  : { [K in keyof CampaignState as string extends K ? never : K extends 'features' ? never : K]: CampaignState[K] } & {
      features?: FeatureName[];
      [key: string]: unknown;
    };

/** The named members of an open type. */
type Named<T> = { [K in keyof T as string extends K ? never : K]: T[K] };

type Registered = Omit<SectionsOf<Register>, 'features'>;

/** The document of a campaign, narrowed by what the app registered. */
export type CampaignDocument = (Register extends { strict: true } ? Named<WithFeatures> : WithFeatures) & Registered;

/** A section that `updateConfig` can address: one of the document's, or one that the app registered. */
// Without registered sections there are no more names.
// oxlint-disable-next-line typescript/no-redundant-type-constituents
export type SectionName = ConfigSection | (keyof Registered & string);

/** A type with everything in it read-only. */
// Open JSON is not entered: its type is without end.
export type DeepReadonly<T> = JsonValue extends T
  ? T
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T;

/** The document as a snapshot shows it: frozen; any member can be missing before the first snapshot. */
export type CampaignView = DeepReadonly<Partial<CampaignDocument>>;

/** The document as the app types it. The one place of this cast: the server has checked it against the sections. */
export function asDocument(document: JsonObject): CampaignView {
  return deepFreeze(document) as unknown as CampaignView;
}

/**
 * A merge patch of `T`: every member may be left out, and `null` removes it where it is optional. Arrays are replaced
 * whole.
 */
export type Patch<T> = JsonValue extends T
  ? T
  : T extends readonly unknown[]
    ? DeepReadonly<T>
    : T extends object
      ? JsonObject extends T
        ? object
        : PatchMembers<T> | (IsOpen<T> extends true ? PatchMembers<Named<T>> & object : never)
      : T;

type PatchMembers<T> = {
  readonly [K in keyof T]?: Patch<T[K]> | (Record<never, never> extends Pick<T, K> ? null : never);
};

/** Whether `T` takes members of any name and kind: then it takes an interface too, which has no index signature. */
type IsOpen<T> = string extends keyof T ? (JsonValue extends T[string & keyof T] ? true : false) : false;

/**
 * What `update` takes: any part of the document, `null` removes a member.
 *
 * @example { title: 'New title', description: null, ui_content: { banner: 'Hello' } }
 */
export type CampaignUpdates = Patch<CampaignDocument>;

/** What `updateConfig` takes for a section. */
export type SectionValue<S extends SectionName> = Patch<NonNullable<CampaignDocument[S]>>;
