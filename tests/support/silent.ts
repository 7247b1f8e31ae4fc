import type { Telling } from '../../scripts/servers/servers.ts';

/** For steps of which a test's reader need not hear. */
export const SILENT: Telling = { step: (_title, work) => work(() => {}), note: () => {} };
