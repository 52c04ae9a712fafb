import { OPEN, type Shape } from './model/shape.ts';
import { useDocumentShapes } from './use-document-shapes.ts';

/** The shape of the page's modules; `undefined` until it is known. */
export function useModuleShape(): Shape | undefined {
  const modules = useDocumentShapes()?.('ui_components');
  return modules && ((modules.kind === 'object' ? modules.rest : undefined) ?? OPEN);
}
