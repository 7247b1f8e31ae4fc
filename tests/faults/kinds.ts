import type { FaultKind } from './fault.ts';
import { killStage, stopStage } from './kinds/processes.ts';

/** Every kind of fault by name. Seeds that follow each other begin with kinds that follow each other here. */
export const KINDS: Readonly<Record<string, FaultKind>> = {
  'kill-stage': killStage,
  'stop-stage': stopStage,
};
