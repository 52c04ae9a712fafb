import { hash } from 'node:crypto';
import type { Sections } from '../../core/document/check.ts';
import { describeFields } from '../../core/document/described/describe-fields.ts';
import type { DescribedFields, DocumentSchema } from '../../core/document/described/described-fields.ts';
import { CALL_ACTIONS, can, type Rights } from '../../core/permissions.ts';
import { fieldAccessFor, hides, viewFor, viewKey, type Views } from '../../core/stream/views.ts';
import { forbidden } from '../refusals.ts';
import type { CampaignService } from '../service.ts';

/** 96 bits: nobody gains by two schemas of one hash. */
const HASH_CHARACTERS = 16;

/** What callers are told of the fields of documents: which are kept from them, and what the others may hold. */
export function createDocumentFields(
  sections: Sections,
  views: Views,
  rights: Rights,
): Pick<CampaignService, 'schema' | 'fieldAccess'> {
  /** One for each view of a role. */
  const made = new Map<string, Required<DocumentSchema>>();
  let all: DescribedFields | undefined;

  return {
    fieldAccess: (identity, campaignId) => fieldAccessFor(identity, campaignId, views, rights),

    schema({ identity }, campaignId, known) {
      if (!can(identity, CALL_ACTIONS.schema, campaignId, true)) throw forbidden(campaignId, 'schema');
      const view = viewFor(identity, campaignId, views);
      const key = viewKey(view);
      let schema = made.get(key);
      if (!schema) {
        all ??= describeFields(sections);
        const fields = Object.fromEntries(Object.entries(all).filter(([field]) => !hides(view, field)));
        schema = { hash: hash('sha256', JSON.stringify(fields), 'base64url').slice(0, HASH_CHARACTERS), fields };
        made.set(key, schema);
      }
      return schema.hash === known ? { hash: known } : schema;
    },
  };
}
