import type { JsonObject, JsonValue } from '../json.ts';
import type { Holdout, Rule, RuleGroup, Segment } from './targeting-fields.ts';

export const CAMPAIGN_STATUSES = ['draft', 'active', 'paused', 'ended'] as const;

/** The lifecycle status of a campaign. Drafts are hidden from callers without a token. */
export type CampaignStatus = (typeof CAMPAIGN_STATUSES)[number];

/** The form for visitors. Open: further members are kept as they are. */
export interface LeadForm {
  fields?: JsonValue[];
  submit_text?: string;
  [key: string]: unknown;
}

/** The content of the page. Open: further members are kept as they are. */
export interface UiContent {
  banner?: string;
  cta?: string;
  lead_form?: LeadForm;
  [key: string]: unknown;
}

/** One component of the page, chosen by its `type`. */
export interface UiComponent {
  type: string;
  [key: string]: unknown;
}

/** A script for conversations with participants, step by step. */
export interface Script {
  main_text?: string;
  steps?: JsonValue[];
  questions?: JsonValue[];
  [key: string]: unknown;
}

/** The communication levels and message types of the campaign. */
export interface Communication {
  levels?: JsonValue;
  types?: JsonValue;
  [key: string]: unknown;
}

/**
 * The document of one campaign, as apps read it. Any key that is not named here is kept as plain JSON, so that
 * modules such as `commerce` need no release of the server. Dates are ISO 8601 strings; `features`, `tags`, `channels`
 * and `i18n_keys` are ordered sets (no string twice).
 */
export interface CampaignState {
  slug: string;
  title: string;
  description?: string;
  status?: CampaignStatus;
  owner_id?: string;
  start_date?: string;
  end_date?: string;
  ranking_formula?: string;
  features?: string[];
  tags?: string[];
  channels?: string[];
  i18n_keys?: string[];
  broadcast_enabled?: boolean;
  ui_content?: UiContent;
  ui_components?: Record<string, UiComponent>;
  views?: JsonObject;
  theme?: Record<string, string | number | boolean>;
  scripts?: Record<string, Script>;
  communication?: Communication;
  scheduling?: JsonObject;
  about?: JsonObject;
  /** Targeting, by name. It is changed by commands of its own, and shown to nobody below `editor`. */
  segments?: Record<string, Segment>;
  rules?: Record<string, Rule>;
  groups?: Record<string, RuleGroup>;
  holdouts?: Record<string, Holdout>;
  [key: string]: unknown;
}

/**
 * A stored document as the type of its schema. The only place of this cast: every stored document has passed `check`,
 * which enforces {@link CampaignState}; the open parts are `unknown` because a JSON index signature would reject the
 * optional fields.
 */
export function asCampaign(document: JsonObject): CampaignState {
  return document as unknown as CampaignState;
}

/** The sections that `campaign.updateConfig` can address. */
export const CONFIG_SECTIONS = ['ui_content', 'scripts', 'communication', 'theme', 'ui_components', 'views'] as const;
export type ConfigSection = (typeof CONFIG_SECTIONS)[number];

/** The fields that are ordered sets of strings. */
export const SET_FIELDS = ['features', 'tags', 'channels', 'i18n_keys'] as const;

/** The form of a campaign id, which is immutable, unlike the document's `slug`. */
export const CAMPAIGN_ID_PATTERN = /^[a-z0-9][a-z0-9_-]{0,63}$/;
