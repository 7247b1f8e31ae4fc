import type { UntilOptions } from '@scrutin/shared/testing/virtual-host.ts';

/** How often servers are looked at that may be down, or on their way up: an error is a "not yet". */
export const LOOK: UntilOptions = { bearErrors: true, everyMs: 50 };
