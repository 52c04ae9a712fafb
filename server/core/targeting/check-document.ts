import { check, type Checked, type Sections } from '../document/check.ts';
import type { DocumentTree } from '../document/document-tree.ts';
import type { JsonObject } from '../json.ts';
import { checkTargeting } from './check-targeting.ts';
import type { TargetingEngine } from './evaluator.ts';

/** The whole validation of a document after a change. */
export type DocumentCheck = (next: DocumentTree, change: JsonObject, documentBytes: number) => Checked;

/** Creates the validation of a server's documents: the shapes, the operator's sections, and the targeting. */
export function createDocumentCheck(sections: Sections, engine: TargetingEngine | undefined): DocumentCheck {
  return (next, change, documentBytes) => {
    const checked = check(next, change, documentBytes, sections);
    if (!checked.ok) return checked;
    return checkTargeting(next, change, {
      ...(engine && { engine }),
      // The size is that of the document, which holds the arms too.
      checkArm: (document, arm) => check(document, arm, 0, sections),
    });
  };
}
