import type { JsonObject } from '../../json.ts';

/**
 * JSON Schemas (draft 2020-12) by top-level field of the document. A value has to meet all that stand in its list: the
 * document's own, then the operator's. Each is whole in itself, so that its `$ref`s point into it.
 */
export type DescribedFields = Readonly<Record<string, readonly JsonObject[]>>;

/** Answer of `campaign.schema`. */
export interface DocumentSchema {
  /** Names the schemas: the same for as long as they are. */
  readonly hash: string;
  /** Missing where the caller has named this hash. */
  readonly fields?: DescribedFields;
}
