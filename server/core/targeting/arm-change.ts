import { memberOf, plainOf, type DocumentTree } from '../document/document-tree.ts';
import { diff } from '../document/merge-patch.ts';
import type { ArmChange } from '../document/targeting-fields.ts';
import { isJsonObject, jsonEqual, type JsonObject, type JsonValue } from '../json.ts';
import { applyArm } from './resolve.ts';

/**
 * The change of an arm that makes one document of the other: what `applyArm` undoes. The set of features is added to
 * and removed from where that comes to the same order, so that an arm keeps up with features that come later.
 */
export function armChangeBetween(before: DocumentTree, after: DocumentTree): ArmChange {
  const { features, ...patch } = diff(before, after);
  const { merge, remove } = parted(patch);
  const set = features === undefined ? undefined : setChange(before, after);
  if (features === null) remove.push(['features']);
  else if (features !== undefined && !set) merge['features'] = features;
  return {
    ...(Object.keys(merge).length > 0 && { merge }),
    ...(remove.length > 0 && { remove }),
    ...(set && { features: set }),
  };
}

/** A merge patch in two parts: what it sets, and the paths that its `null` members remove. */
function parted(patch: JsonObject): { merge: JsonObject; remove: string[][] } {
  const merge: JsonObject = {};
  const remove: string[][] = [];
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) remove.push([key]);
    else if (!isJsonObject(value)) merge[key] = value;
    else {
      const inner = parted(value);
      remove.push(...inner.remove.map((path) => [key, ...path]));
      // An object that only removed something sets nothing; an empty one is set.
      if (Object.keys(inner.merge).length > 0 || inner.remove.length === 0) merge[key] = inner.merge;
    }
  }
  return { merge, remove };
}

/** The features that are added and removed; `undefined` where that is not all that happened to them. */
function setChange(before: DocumentTree, after: DocumentTree): ArmChange['features'] {
  const [old, wanted] = [textsOf(before), textsOf(after)];
  if (!old || !wanted) return undefined;
  const add = wanted.filter((item) => !old.includes(item));
  const remove = old.filter((item) => !wanted.includes(item));
  const change = { ...(add.length > 0 && { add }), ...(remove.length > 0 && { remove }) };
  return jsonEqual(textsOf(applyArm(before, { features: change })), wanted) ? change : undefined;
}

function textsOf(document: DocumentTree): string[] | undefined {
  const part = memberOf(document, 'features');
  const value: JsonValue | undefined = part === undefined ? undefined : plainOf(part);
  return Array.isArray(value) && value.every((item) => typeof item === 'string') ? value : undefined;
}
