import { z } from 'zod';
import { CAMPAIGN_STATUSES, type CampaignState } from './campaign.ts';
import type { JsonValue } from '../json.ts';
import { LIMITS } from '../limits.ts';
import { TARGETING_SCHEMAS } from './targeting-schema.ts';

/** The fields that {@link CampaignState} names; all others are open. */
type KnownFields = { [K in keyof CampaignState as string extends K ? never : K]-?: NonNullable<CampaignState[K]> };

// What reaches these schemas has passed `cleanJson`, so that "any JSON" needs no second look at its inside.
const anyJson: z.ZodType<JsonValue> = z.any();
const anyObject = z.record(z.string(), anyJson);

const orderedSet = z
  .array(z.string().max(LIMITS.setItemLength))
  .max(LIMITS.setItems)
  .refine((items) => new Set(items).size === items.length, 'must not name anything twice');

const isoDate = z.union([z.iso.date(), z.iso.datetime({ offset: true, local: true })], {
  error: 'must be an ISO 8601 date, such as 2026-05-01 or 2026-05-01T09:00:00Z',
});

const leadForm = z.looseObject({ fields: z.array(anyJson).exactOptional(), submit_text: z.string().exactOptional() });

/** The schemas of the known fields; `check` runs those whose field a change touches. */
export const FIELD_SCHEMAS = {
  slug: z.string().min(1).max(200),
  title: z.string().min(1).max(500),
  description: z.string(),
  status: z.enum(CAMPAIGN_STATUSES),
  owner_id: z.string().max(200),
  start_date: isoDate,
  end_date: isoDate,
  ranking_formula: z.string(),
  features: orderedSet,
  tags: orderedSet,
  channels: orderedSet,
  i18n_keys: orderedSet,
  broadcast_enabled: z.boolean(),
  ui_content: z.looseObject({
    banner: z.string().exactOptional(),
    cta: z.string().exactOptional(),
    lead_form: leadForm.exactOptional(),
  }),
  ui_components: z.record(z.string(), z.looseObject({ type: z.string() })),
  views: anyObject,
  theme: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  scripts: z.record(
    z.string(),
    z.looseObject({
      main_text: z.string().exactOptional(),
      steps: z.array(anyJson).exactOptional(),
      questions: z.array(anyJson).exactOptional(),
    }),
  ),
  communication: z.looseObject({ levels: anyJson.exactOptional(), types: anyJson.exactOptional() }),
  scheduling: anyObject,
  about: anyObject,
  ...TARGETING_SCHEMAS,
} satisfies { [K in keyof KnownFields]: z.ZodType<KnownFields[K]> };

/** The fields that every document must have. */
export const REQUIRED_FIELDS = ['slug', 'title'] as const;
