// The schema and its invariants are the reconciler's; tests alone look across.
// biome-ignore-start lint/style/noRestrictedImports: see above
export { Ledger } from '@scrutin/operator/ledger/ledger.ts';
export { type FreshLedger, freshLedger, silentLog } from '@scrutin/operator/ledger/testing/fresh-ledger.ts';
// biome-ignore-end lint/style/noRestrictedImports: see above
