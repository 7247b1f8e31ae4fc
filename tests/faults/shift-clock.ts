/**
 * Preloaded into a stage (`--import`): its wall clock is as many milliseconds ahead as the file CLOCK_SHIFT_FILE says.
 * Timers and performance.now go on as they are, as they do when an administrator or NTP sets a machine's clock.
 */
import { readFileSync } from 'node:fs';

const file = process.env.CLOCK_SHIFT_FILE!;
const RealDate = Date;
let shift = 0;

class ShiftedDate extends RealDate {
  constructor(...parts: unknown[]) {
    if (parts.length === 0) super(RealDate.now() + shift);
    else super(...(parts as [number]));
  }
  static override now(): number {
    return RealDate.now() + shift;
  }
}
globalThis.Date = ShiftedDate as DateConstructor;

setInterval(() => {
  try {
    shift = Number(readFileSync(file, 'utf8'));
  } catch {
    shift = 0;
  }
}, 20).unref();
