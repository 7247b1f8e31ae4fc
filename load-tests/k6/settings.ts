/** What `npm run load` tells k6 by its environment. */
const setting = (name: string): string => {
  const value = __ENV[name];
  if (!value) throw new Error(`${name} is not set: start this with "npm run load"`);
  return value;
};

export const TARGET = setting('TARGET');
export const RESULTS = setting('RESULTS');
export const LAWS = setting('LAWS').split(',');
export const SCENARIO = setting('SCENARIO');
export const RATE = Number(setting('RATE'));
export const SECONDS = Number(setting('SECONDS'));
/** Number of the first cast: those before were drawn by an earlier run. */
export const FIRST = Number(setting('FIRST'));
/** Files with the roll: in each a header, then `NAS,code` a line. */
export const ROLL = setting('ROLL').split(',');
