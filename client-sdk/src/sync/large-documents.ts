import { loadLargeObjectsBy, provideLargeObjects } from '../../../server/core/document/document-tree.ts';

let isLoading = false;

/**
 * Has the tree for objects of many members loaded when a document first has such an object: most documents never do,
 * and until it is there, what changes is copied whole.
 */
export function loadTreeWhenNeeded(): void {
  loadLargeObjectsBy(() => {
    if (isLoading) return;
    isLoading = true;
    import('../../../server/core/document/persistent-object.ts').then(
      ({ PersistentObject }) => provideLargeObjects(PersistentObject),
      // A page without a network: it is tried again with the next change.
      () => (isLoading = false),
    );
  });
}
