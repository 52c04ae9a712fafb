import type { inferRouterOutputs } from '@trpc/server';
import type { AppRouter } from '../../../server/api/procedures/router.ts';
import type { Role } from '../../../server/core/permissions.ts';

/** What a caller may do with a campaign. Until the server has answered nothing is forbidden: it decides in any case. */
export interface AccessView {
  /** Id of the caller; `undefined` until it is known. */
  readonly id: string | undefined;
  /** Role on this campaign; `undefined` where there is none, and until it is known. */
  readonly role: Role | undefined;
  /** Whether the caller has no token; `undefined` until it is known. */
  readonly anonymous: boolean | undefined;
  readonly mayEdit: boolean;
  readonly mayAdminister: boolean;
  /** Whether the caller may read that top-level field of the document. */
  readonly mayRead: (field: string) => boolean;
  /** Whether the caller may write that top-level field of the document. */
  readonly mayWrite: (field: string) => boolean;
}

/** @param info the server's answer; `undefined` while there is none */
export function accessOf(info: inferRouterOutputs<AppRouter>['session']['info'] | undefined): AccessView {
  const { role, anonymous, fields } = info ?? {};
  const mayEdit = !info || (anonymous === false && (role === 'editor' || role === 'admin'));
  return {
    id: info?.id,
    role,
    anonymous,
    mayEdit,
    mayAdminister: !info || (anonymous === false && role === 'admin'),
    mayRead: (field) => !info || (role !== undefined && fields?.hidden.includes(field) !== true),
    mayWrite: (field) => mayEdit && fields?.readOnly.includes(field) !== true,
  };
}
