import { isObjectPart, memberOf, withMember, withMembers, type DocumentTree } from '../document/document-tree.ts';
import { changeSet } from '../document/ordered-set.ts';
import { patchTree } from '../document/merge-patch.ts';
import { TARGETING_FIELDS, type ArmChange } from '../document/targeting-fields.ts';
import type { Assignments } from './evaluate.ts';
import type { Targeting } from './targeting.ts';

/**
 * The document as those with that outcome see it: the arms' changes in the order of the rules, each on the result of
 * those before it, and none of the targeting itself. What no arm touches is shared with the document.
 *
 * @param assignments the outcome; an arm that is not there changes nothing
 */
export function resolve(
  document: DocumentTree,
  targeting: Targeting | undefined,
  assignments: Assignments,
): DocumentTree {
  if (!targeting) return document;
  let resolved = withoutTargeting(document);
  for (const rule of targeting.rules) {
    const arm = Object.hasOwn(assignments, rule.key) ? assignments[rule.key]?.arm : undefined;
    const change = arm !== undefined && Object.hasOwn(rule.arms, arm) ? rule.arms[arm]?.change : undefined;
    if (change) resolved = applyArm(resolved, change);
  }
  return resolved;
}

/** The document without the four fields. */
export function withoutTargeting(document: DocumentTree): DocumentTree {
  const present = TARGETING_FIELDS.filter((field) => memberOf(document, field) !== undefined);
  return present.length === 0
    ? document
    : withMembers(
        document,
        present.map((field) => [field, undefined]),
      );
}

/** The document after the change of an arm: the merge patch, then what is removed, then the features. */
export function applyArm(document: DocumentTree, { merge, remove = [], features }: ArmChange): DocumentTree {
  let changed = merge === undefined ? document : patchTree(document, merge);
  for (const path of remove) changed = removeAt(changed, path);
  if (features?.remove?.length) changed = changeSet(changed, 'features', features.remove, 'remove');
  return features?.add?.length ? changeSet(changed, 'features', features.add, 'add') : changed;
}

/** The document without what stands at a path; the document itself where nothing does. */
function removeAt(tree: DocumentTree, [key, ...rest]: readonly string[]): DocumentTree {
  const member = key === undefined ? undefined : memberOf(tree, key);
  if (key === undefined || member === undefined) return tree;
  if (rest.length === 0) return withMember(tree, key, undefined, false);
  if (!isObjectPart(member)) return tree;
  const without = removeAt(member, rest);
  return without === member ? tree : withMember(tree, key, without, false);
}

/** The top-level fields that the change of an arm names. */
export function fieldsOf({ merge = {}, remove = [], features }: ArmChange): readonly string[] {
  const removed = remove.flatMap(([field]) => (field === undefined ? [] : [field]));
  return [...new Set([...Object.keys(merge), ...removed, ...(features ? ['features'] : [])])];
}
