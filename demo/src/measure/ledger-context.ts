import { createContext, use } from 'react';
import type { Ledger } from './ledger.ts';

const LedgerContext = createContext<Ledger | undefined>(undefined);

export const LedgerProvider = LedgerContext.Provider;

export function useLedger(): Ledger {
  const ledger = use(LedgerContext);
  if (!ledger) throw new Error('useLedger: there is no LedgerProvider above');
  return ledger;
}
