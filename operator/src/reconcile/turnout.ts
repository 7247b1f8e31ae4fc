/** Votes as a share of what could be cast, in per cent with two decimals; empty before there is an electorate. */
export const turnoutOf = (votes: number, possible: number): string =>
  possible === 0 ? '' : `${((100 * votes) / possible).toFixed(2)}%`;
