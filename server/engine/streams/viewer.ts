import type { Viewer } from '../../core/document/targeting-fields.ts';
import type { JsonObject } from '../../core/json.ts';
import { CALL_ACTIONS, can, type Identity } from '../../core/permissions.ts';
import { treeOf } from '../../core/stream/apply.ts';
import type { Projector } from '../../core/stream/audience.ts';
import { viewFor, type View, type Views } from '../../core/stream/views.ts';
import { ofClaimedUnits, type UnheldPlace } from '../../core/targeting/held-places.ts';
import { attributesOf } from '../../core/targeting/viewer.ts';
import type { HeldPlacesQuery } from '../campaign/held-places.ts';
import type { LiveCampaign } from '../campaign/live-campaign.ts';
import type { Reader } from '../service.ts';

/** Who reads, and as whom it asked to look. */
export interface ReaderAndViewer {
  readonly reader: Reader;
  /** Whose view it asked for; what the reader is told later (`Reader.viewer`) takes its place. */
  readonly viewer: Viewer | undefined;
  /** Revision of the reader's viewer when it asked: a later one takes the place of `viewer`. */
  readonly viewerRevision: number;
}

/** The view of a reader, and the attributes by which the rules are judged for it. */
export function seenBy(
  { reader, viewer, viewerRevision }: ReaderAndViewer,
  campaignId: string,
  views: Views,
  identity: Identity,
): { readonly view: View; readonly attributes: JsonObject } {
  const named = reader.viewer?.();
  const isReplaced = named !== undefined && named.revision > viewerRevision;
  const said = isReplaced || viewer === undefined ? named?.viewer : viewer;
  const view = viewFor(identity, campaignId, views, viewer !== undefined);
  return { view, attributes: attributesFor(identity, campaignId, said) };
}

/** The places of a viewer of a stream: of rules that come while it looks, too, and whatever view it has then. */
export function streamQuery(
  { id, content }: Pick<LiveCampaign, 'id' | 'content'>,
  attributes: JsonObject,
  projector: Pick<Projector, 'prepared'>,
): HeldPlacesQuery {
  const lines = projector.prepared(treeOf(content))?.holding ?? new Map();
  return { campaignId: id, lines, attributes, goesOn: true };
}

/** What is held of what somebody is shown: nothing where it may look as anybody else. */
export function placesToHold(
  identity: Identity,
  campaignId: string,
  unheld: readonly UnheldPlace[],
): readonly UnheldPlace[] {
  return can(identity, CALL_ACTIONS.explain, campaignId, true) ? [] : ofClaimedUnits(unheld, identity.attributes);
}

/**
 * The attributes by which the rules are judged for a caller: its own, of which its token's claims take precedence;
 * those of whom it asks to see as, where it is an editor.
 */
export function attributesFor(identity: Identity, campaignId: string, said: Viewer | undefined): JsonObject {
  const asks = can(identity, CALL_ACTIONS.explain, campaignId, true);
  return attributesOf(said?.attributes, asks ? undefined : identity.attributes);
}
